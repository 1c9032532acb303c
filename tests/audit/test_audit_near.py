"""Near-duplicates: signatures, candidates and what alignment makes of them."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from seqbench.audit.candidates import rows_for
from seqbench.audit.letters import encode, words
from seqbench.audit.minhash import bins_for, identity_at, jaccard_at, sign
from seqbench.audit.near import choose_k
from tests.audit.making import audited, changed, dna_items, random_dna, reverse_complement, write


def edit_distance(one: str, other: str) -> int:
    """Wagner and Fischer's table."""
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, start=1):
        above, row[0] = row[0], place
        for column, against in enumerate(other, start=1):
            above, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, above + (letter != against)),
            )
    return row[-1]


@pytest.mark.parametrize("length", [40, 400, 4000])
def test_signatures_agree_in_as_many_places_as_kmers_are_shared(length: int) -> None:
    rng = np.random.default_rng(length)
    start = random_dna(rng, length)
    family = [start, *(changed(rng, start, round(length * share)) for share in (0.01, 0.03, 0.1, 0.5))]
    k = 9
    found = words(encode(family, "dna"), k, "dna", canonical=False)
    signed = sign(found, len(family), bins_for(length - k + 1))
    kmers = [{each[place : place + k] for place in range(length - k + 1)} for each in family]
    for one, other in itertools.combinations(range(len(family)), 2):
        shared = len(kmers[one] & kmers[other]) / len(kmers[one] | kmers[other])
        # Three standard deviations of 128 draws.
        assert (signed[one] == signed[other]).mean() == pytest.approx(shared, abs=0.13)


def test_identity_and_shared_kmers_are_inverse() -> None:
    for identity, k in itertools.product((0.5, 0.8, 0.9, 1.0), (4, 9, 12)):
        assert identity_at(np.array([jaccard_at(identity, k)]), k)[0] == pytest.approx(identity)


def test_bands_are_as_narrow_as_the_recall_wants() -> None:
    for likeness in (0.1, 0.27, 0.5, 0.9):
        rows = rows_for(likeness)
        found = 1 - (1 - likeness**rows) ** (128 // rows)
        assert found >= 0.98 or rows == 1


def test_unrelated_sequences_share_few_of_the_chosen_kmers() -> None:
    assert [choose_k(length, "dna") for length in (23, 70, 500, 1000)] == [6, 7, 8, 9]
    assert [choose_k(length, "protein") for length in (30, 300)] == [3, 4]


def test_near_duplicates_are_those_that_alignment_of_all_pairs_finds(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    train = dna_items(rng, 27, 60)
    test = dna_items(rng, 27, 60)
    for number in range(24):
        sequence = changed(rng, train[number]["seq"], 1 + number % 8)
        test[number]["seq"] = sequence if number % 2 else reverse_complement(sequence)
    test[25]["seq"] = train[25]["seq"][3:] + "ACG"
    marks = audited(write(tmp_path / "d", {"train": train, "test": test})).marks["test"]
    for row, item in enumerate(test):
        distances = [
            min(
                edit_distance(item["seq"], each["seq"]),
                edit_distance(reverse_complement(item["seq"]), each["seq"]),
            )
            for each in train
        ]
        identity = 1 - min(distances) / 60
        if identity >= 0.9:
            assert marks.near_of_N[row] == int(np.argmin(distances))
            assert marks.identity_N[row] == pytest.approx(identity)
        else:
            assert marks.near_of_N[row] == -1
    assert marks.near_opposite_N[:18].tolist() == [number % 2 == 0 and number % 8 < 6 for number in range(18)]


def test_an_item_of_several_sequences_is_near_only_where_all_of_them_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    train = [{"seq1": random_dna(rng, 80), "seq2": random_dna(rng, 80), "label": n % 2} for n in range(30)]
    both = {key: changed(rng, train[3][key], edits) for key, edits in (("seq1", 2), ("seq2", 4))}
    one = {"seq1": changed(rng, train[4]["seq1"], 2), "seq2": random_dna(rng, 80)}
    swapped = {"seq1": train[5]["seq2"], "seq2": changed(rng, train[5]["seq1"], 1)}
    test = [{**item, "label": 0} for item in (both, one, swapped)]
    marks = audited(write(tmp_path / "d", {"train": train, "test": test})).marks["test"]
    assert marks.near_of_N.tolist() == [3, -1, -1]
    assert marks.identity_N[0] == pytest.approx(1 - 4 / 80)


def test_long_sequences_are_judged_by_their_kmers(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    train = dna_items(rng, 4, 30_000)
    test = dna_items(rng, 3, 30_000)
    test[1]["seq"] = changed(rng, train[2]["seq"], 600)
    marks = audited(write(tmp_path / "d", {"train": train, "test": test})).marks["test"]
    assert marks.near_of_N.tolist() == [-1, 2, -1]
    assert marks.identity_N[1] == pytest.approx(0.98, abs=0.01)


def test_copies_of_copies_all_get_the_near_duplicate(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    train = dna_items(rng, 30)
    near = changed(rng, train[9]["seq"], 2)
    splits = {
        "train": train,
        "eval": [*dna_items(rng, 5), {"seq": near, "label": 0}],
        "test": [
            {"seq": near, "label": 0},
            *dna_items(rng, 5),
            {"seq": reverse_complement(near), "label": 0},
        ],
    }
    marks = audited(write(tmp_path / "d", splits)).marks
    assert marks["eval"].near_of_N.tolist() == [-1] * 5 + [9]
    assert marks["test"].near_of_N.tolist() == [9] + [-1] * 5 + [9]
