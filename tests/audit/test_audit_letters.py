"""K-mers as numbers, held against plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqbench.audit.letters import encode, largest_k, plain, repetitive, words
from seqbench.core.alphabets import reverse_complement

ORDER = {"dna": "ACGT", "protein": "ACDEFGHIKLMNPQRSTVWY"}


def spelled(word: int, k: int, alphabet: str) -> str:
    bits = 5 if alphabet == "protein" else 2
    return "".join(ORDER[alphabet][(word >> bits * (k - 1 - place)) % (1 << bits)] for place in range(k))


def naive(sequences: list[str], k: int, alphabet: str) -> list[tuple[int, str]]:
    found = []
    for owner, sequence in enumerate(sequences):
        for start in range(len(sequence) - k + 1):
            kmer = sequence[start : start + k].upper()
            kmer = kmer.replace("U", "T") if alphabet == "dna" else kmer
            if set(kmer) <= set(ORDER[alphabet]):
                found.append((owner, kmer))
    return found


@pytest.mark.parametrize("alphabet", ["dna", "protein"])
@given(
    st.lists(st.text("ACGTUNacgtnMWY", min_size=1, max_size=40), min_size=1, max_size=5), st.integers(1, 12)
)
def test_kmers_are_those_that_slicing_gives(alphabet: str, sequences: list[str], k: int) -> None:
    found = words(encode(sequences, alphabet), k, alphabet, canonical=False)
    shown = [
        (owner, spelled(word, k, alphabet))
        for owner, word in zip(found.owner_W.tolist(), found.words_W.tolist(), strict=True)
    ]
    assert shown == naive(sequences, k, alphabet)


@pytest.mark.parametrize("k", [1, 4, 7, 30, 31])
def test_a_canonical_kmer_is_the_smaller_of_both_strands(k: int) -> None:
    rng = np.random.default_rng(k)
    sequence = "".join(rng.choice(list("ACGT"), 80))
    found = words(encode([sequence], "dna"), k, "dna", canonical=True).words_W.tolist()
    wanted = [min(kmer, reverse_complement(kmer)) for _, kmer in naive([sequence], k, "dna")]
    assert [spelled(word, k, "dna") for word in found] == wanted
    other = words(encode([reverse_complement(sequence)], "dna"), k, "dna", canonical=True).words_W.tolist()
    assert other == found[::-1]


@pytest.mark.parametrize("alphabet", ["dna", "protein"])
def test_the_longest_kmer_fits_into_a_word(alphabet: str) -> None:
    k = largest_k(alphabet)
    rng = np.random.default_rng(0)
    sequence = "".join(rng.choice(list(ORDER[alphabet]), 3 * k))
    found = words(encode([sequence], alphabet), k, alphabet, canonical=False).words_W.tolist()
    assert [spelled(word, k, alphabet) for word in found] == [
        kmer for _, kmer in naive([sequence], k, alphabet)
    ]


def test_repetitive_stretches_have_a_period_of_up_to_three() -> None:
    sequences = ["AAAAAAAA", "CACACACA", "GATGATGA", "GATCGATC", "AAAAAAAC"]
    found = [
        repetitive(words(encode([each], "dna"), 8, "dna", canonical=False).words_W, 8, "dna")[0]
        for each in sequences
    ]
    assert found == [True, True, True, False, False]


def test_sequences_are_compared_in_capitals_with_t_for_u() -> None:
    assert plain("acgu", "rna") == "ACGT"
    assert plain("mkU", "protein") == "MKU"
    assert reverse_complement("ACGTRN-") == "-NYACGT"
