"""Faster linear layers on CPUs: weights laid out for oneDNN once, bias and activation fused into the product.

PyTorch's own CPU path adds the bias in a pass of its own and reorders weights in every call; an activation
costs another pass, and some models spell theirs out in five. The operators used here are those that
`torch.compile` emits. They are not a public interface, so that everything is proven on the model at hand: an
activation is fused only where a module's output is that of `activation(linear(x))`, and `pack` is undone by
its caller where hidden states come out different.
"""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from seqbench.core.malloc import free_memory

ACTIVATIONS: dict[str, tuple[str, str, Callable[[Tensor], Tensor]]] = {
    "gelu": ("gelu", "none", functional.gelu),
    "gelu_tanh": ("gelu", "tanh", lambda x: functional.gelu(x, approximate="tanh")),
    "relu": ("relu", "", functional.relu),
    "silu": ("swish", "", functional.silu),
}
"""By name: oneDNN's name and algorithm, and the same in PyTorch."""

SIBLINGS = frozenset({"query", "key", "value", "q_proj", "k_proj", "v_proj", "q", "k", "v"})
"""Names under which models keep layers that read the same input; if they do not, each computes for itself."""

TYPICAL_TOKENS = 4096
"""Rows of the product that the weights are laid out for; others work as well."""


class PackedLinear(nn.Module):
    """A linear layer in oneDNN's layout, with an activation behind it."""

    def __init__(self, linear: nn.Module, activation: str | None = None) -> None:
        super().__init__()
        weight, bias = _weight_and_bias(linear)
        self.out_features, self.in_features = weight.shape
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, TYPICAL_TOKENS)
        self.bias = bias
        name, algorithm, _ = ACTIVATIONS[activation] if activation else ("none", "", None)
        self._activation, self._algorithm = name, algorithm

    def forward(self, x: Tensor) -> Tensor:
        """`activation(x @ weight.T + bias)`, shape (..., out_features)."""
        rows_MK = x.reshape(-1, self.in_features)
        count = len(rows_MK)
        rows_MK = _with_rows(rows_MK, rounded(count))
        result_MN: Tensor = torch.ops.mkldnn._linear_pointwise(
            rows_MK, self.weight, self.bias, self._activation, [], self._algorithm
        )
        joined: Tensor = result_MN[:count].view(*x.shape[:-1], self.out_features)
        return joined


