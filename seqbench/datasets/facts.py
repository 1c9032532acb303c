"""What the files of a data set say of it, held against what its documentation says."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from seqbench.core.alphabets import Alphabet, is_nucleic
from seqbench.core.missing import labelled, missing_values
from seqbench.core.types import SplitName, Task
from seqbench.datasets.index import SplitIndex
from seqbench.datasets.labels import Labels
from seqbench.datasets.spec import DatasetSpec, Expected

NUCLEOTIDE_SHARE = 0.9
"""Least share of A, C, G, T, U and N for sequences of IUPAC nucleotide codes to count as nucleotides: a
protein can be spelt with those codes alone, but not for long with these six."""

ODD_SHARE = 0.001
"""Share of letters that are no nucleotide codes, or of T beside U, up to which they are slips: of a protein's
letters a third are such."""

SPACES = (0.03, 0.4)
"""Shares of spaces in text: English has 17 %, long compound words half of that; a protein written with spaces
between its letters has 50 %."""

WORDY_SHARE = 0.03
"""Least share of B, J, O, U, X and Z among the letters of text: English has 12 %, proteins hardly any."""

RATIO_TOLERANCE = 0.01
"""Documented shares of splits are rounded to two digits."""

_IUPAC = np.frombuffer(b"ACGTUNRYSWKMBDHV-.", dtype=np.uint8)
_NO_RESIDUES = np.frombuffer(b"BJOUXZ", dtype=np.uint8)
_COMMON = np.frombuffer(b"ACGTUN", dtype=np.uint8)
_WHITE = np.array([byte < 128 and chr(byte).isspace() for byte in range(256)])
_ODD = np.array([not (chr(byte).isalpha() or chr(byte) in "-.*") for byte in range(256)])


def alphabet_of(letters: NDArray[np.int64]) -> Alphabet:
    """Tell DNA, RNA, protein and text apart by a (256,) histogram of byte values, either case.

    Nucleotides are at least 90 % A, C, G, T, U and N and hardly anything but IUPAC codes; RNA is where U
    occurs and T hardly does. Text is words with spaces between them. White space, digits and the like decide
    nothing else: a line end behind each sequence makes no protein of DNA.
    """
    upper = letters.copy()
    upper[ord("A") : ord("Z") + 1] += upper[ord("a") : ord("z") + 1]
    upper[ord("a") : ord("z") + 1] = 0
    spaces, characters = int(upper[ord(" ")]), int(upper.sum())
    upper[_ODD] = 0
    total = upper.sum()
    if upper[_IUPAC].sum() < (1 - ODD_SHARE) * total or upper[_COMMON].sum() < NUCLEOTIDE_SHARE * total:
        has_words = SPACES[0] * characters <= spaces <= SPACES[1] * characters
        return "text" if has_words and upper[_NO_RESIDUES].sum() >= WORDY_SHARE * total else "protein"
    thymine, uracil = upper[ord("T")], upper[ord("U")]
    return "rna" if uracil and thymine <= ODD_SHARE * uracil else "dna"


def white_space(letters: NDArray[np.int64]) -> int:
    """How many characters of a (256,) histogram are spaces, line ends and the like."""
    return int(letters[_WHITE].sum())


def odd_letters(letters: NDArray[np.int64]) -> str | None:
    """Name what occurs in sequences and is neither a letter nor one of `- . *`, with its count."""
    odd = np.flatnonzero(_ODD & (letters > 0))
    return ", ".join(f"{chr(byte)!r} {letters[byte]} times" for byte in odd) or None


def foreign_letters(letters: NDArray[np.int64]) -> str | None:
    """Name the letters among nucleotides that stand for none, with their counts; None if there are none."""
    if not is_nucleic(alphabet_of(letters)):
        return None
    codes = {*map(chr, _IUPAC.tolist()), "*"}
    foreign = [byte for byte in np.flatnonzero(letters).tolist() if chr(byte).upper() not in codes]
    return ", ".join(f"{chr(byte)!r} {letters[byte]} times" for byte in foreign if not _ODD[byte]) or None


def warnings_of(
    spec: DatasetSpec,
    indexes: Mapping[SplitName, SplitIndex],
    unused: list[SplitName],
    alphabet: Alphabet,
) -> list[str]:
    """List what a user should know of the files and is no fault, each in one line that starts with the name.

    Args:
        spec: With the documented facts.
        indexes: The splits in use.
        unused: Splits that have a file which the spec leaves out.
        alphabet: Of the sequences; text may hold anything.
    """
    remarks = _differences(spec.expected, indexes)
    remarks += [f"{split}.jsonl is not used: data_split leaves it out" for split in unused]
    if count := sum(index.white_space or 0 for index in indexes.values()):
        remarks.append(
            f"sequences hold white space, {count:,} characters in all, which is left out (where they are "
            "words, set alphabet: text in datasets_info.yaml)"
        )
    if alphabet != "text" and (odd := odd_letters(sum_letters(indexes))):
        remarks.append(f"sequences hold characters that are no letters: {odd}")
    if alphabet != "text" and (foreign := foreign_letters(sum_letters(indexes))):
        remarks.append(f"sequences hold letters that are no nucleotides: {foreign}")
    remarks += _unknown(indexes)
    remarks += _shared_groups(spec, indexes)
    train = indexes["train"]
    remarks += train.remarks
    if train.task is Task.CLASSIFICATION and len(np.unique(train.known_labels)) == 1:
        remarks.append("train has only one class")
    if train.task is Task.LABELS and (rare := np.flatnonzero(~(train.scored == 1).any(axis=0))).size:
        remarks.append(f"in train, label {', '.join(map(str, rare))} is never 1 (counted from 0)")
    if train.task is Task.REGRESSION and (flat := np.flatnonzero(_spread(train.known_labels) == 0)).size:
        remarks.append(
            f"in train, target {', '.join(map(str, flat))} is the same for all {train.counted} "
            "(counted from 0)"
        )
    return [f"{spec.name}: {remark}" for remark in remarks]


def _unknown(indexes: Mapping[SplitName, SplitIndex]) -> list[str]:
    """How many items have no label, and how many values of lists are missing, of each split that has such."""
    found = []
    for split, index in indexes.items():
        if count := int((~labelled(index.scored)).sum()):
            found.append(
                f"{count:,} of {len(index.scored):,} {index.counted} of {split} have no label and "
                "count in no score"
            )
        if counts := missing_values(index.scored):
            values = len(index.known_labels) * len(counts)
            found.append(
                f"{sum(counts):,} of {values:,} values in the labels of {split} are missing and count in no "
                f"score, most of value {int(np.argmax(counts))} (counted from 0): {max(counts):,}"
            )
    return found


def _shared_groups(spec: DatasetSpec, indexes: Mapping[SplitName, SplitIndex]) -> list[str]:
    """How many items are in groups that train has as well, of each other split that has such."""
    groups = indexes["train"].groups
    found = []
    for split, index in indexes.items():
        if split == "train" or groups is None or index.groups is None:
            continue
        if count := int(np.isin(index.groups, groups).sum()):
            found.append(
                f"{count:,} of {index.n_items:,} items of {split} are in groups ({spec.group_key}) that "
                "train has too (group_key keeps groups together in folds, not across files)"
            )
    return found


def _spread(values_NK: Labels) -> NDArray[np.float64]:
    """Greatest less least of each target, what is not known left out; (K,)."""
    return np.asarray(np.nanmax(values_NK, axis=0) - np.nanmin(values_NK, axis=0))


def sum_letters(indexes: Mapping[SplitName, SplitIndex]) -> NDArray[np.int64]:
    """The (256,) histogram of byte values over all splits."""
    total = np.zeros(256, dtype=np.int64)
    for index in indexes.values():
        total += index.letters
    return total


def _differences(expected: Expected, indexes: Mapping[SplitName, SplitIndex]) -> list[str]:
    train = indexes["train"]
    items = sum(index.n_items for index in indexes.values())
    width = train.labels.shape[1] if train.labels.ndim == 2 else None
    classes = None if width else len(np.unique(train.known_labels))
    pairs: list[tuple[str, object, object]] = [
        ("items", expected.get("items"), items),
        ("the shortest sequence", expected.get("min_length"), min(i.lengths.min() for i in indexes.values())),
        ("the longest sequence", expected.get("max_length"), max(i.lengths.max() for i in indexes.values())),
        ("classes", expected.get("classes"), classes),
        ("targets", expected.get("targets"), width),
        ("sequences an item", expected.get("item_seqs"), train.n_seqs),
        ("splits", _listed(expected.get("splits", ())), _listed(indexes)),
    ]
    remarks = [
        f"{what}: {found} on disk, {said} documented" for what, said, found in pairs if said and said != found
    ]
    for split, share in expected.get("ratio", {}).items():
        found = indexes[split].n_items / items if split in indexes else 0.0
        if abs(found - share) > RATIO_TOLERANCE:
            remarks.append(f"share of {split}: {found:.3f} on disk, {share:.3f} documented")
    if train.task is Task.CLASSIFICATION:
        remarks += _count_differences(expected, indexes)
    return remarks


def _listed(splits: Mapping[SplitName, object] | tuple[SplitName, ...]) -> str:
    return ", ".join(sorted(splits))


def _count_differences(expected: Expected, indexes: Mapping[SplitName, SplitIndex]) -> list[str]:
    remarks = []
    for split, said in expected.get("label_counts", {}).items():
        if split not in indexes:
            continue
        values, counts = np.unique(indexes[split].known_labels, return_counts=True)
        found = dict(zip(values.tolist(), counts.tolist(), strict=True))
        if found != dict(said):
            remarks.append(
                f"{indexes[split].counted} of each class in {split}: {found} on disk, {dict(said)} documented"
            )
    return remarks
