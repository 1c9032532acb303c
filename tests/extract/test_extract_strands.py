"""The reverse complement, and what is made of both strands."""

import numpy as np
import pytest

from seqbench.core.alphabets import reverse_complement
from seqbench.extract.strands import join_strands


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        ("GATTACA", "TGTAATC"),
        ("acgtN", "Nacgt"),
        ("AUGC", "GCAU"),
        ("augc", "gcau"),
        ("RYSWKMBDHVN", "NBDHVKMWSRY"),
        ("AC-GT*", "*AC-GT"),
        ("TU", "AA"),  # neither DNA nor RNA: read as DNA
    ],
)
def test_codes_case_and_rna_are_kept(sequence: str, expected: str) -> None:
    assert reverse_complement(sequence) == expected


@pytest.mark.parametrize("letters", ["ACGTRYSWKMBDHVNacgtn-", "ACGURYSWKMBDHVNacgun-"])
def test_twice_is_the_sequence_itself(letters: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        sequence = "".join(rng.choice(list(letters), 40))
        assert reverse_complement(reverse_complement(sequence)) == sequence


def test_strands_are_averaged_or_stand_side_by_side() -> None:
    one, two = np.asarray([[1.0, 0], [0, 2]], np.float32), np.asarray([[1.0, 0], [2, 0]], np.float32)
    mean, cosine = join_strands(one, two, "mean")
    np.testing.assert_array_equal(mean, [[1, 0], [1, 1]])
    assert cosine == 0.5  # one pair alike, one at right angles
    np.testing.assert_array_equal(join_strands(one, two, "concat")[0], [[1, 0, 1, 0], [0, 2, 2, 0]])


def test_agreement_of_nothing_is_unknown() -> None:
    empty = np.zeros((0, 3), np.float32)
    assert np.isnan(join_strands(empty, empty, "mean")[1])