def rounded(rows: int) -> int:
    """The next of sixteen sizes between powers of two.

    oneDNN makes machine code for each number of rows: up to 30 ms in bfloat16, again and again where batches
    come in more sizes than its cache holds. A few sizes, at 2 % more rows, are made once.
    """
    step = 1 << max(0, rows.bit_length() - 5)
    return -(-rows // step) * step


def _with_rows(rows_MK: Tensor, wanted: int) -> Tensor:
    """The same rows and some more, whose values do not matter: rows do not mix in a linear layer."""
    count, width = rows_MK.shape
    if wanted == count:
        return rows_MK
    room = rows_MK.untyped_storage().nbytes() // rows_MK.element_size() - rows_MK.storage_offset()
    if rows_MK.is_contiguous() and room >= wanted * width:  # made by another packed layer
        return rows_MK.as_strided((wanted, width), (width, 1))
    longer = rows_MK.new_empty(wanted, width)
    longer[:count] = rows_MK
    longer[count:] = 0
    return longer


class PackedSiblings(nn.Module):
    """Linear layers that read the same input, such as query, key and value, in one product.

    The first that is called computes all; the others are served when they are called with the same tensor.
    """

    def __init__(self, linears: Sequence[nn.Module]) -> None:
        super().__init__()
        self._linear = PackedLinear(_side_by_side(linears))
        self._input: Tensor | None = None
        self._output: Tensor | None = None

    def part(self, x: Tensor, start: int, stop: int, last: bool) -> Tensor:
        """Columns `start` to `stop` of the joint output."""
        if self._input is not x or self._output is None:
            self._input, self._output = x, self._linear(x)
        found = self._output[..., start:stop]
        if last:  # nothing is kept beyond the pass
            self._input = self._output = None
        return found


class Sibling(nn.Module):
    """One of several linear layers that are computed together."""

    def __init__(self, linear: nn.Module, joint: PackedSiblings, start: int, last: bool) -> None:
        super().__init__()
        self.out_features, self.in_features = _weight_and_bias(linear)[0].shape
        # In a tuple, so that it is not registered once a sibling.
        self._joint, self._start, self._last = (joint,), start, last

    def forward(self, x: Tensor) -> Tensor:
        """As the linear layer it stands for; shape (..., out_features)."""
        return self._joint[0].part(x, self._start, self._start + self.out_features, self._last)


class Packed:
    """The packed layers of a model, which can be put back."""

    def __init__(self, model: nn.Module) -> None:
        self._originals: list[tuple[nn.Module, str, nn.Module]] = []
        try:
            self._pack(model)
        except RuntimeError:
            self.undo()
            raise

    def _pack(self, model: nn.Module) -> None:
        fused: dict[type, str | None] = {}
        for parent in list(model.modules()):
            kind = type(parent)
            if kind not in fused:
                fused[kind] = fused_activation(parent)
            if (activation := fused[kind]) is not None:
                ((name, linear),) = _linears(parent)
                self._replace(parent, name, PackedLinear(linear, activation))
                parent.forward = getattr(parent, name).forward
                continue
            self._replace_all(parent, _linears(parent))

    def __len__(self) -> int:
        return len(self._originals)

    def undo(self) -> None:
        """Put the original modules back."""
        for parent, name, module in reversed(self._originals):
            setattr(parent, name, module)
            parent.__dict__.pop("forward", None)

    def _replace_all(self, parent: nn.Module, linears: list[tuple[str, nn.Module]]) -> None:
        together = [(name, linear) for name, linear in linears if name in SIBLINGS]
        if len(together) > 1 and len({_kind(linear) for _, linear in together}) == 1:
            joint = PackedSiblings([linear for _, linear in together])
            start = 0
            for name, linear in together:
                last = name == together[-1][0]
                sibling = Sibling(linear, joint, start, last)
                self._replace(parent, name, sibling)
                start += sibling.out_features
            linears = [(name, linear) for name, linear in linears if name not in SIBLINGS]
        for name, linear in linears:
            self._replace(parent, name, PackedLinear(linear))

    def _replace(self, parent: nn.Module, name: str, module: nn.Module) -> None:
        self._originals.append((parent, name, parent.get_submodule(name)))
        setattr(parent, name, module)


def pack(model: nn.Module) -> Callable[[], None] | None:
    """Pack the linear layers of a model on a CPU.

    Returns:
        What puts the original layers back; None where they can't be packed, and nothing was changed.
    """
    if not can_pack(model):
        return None
    try:
        return Packed(model).undo
    except RuntimeError:  # oneDNN refuses a shape
        return None


def can_pack(model: nn.Module) -> bool:
    """Whether machine and PyTorch have what it takes, and memory holds the weights twice for a moment."""
    weights = list(model.parameters())
    dtypes = {weight.dtype for weight in weights}
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if any(weight.device.type != "cpu" for weight in weights):
        return False
    if not dtypes <= {torch.float32, torch.bfloat16}:
        return False
    try:
        fast = torch.float32 in dtypes or torch.ops.mkldnn._is_mkldnn_bf16_supported()
        _ = torch.ops.mkldnn._reorder_linear_weight, torch.ops.mkldnn._linear_pointwise
    except AttributeError:
        return False
    return bool(fast) and 2 * sum(weight.nbytes for weight in weights) < free_memory()


@torch.no_grad()
def fused_activation(module: nn.Module) -> str | None:
    """The activation of a module that is `activation(linear(x))` and nothing else, found by trying it."""
    linears = _linears(module)
    holders = [child for child in module.children() if any(True for _ in child.parameters())]
    if len(linears) != 1 or len(holders) != 1 or any(True for _ in module.parameters(recurse=False)):
        return None
    trial = copy.deepcopy(module).float().eval()
    ((_, linear),) = _linears(trial)
    weight, bias = _weight_and_bias(linear)
    x = torch.randn(8, weight.shape[1], generator=torch.Generator().manual_seed(0))
    plain = functional.linear(x, weight, bias)
    # Scaled so that the curves of the activations are told apart, whatever the size of the weights.
    scale = 3.0 / float(plain.std().clamp_min(1e-6))
    try:
        found = trial(x * scale)
    except (TypeError, RuntimeError, ValueError, IndexError, AttributeError):
        return None
    if not isinstance(found, Tensor) or found.shape != plain.shape:
        return None
    plain = functional.linear(x * scale, weight, bias)
    for name, (_, _, function) in ACTIVATIONS.items():
        if torch.allclose(found, function(plain), rtol=1e-4, atol=1e-5):
            return name
    return None


def _linears(parent: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, child) for name, child in parent.named_children() if _is_linear(child)]


def _is_linear(module: nn.Module) -> bool:
    hooked = any((module._forward_hooks, module._forward_pre_hooks, module._backward_hooks))
    return not hooked and (type(module) is nn.Linear or type(module).__name__ == "Conv1D")


def _kind(linear: nn.Module) -> tuple[int, bool]:
    """What linear layers must have in common to be computed together: input width, and whether biased."""
    weight, bias = _weight_and_bias(linear)
    return weight.shape[1], bias is not None


def _side_by_side(linears: Sequence[nn.Module]) -> nn.Linear:
    """One linear layer whose output is that of all, one after the other."""
    pairs = [_weight_and_bias(linear) for linear in linears]
    weight = torch.cat([weight for weight, _ in pairs])
    joint = nn.Linear(weight.shape[1], weight.shape[0], bias=pairs[0][1] is not None, device="meta")
    joint.weight = nn.Parameter(weight, requires_grad=False)
    if pairs[0][1] is not None:
        joint.bias = nn.Parameter(
            torch.cat([bias for _, bias in pairs if bias is not None]), requires_grad=False
        )
    return joint


def _weight_and_bias(linear: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Weight (out, in) and bias; the `Conv1D` of GPT-2 keeps its weight the other way round."""
    weight, bias = linear.get_parameter("weight").detach(), linear.bias
    if type(linear).__name__ == "Conv1D":
        weight = weight.t().contiguous()
    return weight, bias.detach() if isinstance(bias, Tensor) else None
