"""Heads that average, add or regress: what a deep model has to beat.

Every head predicts an effect, the change of mean expression from the controls of a context; its cells are
real control cells moved by it. All learn from train's effects alone; strengths are chosen on eval.

Shape letters: G genes, F features, P pairs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seqbench.errors import NotApplicableError
from seqbench.perturb.cells import genes_of
from seqbench.perturb.effects import Effects
from seqbench.perturb.expression import CellMatrix
from seqbench.perturb.features import GeneFeatures
from seqbench.perturb.splits import Pair
from seqbench.probe.heads.ridge import ridge_path

Floats = NDArray[np.float64]

ALPHAS = tuple(float(10.0**power) for power in np.arange(-3, 5.5, 0.5))
"""Ridge strengths on features of mean 0 and deviation 1, chosen on eval."""


class Response(Protocol):
    """A trained head."""

    @property
    def hyperparameters(self) -> Mapping[str, float | int | str]:
        """What was chosen on eval."""

    def delta(self, pair: Pair) -> Floats:
        """The predicted effect, (G,)."""

    def cells(self, pair: Pair, rows_B: NDArray[np.int64]) -> NDArray[np.float32]:
        """Predicted cells, (B, G), from as many control cells of the pair's context, told by their rows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shift:
    """A response that moves every control cell by the same effect."""

    matrix: CellMatrix
    effect: Callable[[Pair], Floats]
    hyperparameters: Mapping[str, float | int | str] = field(default_factory=dict)

    def delta(self, pair: Pair) -> Floats:
        """See `Response`."""
        return self.effect(pair)

    def cells(self, pair: Pair, rows_B: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Response`."""
        moved: NDArray[np.float32] = self.matrix.rows(rows_B) + self.effect(pair).astype(np.float32)
        return moved


def control_mean(effects: Effects) -> Shift:
    """Nothing happens."""
    n_genes = len(effects.matrix.genes)
    return Shift(matrix=effects.matrix, effect=lambda pair: np.zeros(n_genes))


def perturbation_mean(effects: Effects) -> Shift:
    """The mean effect of the same perturbation in train; of all perturbations where train lacks it."""
    known = _averages(effects, lambda pair: pair[0])
    overall_G = _overall(effects)
    return Shift(matrix=effects.matrix, effect=lambda pair: known.get(pair[0], overall_G))


def context_mean(effects: Effects) -> Shift:
    """The mean effect of train's perturbations in the same context; in all contexts where train lacks it."""
    known = _averages(effects, lambda pair: pair[1])
    overall_G = _overall(effects)
    return Shift(matrix=effects.matrix, effect=lambda pair: known.get(pair[1], overall_G))


def additive(effects: Effects) -> Shift:
    """The sum of the effects of a combination's single genes, in the same context where train has them there.

    Where a perturbation is of one gene, or train lacks one of its genes alone, it is the perturbation mean.

    Raises:
        NotApplicableError: No perturbation of test is a combination.
    """
    if not any(len(genes_of(name)) > 1 for name in effects.roles.perturbations("test")):
        raise NotApplicableError("additive needs combinations of genes in test, such as A+B; there are none")
    train = effects.train_deltas
    single = {genes_of(name)[0]: delta for name, delta in _averages(effects, lambda pair: pair[0]).items()
              if len(genes_of(name)) == 1}  # fmt: skip
    here = {
        (genes_of(pair[0])[0], pair[1]): delta for pair, delta in train.items() if len(genes_of(pair[0])) == 1
    }
    fallback = perturbation_mean(effects)

    def effect(pair: Pair) -> Floats:
        genes = genes_of(pair[0])
        parts = [here.get((gene, pair[1]), single.get(gene)) for gene in genes]
        if len(genes) == 1 or any(part is None for part in parts):
            return fallback.delta(pair)
        return np.asarray(np.sum([part for part in parts if part is not None], axis=0))

    return Shift(matrix=effects.matrix, effect=effect)


def nearest(effects: Effects, features: GeneFeatures) -> Shift:
    """The effect of the train perturbation whose vector is nearest by cosine.

    In the same context where train has it there, else its mean over contexts.

    Vectors are centred on train's mean first: of embeddings that share a large common part the cosine is 1
    between all otherwise.
    """
    names = effects.roles.perturbations("train")
    vectors_PF = features.of(names).astype(np.float64)
    centre_F = vectors_PF.mean(axis=0)
    vectors_PF = _unit(vectors_PF - centre_F)
    average = _averages(effects, lambda pair: pair[0])

    def effect(pair: Pair) -> Floats:
        own_F = _unit(features.of([pair[0]]).astype(np.float64) - centre_F)[0]
        name = names[int(np.argmax(vectors_PF @ own_F))]
        return effects.train_deltas.get((name, pair[1]), average[name])

    return Shift(matrix=effects.matrix, effect=effect)


def ridge(effects: Effects, features: GeneFeatures, *, seed: int) -> Shift:
    """Ridge regression from a perturbation's vector to its effect; each pair of train is one item.

    Features are brought to mean 0 and deviation 1 on train. The strength is the one of the lowest squared
    error on eval's effects, or, where there is no eval, on a tenth of train's perturbations held out by
    seed.
    """
    train, evaluation = train_and_eval(effects, seed)
    alpha = _best_alpha(effects, features, train, evaluation)
    predict = _fitted(
        effects, features, [*train, *(evaluation if not effects.pairs("eval") else ())], [alpha]
    )[0]
    return Shift(
        matrix=effects.matrix, effect=lambda pair: predict([pair[0]])[0], hyperparameters={"alpha": alpha}
    )


def train_and_eval(effects: Effects, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Pairs to train and to choose on; without eval a tenth of train's perturbations, by seed."""
    train, evaluation = effects.pairs("train"), effects.pairs("eval")
    if evaluation:
        return train, evaluation
    names = effects.roles.perturbations("train")
    held = set(np.random.default_rng(seed).permutation(names)[: max(1, len(names) // 10)].tolist())
    if len(names) < 2:
        return train, train
    return [pair for pair in train if pair[0] not in held], [pair for pair in train if pair[0] in held]


def _best_alpha(
    effects: Effects, features: GeneFeatures, train: Sequence[Pair], evaluation: Sequence[Pair]
) -> float:
    wanted_PG = np.stack([effects.delta(pair) for pair in evaluation])
    names = [pair[0] for pair in evaluation]
    errors = [
        float(np.mean((predict(names) - wanted_PG) ** 2))
        for predict in _fitted(effects, features, train, ALPHAS)
    ]
    return ALPHAS[int(np.argmin(errors))]


def _fitted(
    effects: Effects, features: GeneFeatures, train: Sequence[Pair], alphas: Sequence[float]
) -> list[Callable[[Sequence[str]], Floats]]:
    """For each strength what predicts the effects of perturbations, (P, G)."""
    inputs_PF = features.of([pair[0] for pair in train]).astype(np.float64)
    targets_PG = np.stack([effects.delta(pair) for pair in train])
    mean_F, scale_F, offset_G = inputs_PF.mean(axis=0), inputs_PF.std(axis=0), targets_PG.mean(axis=0)
    scale_F = np.where(scale_F > 0, scale_F, 1.0)

    def standard(names: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray((features.of(names) - mean_F) / scale_F, dtype=np.float32)

    def predictor(weights_FG: Floats) -> Callable[[Sequence[str]], Floats]:
        return lambda names: standard(names).astype(np.float64) @ weights_FG + offset_G

    path = ridge_path(standard([pair[0] for pair in train]), targets_PG - offset_G, alphas)
    return [predictor(weights_FG) for weights_FG in path]


def _averages(effects: Effects, key: Callable[[Pair], str]) -> dict[str, Floats]:
    """Mean effect over the pairs of train of each key."""
    grouped: dict[str, list[Floats]] = {}
    for pair, delta_G in effects.train_deltas.items():
        grouped.setdefault(key(pair), []).append(delta_G)
    return {name: np.mean(deltas, axis=0) for name, deltas in grouped.items()}


def _overall(effects: Effects) -> Floats:
    return np.asarray(np.mean(list(effects.train_deltas.values()), axis=0))


def _unit(rows_PF: Floats) -> Floats:
    lengths = np.sqrt((rows_PF**2).sum(axis=1, keepdims=True))
    return np.asarray(np.divide(rows_PF, lengths, out=np.zeros_like(rows_PF), where=lengths > 0))
