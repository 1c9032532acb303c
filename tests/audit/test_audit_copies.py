"""Copies, contradictions, shared stretches and overlaps, on data sets in which they were planted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqbench.audit.intervals import Intervals, covered
from seqbench.audit.stretches import OfLetters, shared_stretches
from seqbench.errors import DataError
from tests.audit.making import audited, dna_items, finding, opened, random_dna, reverse_complement, write


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_copies_are_found_on_both_strands_in_any_case_with_their_partners(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    train = dna_items(rng, 30)
    test = dna_items(rng, 10)
    test[2]["seq"] = train[7]["seq"].lower()
    test[5]["seq"] = reverse_complement(train[4]["seq"])
    marks = audited(write(tmp_path / "d", {"train": train, "test": test})).marks["test"]
    assert np.flatnonzero(marks.copy_of_N >= 0).tolist() == [2]
    assert np.flatnonzero(marks.reverse_copy_of_N >= 0).tolist() == [5]
    assert (marks.copy_of_N[2], marks.reverse_copy_of_N[5]) == (7, 4)
    assert marks.identity_N[[2, 5]].tolist() == [1, 1]
    assert np.flatnonzero(~marks.clean_N).tolist() == [2, 5]


def test_proteins_have_no_other_strand(tmp_path: Path) -> None:
    sequence = "MKVLATGACGTA"
    train = [{"seq": sequence, "label": 0}, {"seq": "MWWYEEKDDRF", "label": 1}]
    test = [{"seq": sequence[::-1], "label": 0}, {"seq": sequence, "label": 0}]
    marks = audited(write(tmp_path / "d", {"train": train, "test": test})).marks["test"]
    assert marks.copy_of_N.tolist() == [-1, 0]
    assert (marks.reverse_copy_of_N < 0).all()


def test_pairs_are_compared_in_both_orders_and_one_by_one(tmp_path: Path, rng: np.random.Generator) -> None:
    a, b, c, d = (random_dna(rng, 40) for _ in range(4))
    train = [{"seq1": a, "seq2": b, "label": 0}, {"seq1": c, "seq2": c, "label": 1}]
    test = [
        {"seq1": a, "seq2": b, "label": 0},
        {"seq1": b, "seq2": a, "label": 0},
        {"seq1": a, "seq2": c, "label": 1},
        {"seq1": d, "seq2": a, "label": 1},
        {"seq1": reverse_complement(a), "seq2": reverse_complement(b), "label": 0},
    ]
    marks = audited(write(tmp_path / "d", {"train": train, "test": test})).marks["test"]
    assert marks.copy_of_N.tolist() == [0, -1, -1, -1, -1]
    assert marks.reordered_copy_of_N.tolist() == [-1, 0, -1, -1, -1]
    assert marks.reverse_copy_of_N.tolist() == [-1, -1, -1, -1, 0]
    assert marks.seen_N.tolist() == [2, 2, 2, 1, 0]


def test_equal_sequences_with_different_labels_contradict_each_other(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    train, test = dna_items(rng, 20), dna_items(rng, 6)
    test[0] = {**train[3], "label": 1 - train[3]["label"]}
    test[1] = dict(train[4])
    test[2], test[3] = {"seq": "ACGT" * 9, "label": 0}, {"seq": "acgt" * 9, "label": 1}
    record = audited(write(tmp_path / "d", {"train": train, "test": test}))
    assert record.marks["test"].conflict_N.tolist() == [True, False, True, True, False, False]
    assert record.marks["test"].repeat_N.tolist() == [False, False, False, True, False, False]
    assert record.splits[0].marks == {"repeat": 0, "conflict": 1}
    assert finding(record, "conflicting labels").share == pytest.approx(3 / 6)


def test_targets_contradict_each_other_from_half_a_standard_deviation_on(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    train = [{"seq": random_dna(rng, 30), "label": [float(number)]} for number in range(11)]
    sd = np.std(np.arange(11.0))
    test = [
        {"seq": train[5]["seq"], "label": [5 + 0.49 * sd]},
        {"seq": train[6]["seq"], "label": [6 + 0.51 * sd]},
    ]
    marks = audited(write(tmp_path / "d", {"train": train, "test": test})).marks["test"]
    assert marks.conflict_N.tolist() == [False, True]


def test_shared_stretches_are_those_that_slicing_finds(tmp_path: Path, rng: np.random.Generator) -> None:
    train = dna_items(rng, 40, 90)
    test = dna_items(rng, 12, 90)
    test[1]["seq"] = train[5]["seq"][50:] + random_dna(rng, 50)
    test[2]["seq"] = random_dna(rng, 20) + reverse_complement(train[6]["seq"])[10:60] + random_dna(rng, 20)
    test[3]["seq"] = random_dna(rng, 60) + train[7]["seq"][:29] + "N"
    test[4]["seq"] = "A" * 90
    train[8]["seq"] = "A" * 90
    dataset = opened(write(tmp_path / "d", {"train": train, "test": test}))
    found = shared_stretches(dataset, OfLetters(width=30, alphabet="dna"), lambda letters: None)["test"]

    def stretches(sequence: str) -> list[str]:
        return [sequence[start : start + 30] for start in range(len(sequence) - 29)]

    known = {
        stretch
        for item in train
        for sequence in (item["seq"], reverse_complement(item["seq"]))
        for stretch in stretches(sequence)
    } - {"A" * 30, "T" * 30}
    wanted = []
    for item in test:
        mine = [each for each in stretches(item["seq"]) if "N" not in each and set(each) != {"A"}]
        wanted.append(sum(each in known for each in mine) / max(1, len(mine)))
    np.testing.assert_allclose(found.share_N, wanted)
    assert found.share_N[[1, 2]].min() > 0.1
    assert found.share_N[3:].max() == 0
    assert found.partner_N[:4].tolist() == [-1, 5, 6, -1]


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 30), st.integers(1, 12)), min_size=1, max_size=8
    ),
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 30), st.integers(1, 12)), min_size=1, max_size=8
    ),
)
def test_overlap_is_the_share_of_bases_that_sets_of_positions_give(
    mine: list[tuple[str, int, int]], theirs: list[tuple[str, int, int]]
) -> None:
    def intervals(given: list[tuple[str, int, int]]) -> Intervals:
        return Intervals(
            chrom_N=np.array([chrom for chrom, _, _ in given], dtype=object),
            start_N=np.array([start for _, start, _ in given]),
            end_N=np.array([start + length for _, start, length in given]),
        )

    bases = {(chrom, base) for chrom, start, length in theirs for base in range(start, start + length)}
    wanted = [
        np.mean([(chrom, base) in bases for base in range(start, start + length)])
        for chrom, start, length in mine
    ]
    np.testing.assert_allclose(covered(intervals(mine), intervals(theirs)), wanted)


def test_items_of_overlapping_intervals_are_marked(tmp_path: Path, rng: np.random.Generator) -> None:
    def at(chrom: Any, start: int) -> dict[str, Any]:
        place = {"chrom": chrom, "start": start, "end": start + 60, "strand": "-"}
        return {"seq": random_dna(rng, 60), "label": int(rng.integers(2)), **place}

    train = [at("chr1", 60 * number) for number in range(10)] + [
        {**at(2, 0), "label": 1},
        {**at(2, 0), "label": 0},
    ]
    test = [at("chr1", 570), at("chr1", 600), at(2, 30), at("chrX", 0)]
    record = audited(write(tmp_path / "d", {"train": train, "test": test}))
    np.testing.assert_allclose(record.marks["test"].overlap_N, [0.5, 0, 0.5, 0])
    assert finding(record, "overlapping intervals").share == 0.5


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"start": 1.5}, "'start' must be an int from 0"),
        ({"start": -1}, "'start' must be an int from 0"),
        ({"start": 70}, "'start' 70 is not below 'end' 60"),
        ({"chrom": None}, "'chrom' must be a name or number"),
    ],
)
def test_a_wrong_coordinate_is_named_by_its_line(
    tmp_path: Path, rng: np.random.Generator, wrong: dict[str, Any], says: str
) -> None:
    place = {"chrom": "chr1", "start": 0, "end": 60}
    items = [{**item, **place} for item in dna_items(rng, 6)]
    bad = [items[0], {**items[1], **wrong}]
    folder = write(tmp_path / "d", {"train": items, "test": bad})
    with pytest.raises(DataError, match=rf"test\.jsonl:2: {says}"):
        audited(folder)
