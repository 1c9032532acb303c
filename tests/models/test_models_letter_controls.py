"""Controls that give each letter a vector, against a plain loop over the letters."""

from itertools import product

import numpy as np
import pytest

from seqbench.errors import NotApplicableError
from seqbench.models.base import EmbedOptions, Pooled, SequenceFacts, TokenStates
from seqbench.models.joining import embed
from seqbench.models.letter_controls import KmerWindow, LetterControl, OnehotWindow, Position
from seqbench.models.registry import create

SEQUENCES = ["ACGTNACGGTTACA", "g", "TTTTTTT", "ACGUacguAC"]


def facts(alphabet: str = "dna") -> SequenceFacts:
    return SequenceFacts(name="d", alphabet=alphabet, min_length=1, max_length=14)  # type: ignore[arg-type]


def tokens(embedder: LetterControl, sequences: list[str]) -> list[np.ndarray]:
    """The vectors of each sequence's letters, its pieces put together by their places."""
    found: dict[int, list[tuple[int, np.ndarray]]] = {}
    for batch in embedder.prepare(sequences).batches:
        for event in embedder.compute(batch, [0], [0]):
            if isinstance(event, TokenStates):
                parts = np.split(event.fetch()[0], np.cumsum(event.count_B)[:-1])
                for owner, start, part in zip(event.owner_B, event.start_B, parts, strict=True):
                    found.setdefault(int(owner), []).append((int(start), part))
            else:
                assert isinstance(event, Pooled)
    return [
        np.concatenate([part for _, part in sorted(found[at], key=lambda p: p[0])])
        for at in range(len(sequences))
    ]


def plain_onehot(sequence: str, at: int, window: int) -> list[float]:
    row = []
    for place in range(at - window // 2, at + window // 2 + 1):
        letter = sequence[place].upper().replace("U", "T") if 0 <= place < len(sequence) else ""
        row += [float(letter == each) for each in "ACGT"]
    return row


def plain_kmers(sequence: str, at: int, window: int, k: int) -> list[int]:
    begin, end = max(0, at - window // 2), min(len(sequence), at + window // 2 + 1)
    inside = sequence[begin:end].upper().replace("U", "T")
    words = [inside[start : start + k] for start in range(len(inside) - k + 1)]
    return [words.count("".join(word)) for word in product("ACGT", repeat=k)]


@pytest.mark.parametrize("batch_bytes", [8 * 1024**2, 100])
@pytest.mark.parametrize("window", [1, 5, 15])
def test_onehot_windows(monkeypatch: pytest.MonkeyPatch, batch_bytes: int, window: int) -> None:
    monkeypatch.setattr("seqbench.models.letter_controls.BATCH_BYTES", batch_bytes)
    embedder = OnehotWindow(name="w", window=window).embedder(facts())
    found = tokens(embedder, SEQUENCES)
    for sequence, own in zip(SEQUENCES, found, strict=True):
        np.testing.assert_array_equal(
            own, [plain_onehot(sequence, at, window) for at in range(len(sequence))]
        )
    pooled = embed(embedder, SEQUENCES, [0])
    np.testing.assert_allclose(pooled.layers[0], [each.mean(axis=0) for each in found], atol=1e-6)
    assert pooled.tokens.tolist() == [len(each) for each in SEQUENCES]
    if batch_bytes == 100:
        assert pooled.windows.max() > 1


@pytest.mark.parametrize("batch_bytes", [8 * 1024**2, 100])
@pytest.mark.parametrize(("k", "window"), [(1, 3), (2, 5), (3, 3), ((1, 2), 7)])
def test_kmers_of_windows(
    monkeypatch: pytest.MonkeyPatch, batch_bytes: int, k: int | tuple[int, ...], window: int
) -> None:
    monkeypatch.setattr("seqbench.models.letter_controls.BATCH_BYTES", batch_bytes)
    found = tokens(KmerWindow(name="w", k=k, window=window).embedder(facts()), SEQUENCES)
    lengths = (k,) if isinstance(k, int) else k
    for sequence, own in zip(SEQUENCES, found, strict=True):
        expected = [
            [count for each in lengths for count in plain_kmers(sequence, at, window, each)]
            for at in range(len(sequence))
        ]
        np.testing.assert_array_equal(own, expected)


def test_canonical_kmers_of_windows_are_alike_on_both_strands() -> None:
    sequence = "ACGTTGCATTAGGCA"
    reverse = sequence[::-1].translate(str.maketrans("ACGT", "TGCA"))
    made = KmerWindow(name="w", k=3, window=5, canonical=True).embedder(facts())
    one, other = tokens(made, [sequence, reverse])
    np.testing.assert_array_equal(one, other[::-1])
    with pytest.raises(NotApplicableError, match="proteins have no reverse complement"):
        KmerWindow(name="w", k=2, window=5, canonical=True).embedder(facts("protein"))
    with pytest.raises(NotApplicableError, match="4-mers do not fit in a window of 3 letters"):
        KmerWindow(name="w", k=4, window=3).embedder(facts())


def test_the_place_of_a_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqbench.models.letter_controls.BATCH_BYTES", 64)
    (found, single) = tokens(Position(name="p").embedder(facts()), ["ACGTACGTAC", "A"])
    expected = [[(at + 0.5) / 10, np.log(at + 1), np.log(10 - at), np.log(10)] for at in range(10)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(single, [[0.5, 0, 0, 0]])


def test_entries_of_a_config_make_them() -> None:
    options = EmbedOptions()
    assert isinstance(create("onehot", {"name": "w", "window": 15}, options), OnehotWindow)
    assert isinstance(
        create("kmer", {"name": "w", "k": 2, "canonical": False, "window": 5}, options), KmerWindow
    )
    plain = create("onehot", {"name": "w", "window": None}, options)
    assert plain.fingerprint != create("onehot", {"name": "w", "window": 15}, options).fingerprint
    assert create("onehot", {"name": "w"}, options).fingerprint == plain.fingerprint
