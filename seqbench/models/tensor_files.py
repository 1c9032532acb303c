"""What `torch.save` wrote, read without running anything: tensors, NumPy arrays, numbers, and lists of them.

Torch's weights-only reader makes tensors. NumPy's arrays are pickled as calls of NumPy's functions, by one
name in NumPy 1 and another in NumPy 2. Here both names stand for classes of this module, which keep a shape,
a type code and bytes, so that no function of NumPy runs on what a file says.
"""

import pickle
import re
import reprlib
import threading
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

_SPARSEST = 1000
"""Numbers of a sparse tensor for each byte of its file, at most."""
_MAX_DEPTH = 8
"""Lists within lists; a label has two."""
_TYPE = re.compile(r"[<>|=]?([biuf](1|2|4|8)|b1|\?)")
_ALLOWED = threading.Lock()
"""Torch's list of allowed names is the process's: leaving its context takes them from other threads too."""


class _NumberType:
    """A pickled `numpy.dtype`: its code, such as `<f8`."""

    def __init__(self, code: object = "", *_: object) -> None:
        self.code = code
        self.order = ""

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">"):
            self.order = state[1]

    def dtype(self) -> np.dtype[Any]:
        """As NumPy has it.

        Raises:
            ValueError: It is not of numbers.
        """
        if not isinstance(self.code, str) or not _TYPE.fullmatch(self.code):
            raise ValueError(f"an array of NumPy's type {reprlib.repr(self.code)}")
        return np.dtype(self.order + self.code.lstrip("<>|="))


class _Array:
    """A pickled `numpy.ndarray`: shape, type and bytes; for one of Python objects, these."""

    def __init__(self, *_: object) -> None:
        self.state: Any = ()

    def __setstate__(self, state: object) -> None:
        self.state = state

    def content(self) -> tuple[tuple[int, ...], bool, NDArray[Any] | list[Any]]:
        """Shape, whether columns come first, and all values, in a list where they are Python objects.

        Raises:
            ValueError: It is damaged, or holds anything but numbers.
        """
        _, shape, kind, by_columns, values = self.state
        return shape, by_columns, values if isinstance(values, list) else np.frombuffer(values, kind.dtype())


class _ArrayType:
    """A pickled `numpy.ndarray`, the class: said of each array, and not needed."""


def _scalar(kind: object, content: object) -> object:
    """A pickled number of NumPy's, such as `numpy.int64(1)`."""
    if not isinstance(kind, _NumberType) or not isinstance(content, bytes):
        raise pickle.UnpicklingError("a scalar that is no number")
    return np.frombuffer(content, dtype=kind.dtype())[0].item()


_NUMPY: Final[list[Callable[..., Any] | tuple[Callable[..., Any], str]]] = [
    (_NumberType, "numpy.dtype"),
    (_ArrayType, "numpy.ndarray"),
    *((_Array, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
    *((_scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
]
"""What stands for each name; NumPy 2 renamed `numpy.core` to `numpy._core`."""


def load_tensors(path: Path) -> Any:
    """Read what `torch.save` wrote; `as_array` turns what it holds into arrays.

    Raises:
        ModelError: It is no such file, is damaged, or holds anything but tensors, NumPy arrays, numbers and
            text.
    """
    import torch

    try:
        with _ALLOWED, torch.serialization.safe_globals(_NUMPY):
            # Files of before PyTorch 1.6 are no archives and can't be mapped.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: holds more than tensors, which is not read for safety (save it again with "
            "torch.save and torch.as_tensor(…) of what it holds)"
        ) from error
    # Torch's unpickler runs the file's instructions unchecked, so damaged ones end in any exception at all.
    except Exception as error:
        raise ModelError(f"{path}: can't be read as a PyTorch file (cut short? extract it again)") from error


def as_array(value: object, path: Path, what: str) -> NDArray[Any]:
    """A tensor, a NumPy array, or a list of numbers, lists or tensors of one shape, as an array of numbers.

    Args:
        value: From `load_tensors`.
        path: The file, for error lines.
        what: What it is, such as `labels`.

    Raises:
        ModelError: It holds text or other things, differs in length, or does not fit the file.
    """
    try:
        found = _array(value, path, 0)
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelError(
            f"{path}: {what} are no numbers of one shape: {error} (save them with torch.as_tensor({what}))"
        ) from error
    return found


def _array(value: object, path: Path, depth: int) -> NDArray[Any]:
    import torch

    if isinstance(value, torch.Tensor):
        return plain(value, path)
    if isinstance(value, _Array):
        shape, by_columns, values = value.content()
        if isinstance(values, list):  # NumPy writes objects row by row, whatever their order in memory
            return _joined(values, path, depth).reshape(shape)
        return values.reshape(shape, order="F" if by_columns else "C")
    if isinstance(value, list | tuple):
        return _joined(value, path, depth)
    if not isinstance(value, bool | int | float):
        raise ValueError(f"{reprlib.repr(value)} is a {type(value).__name__}")
    return np.asarray(value)


def _joined(values: Sequence[Any], path: Path, depth: int) -> NDArray[Any]:
    """A list's parts below each other."""
    if depth >= _MAX_DEPTH:
        raise ValueError(f"lists are nested more than {_MAX_DEPTH} deep")
    if all(type(value) in (int, float, bool) for value in values):
        found = np.asarray(values)
    else:
        parts = [_array(value, path, depth + 1) for value in values]
        if len({part.shape for part in parts}) > 1:
            shapes = " and ".join(str(shape) for shape in sorted({part.shape for part in parts})[:2])
            raise ValueError(f"its parts are of shapes {shapes}")
        found = np.stack(parts)
    if found.dtype.kind not in "biuf":
        raise ValueError("a number does not fit in 64 bits")
    return found


def plain(tensor: "Tensor", path: Path) -> NDArray[Any]:
    """Any tensor as an array; NumPy knows neither bfloat16 nor sparse tensors.

    Raises:
        ModelError: It is damaged: it would take more memory than its file can stand for.
    """
    import torch

    most = path.stat().st_size * (_SPARSEST if tensor.is_sparse else 1)
    if tensor.layout not in (torch.strided, torch.sparse_coo) or tensor.is_complex() or tensor.numel() > most:
        raise ModelError(
            f"{path}: holds a tensor of shape {tuple(tensor.shape)}, {tensor.dtype}, {tensor.layout}, which "
            "does not fit the file (damaged? extract it again)"
        )
    dense = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
    return np.asarray(
        dense.float().numpy() if dense.dtype.itemsize < 4 and dense.is_floating_point() else dense
    )
