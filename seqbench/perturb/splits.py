"""Which perturbations, contexts or combinations are held out; none of their cells is in train.

A split decides for (perturbation, context) pairs, never for single cells: cells of one pair are replicates,
and a score on some of them after training on the others would measure memory.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seqbench.core.types import SPLITS, SplitName
from seqbench.errors import ConfigError, DataError
from seqbench.perturb.cells import Cells, genes_of

HoldOut = Literal["perturbations", "contexts", "few-shot", "combinations"]
Pair = tuple[str, str]
"""A perturbation and a context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRoles:
    """Train, eval or test for every pair of perturbation and context; pairs left out are in none."""

    by_pair: Mapping[Pair, SplitName]
    what: str
    """How the split was made, for tables and the catalog."""

    def pairs(self, split: SplitName) -> list[Pair]:
        """The pairs of a split, sorted."""
        return sorted(pair for pair, found in self.by_pair.items() if found == split)

    def perturbations(self, split: SplitName) -> list[str]:
        """The perturbations that a split has in any context, sorted."""
        return sorted({perturbation for perturbation, _ in self.pairs(split)})


def pairs_of(cells: Cells) -> list[Pair]:
    """Every pair of a perturbation and a context that has cells, controls left out; sorted."""
    codes = np.stack([cells.perturbation.codes_N, cells.context.codes_N])[:, ~cells.is_control_N]
    found = np.unique(codes, axis=1).T.tolist()
    return sorted((cells.perturbation.names[p], cells.context.names[c]) for p, c in found)


def hold_out(cells: Cells, what: HoldOut, *, share: float, few: int, seed: int) -> SetRoles:
    """Draw a split.

    Args:
        cells: The file.
        what: `perturbations`: some are in no context of train. `contexts`: some are in train with their
        controls
            only (zero-shot). `few-shot`: the same, but `few` perturbations of each held-out context are in
            train. `combinations`: some perturbations of several genes are held out, single ones are all in
            train.
        share: Of what is held out, for test and again for eval; at least one of each.
        few: Perturbations of a held-out context that train sees.
        seed: Of the draw.

    Raises:
        ConfigError: There is too little to hold out of.
    """
    pairs = pairs_of(cells)
    draw = np.random.default_rng(seed)
    if what in ("perturbations", "combinations"):
        names = sorted({perturbation for perturbation, _ in pairs})
        candidates = [name for name in names if what == "perturbations" or len(genes_of(name)) > 1]
        roles = _drawn(
            candidates, share, draw, f"perturb.splits.hold_out: {what}", keep_one=what == "perturbations"
        )
        by_pair = {pair: roles.get(pair[0], "train") for pair in pairs}
        return SetRoles(by_pair=by_pair, what=f"{what} held out ({share:g}, seed {seed})")
    names = sorted({context for _, context in pairs})
    roles = _drawn(names, share, draw, f"perturb.splits.hold_out: {what}", keep_one=True)
    by_pair = {pair: roles.get(pair[1], "train") for pair in pairs}
    if what == "few-shot":
        for context in (name for name in names if roles.get(name, "train") != "train"):
            there = sorted(perturbation for perturbation, found in pairs if found == context)
            if len(there) <= few:
                raise ConfigError(
                    f"perturb.splits.few is {few}, but context {context} has {len(there)} "
                    "perturbations: lower it"
                )
            for perturbation in draw.permutation(there)[:few].tolist():
                by_pair[perturbation, context] = "train"
    return SetRoles(by_pair=by_pair, what=f"{what} held out ({share:g}, seed {seed})")


def _drawn(
    names: Sequence[str], share: float, draw: np.random.Generator, key: str, *, keep_one: bool
) -> dict[str, SplitName]:
    count = max(1, round(share * len(names)))
    if 2 * count + keep_one > len(names):
        raise ConfigError(
            f"{key} needs at least {2 * count + keep_one} of them to hold {count} out for eval and "
            f"{count} for test; "
            f"the cells have {len(names)}"
        )
    order = draw.permutation(np.array(names, dtype=object)).tolist()
    return dict.fromkeys(order[:count], "test") | dict.fromkeys(order[count : 2 * count], "eval")


_MEANING: dict[str, SplitName] = {
    "train": "train", "eval": "eval", "val": "eval", "valid": "eval", "validation": "eval", "test": "test",
}  # fmt: skip
_CONTROL = ("control", "ctrl")


def split_of_column(cells: Cells, column: str) -> SetRoles:
    """The split that a column of `obs` names: train, eval (or val) and test; controls may say `control`.

    Raises:
        DataError: There is no such column, it holds another word, or cells of one pair are in two splits.
    """
    words = cells.column(column)
    said_by = [name.lower() for name in words.names]
    of_perturbed = np.unique(words.codes_N[~cells.is_control_N]).tolist()
    unknown = sorted({said_by[code] for code in of_perturbed} - _MEANING.keys())
    if unknown:
        raise DataError(
            f"{cells.path}: obs[{column!r}] says {unknown[0]!r}; a split is train, eval or test "
            "(controls: control)"
        )
    by_pair: dict[Pair, SplitName] = {}
    for (perturbation, context), chosen_N in _cells_by_pair(cells):
        said = {_MEANING[said_by[code]] for code in np.unique(words.codes_N[chosen_N]).tolist()}
        if len(said) > 1:
            raise DataError(
                f"{cells.path}: obs[{column!r}] puts cells of {perturbation} in {context} into "
                f"{' and '.join(sorted(said))}: cells of one perturbation in one context belong together"
            )
        by_pair[perturbation, context] = said.pop()
    return SetRoles(by_pair=by_pair, what=f"obs[{column!r}]")


