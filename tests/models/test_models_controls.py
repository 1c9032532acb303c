"""Controls against counting by hand and against scikit-learn's CountVectorizer."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from seqbench.errors import NotApplicableError
from seqbench.models.base import SequenceFacts
from seqbench.models.controls import Kmer, Onehot
from seqbench.models.joining import embed


def facts(alphabet: str = "dna", shortest: int = 8, longest: int = 8) -> SequenceFacts:
    return SequenceFacts(name="d", alphabet=alphabet, min_length=shortest, max_length=longest)  # type: ignore[arg-type]


def rows(control: Kmer | Onehot, sequences: list[str], about: SequenceFacts) -> np.ndarray:
    return embed(control.embedder(about), sequences, [0]).layers[0]


def test_kmer_counts_agree_with_count_vectorizer() -> None:
    sequences = ["ACGTACGTTGCA", "GGGGGGGG", "TTAGGCATTACG"]
    vectorizer = CountVectorizer(analyzer="char", ngram_range=(3, 3), lowercase=False)
    vectorizer.fit(["".join(triple) for triple in product("ACGT", repeat=3)])
    counted = rows(Kmer(name="k", k=3), sequences, facts())
    np.testing.assert_array_equal(counted, vectorizer.transform(sequences).toarray())


def test_kmers_with_unknown_letters_are_not_counted_and_case_and_u_do_not_matter() -> None:
    embedder = Kmer(name="k", k=2)
    np.testing.assert_array_equal(rows(embedder, ["acgnu"], facts()), rows(embedder, ["ACGNT"], facts()))
    assert rows(embedder, ["ACGNT"], facts()).sum() == 2  # AC and CG; GN and NT hold an unknown letter


def test_a_canonical_kmer_is_one_with_its_reverse_complement() -> None:
    def reverse_complement(sequence: str) -> str:
        return sequence[::-1].translate(str.maketrans("ACGT", "TGCA"))

    sequence = "ACGTTGCATTAGGCA"
    both = rows(Kmer(name="k", k=3, canonical=True), [sequence, reverse_complement(sequence)], facts())
    np.testing.assert_array_equal(both[0], both[1])
    by_hand = Counter(
        min(word, reverse_complement(word)) for word in (sequence[i : i + 3] for i in range(13))
    )
    assert both.shape[1] == 32
    assert sorted(both[0][both[0] > 0]) == sorted(by_hand.values())


def test_several_lengths_stand_side_by_side() -> None:
    wide = rows(Kmer(name="k", k=(1, 2)), ["ACGT"], facts("protein"))
    assert wide.shape == (1, 20 + 400)
    assert (wide[:, :20].sum(), wide[:, 20:].sum()) == (4, 3)


@pytest.mark.parametrize(
    ("alphabet", "letters", "k"),
    [("dna", "ACGT", 4), ("rna", "ACGU", 4), ("protein", "ACDEFGHIKLMNPQRSTVWY", 2)],
)
def test_auto_counts_4_mers_of_nucleotides_and_2_mers_of_proteins(
    alphabet: str, letters: str, k: int
) -> None:
    sequences = [letters * 2, letters[::-1] + letters[0] * 9]
    words = ["".join(word) for word in product(letters, repeat=k)]
    counted = rows(Kmer(name="k", k="auto"), sequences, facts(alphabet))
    expected = [
        [sum(text[place : place + k] == word for place in range(len(text))) for word in words]
        for text in sequences
    ]
    np.testing.assert_array_equal(counted, expected)


def test_a_sequence_shorter_than_k_counts_nothing() -> None:
    assert rows(Kmer(name="k", k=4), ["ACG"], facts()).sum() == 0


def test_onehot_has_a_column_for_each_position_and_letter() -> None:
    row = rows(Onehot(name="o"), ["ACGTNACG"], facts())[0].reshape(8, 4)
    assert row.argmax(axis=1)[[0, 1, 2, 3, 5]].tolist() == [0, 1, 2, 3, 0]
    assert row.sum(axis=1).tolist() == [1, 1, 1, 1, 0, 1, 1, 1]


@pytest.mark.parametrize(("control", "about", "why"), [
    (Onehot(name="o"), facts(longest=9), "wants sequences of one length, these have 8–9 letters"),
    (Kmer(name="k", k=4), facts("protein"), "160,000 protein k-mers are over 65,536"),
    (Kmer(name="k", k=2, canonical=True), facts("protein"), "proteins have no reverse complement"),
])  # fmt: skip
def test_what_makes_no_sense_is_said_and_skipped(
    control: Kmer | Onehot, about: SequenceFacts, why: str
) -> None:
    with pytest.raises(NotApplicableError, match=why):
        control.embedder(about)


def test_fingerprints_follow_the_parameters() -> None:
    prints = {
        Kmer(name="k", k=k, canonical=c).identity().fingerprint for k in (2, 3, (2, 3)) for c in (True, False)
    }
    assert len(prints) == 6
    assert Kmer(name="k", k="auto").identity().fingerprint not in prints | {Kmer(name="k", k=4).fingerprint}
    assert Kmer(name="a", k=2).identity().fingerprint == Kmer(name="b", k=(2,)).identity().fingerprint


def test_an_alphabet_that_is_added_renames_no_counts_of_the_others() -> None:
    """The fingerprint that stores of seqbench 0.1.0 before text was an alphabet hold."""
    expected = "4c907ecb6e2e5e580f2670c47ea11e8d9ea524d55b80691de54cfa3a6b0e600b"
    assert Kmer(name="kmers", k="auto").fingerprint == expected
