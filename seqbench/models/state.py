"""What a model keeps from one forward pass to the next, and setting it back.

BigBird, at its first short input, replaces sparse attention by full attention for good; rotary positions
that grow with their input keep the frequencies of the longest. What a pass computes must not depend on those
before it, so every pass begins from the state that the model was loaded with.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from torch import Tensor, nn

LARGEST_KEPT: Final = 2**22
"""Bytes of a tensor of which a copy is kept, to undo changes in place; larger ones are tables."""

_OWN: Final = frozenset({*vars(nn.Module()), "_output_capturing_hooks_installed"})
"""What every module has, parameters and hooks, which are no state of a pass; by the last name transformers
notes that its hooks are there."""

_MODES: Final = (str, bool, type(None))
"""Values that choose a way of computing; numbers and tensors are mostly caches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One named value as it was."""

    value: Any
    copy: Any = None
    """Content of a container, or of a small tensor."""
    version: int = 0
    """Of a tensor: PyTorch counts what is written into it."""


class _Names:
    """One dictionary of names: a module's attributes, submodules or buffers, or those of a config."""

    def __init__(self, path: str, names: dict[str, Any], skipped: frozenset[str] = frozenset()) -> None:
        self.path = path
        self._names = names
        self._skipped = skipped
        self._entries = {name: _entry(value) for name, value in names.items() if name not in skipped}

    def restore(self) -> dict[str, bool]:
        """Set back what was changed; by name, whether it chooses a way of computing."""
        changed: dict[str, bool] = {}
        for name, entry in self._entries.items():
            now = self._names.get(name, _MISSING)
            if now is entry.value and not _is_written(entry):
                continue
            if isinstance(now, _PLAIN) and type(now) is type(entry.value) and now == entry.value:
                continue
            changed[name] = isinstance(now, nn.Module) or _is_mode(entry.value, now)
            self._entries[name] = _written_back(entry)
            self._names[name] = entry.value
        if len(self._names) > len(self._entries):
            for name in self._names.keys() - self._entries.keys() - self._skipped:
                changed[name] = isinstance(self._names.pop(name), nn.Module)
        return changed


class FreshState:
    """The state that a model was loaded with."""

    def __init__(self, model: nn.Module) -> None:
        """Note a model's state and see that each of its passes begins from it.

        Args:
            model: Not run yet.
        """
        self.changed: set[str] = set()
        """Names of what passes left changed."""
        self.switches = False
        """Whether passes changed how the model computes, which then hangs on the length of its input."""
        self._model = model
        self._noted: list[_Names] = []
        self.note()
        self._hook = model.register_forward_pre_hook(lambda module, args: self.restore())

    def note(self) -> None:
        """Take what the model is now for its state, after it was changed on purpose."""
        self._noted = []
        configs: dict[int, _Names] = {}
        for path, module in self._model.named_modules():
            start = f"{path}." if path else ""
            if module._modules:
                self._noted.append(_Names(start, module._modules))
            if module._buffers:
                self._noted.append(_Names(start, module._buffers))
            if type(module).__module__.startswith("torch.nn."):  # layers of PyTorch keep nothing
                continue
            self._noted.append(_Names(start, vars(module), _OWN))
            config = getattr(module, "config", None)
            if config is not None and hasattr(config, "__dict__"):
                configs.setdefault(id(config), _Names(f"{start}config.", vars(config)))
        self._noted += configs.values()

    def restore(self) -> None:
        """Set back what passes have changed."""
        for names in self._noted:
            for name, is_mode in names.restore().items():
                self.changed.add(names.path + name)
                self.switches = self.switches or is_mode

    def close(self) -> None:
        """Set the model back and let it be."""
        self.restore()
        self._hook.remove()

    def change(self, change: Callable[[], Any]) -> Any:
        """Change the model on purpose, from its fresh state; gives what `change` gives."""
        self.restore()
        found = change()
        self.note()
        return found


_MISSING: Final = object()
_PLAIN: Final = (str, int, float, complex, bytes, tuple, bool)


def _entry(value: Any) -> _Entry:
    if isinstance(value, Tensor):
        small = not isinstance(value, nn.Parameter) and value.nbytes <= LARGEST_KEPT
        if not small or value.is_inference() or value.is_meta:
            return _Entry(value=value)
        return _Entry(value=value, copy=value.detach().clone(), version=value._version)
    return _Entry(value=value, copy=value.copy() if type(value) in (list, dict, set) else None)


def _is_written(entry: _Entry) -> bool:
    """Whether a container or a tensor holds something else than it did."""
    if entry.copy is None:
        return False
    if isinstance(entry.value, Tensor):
        return bool(entry.value._version != entry.version)
    if len(entry.value) != len(entry.copy):
        return True
    if isinstance(entry.value, set):
        return bool(entry.value != entry.copy)
    if isinstance(entry.value, dict):
        return any(entry.value.get(key, _MISSING) is not value for key, value in entry.copy.items())
    return any(now is not then for now, then in zip(entry.value, entry.copy, strict=True))


def _written_back(entry: _Entry) -> _Entry:
    """The entry, after what it holds was set back."""
    if not _is_written(entry):
        return entry
    value, copy = entry.value, entry.copy
    if isinstance(value, Tensor):
        value.copy_(copy)
        return replace(entry, version=value._version)
    if isinstance(value, list):
        value[:] = copy
    else:
        value.clear()
        value.update(copy)
    return entry


def _is_mode(old: Any, new: Any) -> bool:
    return isinstance(old, _MODES) and isinstance(new, _MODES)