def _cells_by_pair(cells: Cells) -> Iterable[tuple[Pair, NDArray[np.int64]]]:
    n_contexts = len(cells.context.names)
    keys_N = cells.perturbation.codes_N.astype(np.int64) * n_contexts + cells.context.codes_N
    perturbed = np.flatnonzero(~cells.is_control_N)
    ordered = perturbed[np.argsort(keys_N[perturbed], kind="stable")]
    for rows in np.split(ordered, np.flatnonzero(np.diff(keys_N[ordered])) + 1):
        perturbation, context = divmod(int(keys_N[rows[0]]), n_contexts)
        yield (cells.perturbation.names[perturbation], cells.context.names[context]), rows


def split_of_toml(cells: Cells, path: Path, dataset: str) -> SetRoles:
    """The split that one of the community's TOML files describes.

    `[training]` and `[datasets]` name data sets; `[zeroshot]` gives `"data set.context" = "test"` (or
    `"val"`); `[fewshot."data set.context"]` lists perturbations as `val` and `test`, all others of the
    context being train.

    Args:
        cells: The file.
        path: The TOML file.
        dataset: The name under which it speaks of these cells.

    Raises:
        ConfigError: The file can't be read, names a context or perturbation that the cells lack, or does not
            speak of this data set.
    """
    told = _read_toml(path)
    named = {*told["datasets"], *told["training"]}
    if dataset not in named and not any(
        key.startswith(f"{dataset}.") for key in [*told["zeroshot"], *told["fewshot"]]
    ):
        known = ", ".join(sorted(named)) or "none"
        raise ConfigError(
            f"{path}: does not speak of data set {dataset!r} (perturb.data.name); it names {known}"
        )
    pairs = pairs_of(cells)
    by_pair: dict[Pair, SplitName] = dict.fromkeys(pairs, "train")
    for key, role in told["zeroshot"].items():
        context = _context(key, dataset, cells, path)
        if context is not None:
            if str(role).lower() not in _MEANING:
                raise ConfigError(f"{path}: zeroshot {key!r} is {role!r}; it must be val or test")
            by_pair |= {pair: _MEANING[str(role).lower()] for pair in pairs if pair[1] == context}
    for key, lists in told["fewshot"].items():
        context = _context(key, dataset, cells, path)
        if context is None:
            continue
        if not isinstance(lists, Mapping):
            raise ConfigError(f"{path}: fewshot {key!r} must be a table of val and test lists")
        for word, names in lists.items():
            _few_shot(by_pair, context, word, names, path, key)
    return SetRoles(by_pair=by_pair, what=path.name)


def _few_shot(
    by_pair: dict[Pair, SplitName], context: str, word: str, names: object, path: Path, key: str
) -> None:
    if word.lower() not in _MEANING or not isinstance(names, list):
        raise ConfigError(f"{path}: fewshot {key!r} holds {word!r}; it takes lists named train, val and test")
    for name in map(str, names):
        if (name, context) not in by_pair:
            raise ConfigError(
                f"{path}: fewshot {key!r} names {name!r}, of which context {context} has no cells"
            )
        by_pair[name, context] = _MEANING[word.lower()]


def _read_toml(path: Path) -> dict[str, dict[str, object]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is no TOML: {error}") from error
    sections = {}
    for name in ("datasets", "training", "zeroshot", "fewshot"):
        section = content.get(name, {})
        if not isinstance(section, dict):
            raise ConfigError(f"{path}: [{name}] must be a table")
        sections[name] = section
    return sections


def _context(key: str, dataset: str, cells: Cells, path: Path) -> str | None:
    """The context that a key like `data set.context` names; None where it speaks of another data set."""
    head, dot, context = key.partition(".")
    if not dot or head != dataset:
        return None
    if context not in cells.context.names:
        known = ", ".join(cells.context.names[:5])
        raise ConfigError(
            f"{path}: {key!r} names context {context!r}, which the cells lack; they have {known}"
        )
    return context


def check_roles(cells: Cells, roles: SetRoles) -> None:
    """See that every split has something in it.

    Raises:
        DataError: Train or test has no pair.
    """
    for split in SPLITS:
        if split != "eval" and not roles.pairs(split):
            raise DataError(f"{cells.path}: split {roles.what} leaves no perturbation for {split}")


def cells_of_pairs(cells: Cells, pairs: Iterable[Pair]) -> NDArray[np.int64]:
    """Rows of all cells of some pairs, ascending."""
    wanted = set(pairs)
    found = [rows for pair, rows in _cells_by_pair(cells) if pair in wanted]
    return np.sort(np.concatenate(found)) if found else np.empty(0, np.int64)
