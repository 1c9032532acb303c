"""Short near-duplicates: none is missed, whatever the edits."""

from pathlib import Path

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from seqbench.audit import short
from seqbench.audit.letters import plain
from seqbench.audit.short import ShortSearch
from seqbench.audit.verify import identities
from seqbench.core.alphabets import Alphabet, reverse_complement
from tests.audit.making import audited, changed, random_dna, write
from tests.command import seqbench

LETTERS: dict[Alphabet, str] = {"dna": "ACGT", "protein": "ACDEFGHIKLMNPQRSTVWY"}


def edited(rng: np.random.Generator, sequence: str, edits: int, letters: str) -> str:
    """A sequence after so many replacements, insertions and deletions."""
    found = list(sequence)
    for _ in range(edits):
        place, kind = int(rng.integers(len(found))), rng.random()
        if kind < 0.4:
            found[place] = rng.choice(list(letters))
        elif kind < 0.7:
            found.insert(place, rng.choice(list(letters)))
        elif len(found) > 4:
            del found[place]
    return "".join(found)[:64]


@pytest.mark.parametrize("near", [0.6, 0.8, 0.9])
@pytest.mark.parametrize("lengths", [(23, 23), (12, 17)], ids=["guides", "mixed"])
@pytest.mark.parametrize("alphabet", ["dna", "protein"])
@pytest.mark.parametrize("pieces", [True, False], ids=["by pieces", "as is cheaper"])
def test_the_pairs_are_those_of_comparing_all_with_all(
    alphabet: Alphabet, lengths: tuple[int, int], near: float, pieces: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pieces:
        monkeypatch.setattr(short, "_CHEAPER", 0)
        monkeypatch.setattr(short, "_DEARER", 0)
    rng = np.random.default_rng(7)
    letters = LETTERS[alphabet]
    known = ["".join(rng.choice(list(letters), rng.integers(lengths[0], lengths[1] + 1))) for _ in range(80)]
    queries = [edited(rng, each, int(rng.integers(0, 1 + len(each) // 4)), letters) for each in known]
    queries = [query[:2] + "N" + query[3:] if row % 9 == 0 else query for row, query in enumerate(queries)]
    identity_QK = cdist(queries, known, scorer=Levenshtein.normalized_similarity, dtype=np.float64)
    if alphabet == "dna":
        queries = [reverse_complement(query) if row % 2 else query for row, query in enumerate(queries)]
        both = [cdist(each, known, scorer=Levenshtein.normalized_similarity, dtype=np.float64)
                for each in (queries, [reverse_complement(query) for query in queries])]  # fmt: skip
        identity_QK = np.maximum(*both)
    search = ShortSearch(known, alphabet, near, max(map(len, queries)))
    found = {
        (query, place): identity
        for part in search.find(queries)
        for query, place, identity in zip(
            part.query_C.tolist(), part.known_C.tolist(), part.identity_C.tolist(), strict=True
        )
    }
    wanted = [tuple(pair) for pair in np.argwhere(identity_QK >= near).tolist()]
    assert len(wanted) > 20
    assert sorted(found) == wanted
    assert [found[pair] for pair in wanted] == pytest.approx([identity_QK[pair] for pair in wanted])


@pytest.mark.parametrize(("near", "edits"), [(0.8, 4), (0.9, 2)])
def test_every_guide_with_as_many_edits_as_allowed_is_found(tmp_path: Path, near: float, edits: int) -> None:
    rng = np.random.default_rng(8)
    train = [{"seq": random_dna(rng, 23), "label": row % 2} for row in range(200)]
    test = [{"seq": changed(rng, train[row]["seq"], edits), "label": 0} for row in range(0, 200, 5)]
    marks = audited(write(tmp_path / "d", {"train": train, "test": test}), near=near).marks["test"]
    assert marks.near_of_N.tolist() == list(range(0, 200, 5))
    # Replacements may be fewer edits where letters are put in and taken out.
    assert marks.identity_N.min() == pytest.approx(1 - edits / 23)


def test_a_pair_right_at_the_threshold_is_near() -> None:
    """RapidFuzz's own cutoff leaves out 5 edits of 25 letters at 0.8."""
    one, other = "A" * 25, "C" * 5 + "A" * 20
    assert identities([(one,)], [(other,)], "protein", 0.8)[0].tolist() == [0.8]
    assert identities([(one,)], [(other,)], "protein", 0.81)[0].tolist() == [0.0]


def test_clusters_of_guides_hold_all_that_are_linked(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    items = []
    for family in range(40):
        sequence = random_dna(rng, 23)
        for _ in range(5):
            items.append({"seq": sequence, "label": family % 2})
            sequence = changed(rng, sequence, 4)
    source = write(tmp_path / "in", {"all": items}) / "all.jsonl"
    shown = seqbench("datasets", "split", source, tmp_path / "out", "--by", "cluster", "--identity", 0.8,
                     "--clusterer", "builtin")  # fmt: skip
    assert shown.exit_code == 0, shown.output
    parts = {
        name: [plain(line.split('"')[3], "dna") for line in path.read_text(encoding="utf-8").splitlines()]
        for name in ("train", "eval", "test")
        if (path := tmp_path / "out" / f"{name}.jsonl").exists()
    }
    for name in ("eval", "test"):
        both = [*parts["train"], *map(reverse_complement, parts["train"])]
        edits = cdist(parts[name], both, scorer=Levenshtein.distance)
        assert int(edits.min()) > 4, name
