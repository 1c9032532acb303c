"""The audit of real data, held against comparing everything with everything."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.audit.making import audited, finding, reverse_complement


def sequences(folder: Path, split: str) -> list[str]:
    lines = (folder / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["seq"] for line in lines]


def test_stretches_and_near_duplicates_are_those_that_all_pairs_give(shared: Path) -> None:
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cdist

    folder = shared / "data" / "uci_splice"
    train, test = sequences(folder, "train"), sequences(folder, "test")
    both = [*train, *map(reverse_complement, train)]
    marks = audited(folder).marks["test"]
    identity = cdist(test, both, scorer=Levenshtein.normalized_similarity, score_cutoff=0.9).max(axis=1)
    # Two of a hundred at the threshold may be missed; here at most one.
    assert np.flatnonzero((identity >= 0.9) != (marks.near_of_N >= 0)).size <= 1
    there = marks.near_of_N >= 0
    np.testing.assert_allclose(marks.identity_N[there], identity[there], rtol=1e-6)
    known = {sequence[place : place + 30] for sequence in both for place in range(len(sequence) - 29)}
    shared_N = [any(each[place : place + 30] in known for place in range(len(each) - 29)) for each in test]
    assert (marks.stretch_share_N > 0).tolist() == shared_N


@pytest.mark.slow
def test_known_proteins_give_the_pairs_away(shared: Path) -> None:
    """With scikit-learn on the proteins' identity alone the AUROC of ppi_yeast is 0.863."""
    record = audited(shared / "data" / "ppi_yeast", controls=True, near=1.0, control_items=1000)
    found = finding(record, "sequence identity alone")
    assert found.severity == "red"
    assert float(found.measured.split("roc_auc ")[1][:5]) == pytest.approx(0.863, abs=0.05)


def test_sets_without_copies_have_none(shared: Path) -> None:
    for name in ("ecoli_protein_class", "species4_1kb"):
        marks = audited(shared / "data" / name, near=1.0).marks
        assert all(mark.copy_of_N.max() == -1 and not mark.conflict_N.any() for mark in marks.values())
