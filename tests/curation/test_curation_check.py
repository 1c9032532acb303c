"""What a check counts, held against plain Python."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from seqbench.core.alphabets import Alphabet, reverse_complement
from seqbench.core.progress import Silent
from seqbench.corpora.corpus import Corpus, open_corpus
from seqbench.corpora.source import CorpusSource
from seqbench.curation.check import CorpusCheck, check_corpus
from seqbench.curation.contamination import stretches_for
from seqbench.curation.repeats import find_repeats, repeated_stretches
from seqbench.curation.views import CorpusView
from seqbench.datasets.dataset import Dataset, open_dataset
from seqbench.datasets.spec import DatasetSpec

SHARED = Path(__file__).parents[3] / "shared/data-training/adapt"


def random_dna(random: np.random.Generator, length: int) -> str:
    return "".join(random.choice(list("ACGT"), length))


def corpus_of(folder: Path, texts: list[str], alphabet: Alphabet = "dna") -> Corpus:
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return open_corpus(CorpusSource(name="corpus", path=path, alphabet=alphabet))


def dataset_of(folder: Path, test: list[str], **spec: object) -> Dataset:
    folder.mkdir()
    for split, texts in (("train", ["ACGTTTGGA"] * 2), ("test", test)):
        items = [{"seq": text, "label": number % 2} for number, text in enumerate(texts)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    return open_dataset(DatasetSpec(name=folder.name, folder=folder, **spec))  # type: ignore[arg-type]


def checked(corpus: Corpus, *datasets: Dataset, near: float = 0.9) -> CorpusCheck:
    return check_corpus(corpus, datasets, Silent(), near=near)


def test_documents_letters_and_blanks_are_counted(tmp_path: Path) -> None:
    texts = [
        "The cell  divides here.",
        "",
        " the cell \t divides",
        "bad\x00 char\ufffd in this text",
        "The end.",
    ]
    found = checked(corpus_of(tmp_path, [*texts, texts[0]], "text"), near=1)
    assert (found.facts.n_documents, found.facts.n_empty, found.n_repeats, found.n_near) == (6, 1, 1, None)
    assert found.letters.odd == {"\x00": 1, "\ufffd": 1}
    assert (found.letters.blank_runs, found.letters.outer_blanks) == (3, 1)
    assert found.letters.length_quantiles[-1] == max(map(len, texts))
    assert found.n_distinct == 4


def test_near_repeats_are_found_on_either_strand_and_the_first_stays(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    texts = [random_dna(random, 200) for _ in range(20)]
    changed = texts[3][:90] + "A" + texts[3][91:]
    repeats = find_repeats(
        corpus_of(tmp_path, [*texts, changed, reverse_complement(texts[5])]), 0.9, Silent()
    )
    assert repeats.near_N is not None
    assert np.flatnonzero(repeats.near_N).tolist() == [20, 21]
    assert not repeats.exact_N.any()


def test_repeated_stretches_are_those_that_a_set_finds(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    genome = random_dna(random, 3000)
    texts = [genome[:2000], reverse_complement(genome[500:]), "A" * 100]
    corpus = corpus_of(tmp_path, texts)
    seen: set[str] = set()
    n_all = 0
    for text in texts[:2]:
        for start in range(len(text) - 29):
            word = text[start : start + 30]
            seen.add(min(word, reverse_complement(word)))
            n_all += 1
    share = repeated_stretches(CorpusView(corpus), stretches_for("dna"), Silent())
    assert share == pytest.approx(1 - len(seen) / n_all)


def test_a_sample_of_the_stretches_tells_nearly_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(2)
    genome = random_dna(random, 60_000)
    view = CorpusView(corpus_of(tmp_path, [genome, genome[:20_000]]))
    exact = repeated_stretches(view, stretches_for("dna"), Silent())
    monkeypatch.setattr("seqbench.curation.repeats.SAMPLED", 1 << 12)
    assert repeated_stretches(view, stretches_for("dna"), Silent()) == pytest.approx(exact, abs=0.03)


def test_test_items_that_a_corpus_holds_are_red_and_told_apart(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    texts = [random_dna(random, 300) for _ in range(10)]
    near = texts[1][:100] + "GG" + texts[1][102:]
    inside = reverse_complement(texts[2][40:160])
    test = [texts[0], reverse_complement(texts[4]), near, inside, random_dna(random, 200)]
    (found,) = checked(corpus_of(tmp_path, texts), dataset_of(tmp_path / "d", test)).contamination
    assert (found.n_items, found.copies, found.near, found.contained) == (5, 2, 1, 1)
    assert found.severity == "red"
    assert found.example == f"{tmp_path / 'd' / 'test.jsonl'}:1"


def test_a_clean_test_split_is_green_and_another_alphabet_is_left_out(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    corpus = corpus_of(tmp_path, [random_dna(random, 300) for _ in range(10)])
    clean = dataset_of(tmp_path / "clean", [random_dna(random, 200) for _ in range(4)])
    words = dataset_of(tmp_path / "words", ["some words of text"], alphabet="text")
    (found,) = checked(corpus, clean, words).contamination
    assert (found.dataset, found.severity, found.shared) == ("clean", "green", 0.0)


def test_items_of_several_sequences_count_once(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    texts = [random_dna(random, 200) for _ in range(6)]
    folder = tmp_path / "pairs"
    folder.mkdir()
    pairs = [(random_dna(random, 90), random_dna(random, 90)), (texts[0], texts[1]), (texts[2], "ACGT" * 9)]
    for split in ("train", "test"):
        items = [{"seq1": one, "seq2": two, "label": n % 2} for n, (one, two) in enumerate(pairs)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    dataset = open_dataset(DatasetSpec(name="pairs", folder=folder))
    (found,) = checked(corpus_of(tmp_path, texts), dataset).contamination
    assert (found.n_items, found.copies) == (3, 2)
    assert found.example == f"{folder / 'test.jsonl'}:2"


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data-training/adapt")
def test_stance_sentences_that_the_minutes_hold_are_those_that_sets_of_words_find() -> None:
    corpus = open_corpus(CorpusSource(name="minutes", path=SHARED / "finance_corpus/corpus.jsonl"))
    spec = DatasetSpec(name="stance", folder=SHARED / "finance_stance", seq_keys=("text",), alphabet="text")
    (found,) = checked(corpus, open_dataset(spec), near=1).contamination

    def stretches(text: str) -> list[tuple[str, ...]]:
        words = re.findall(r"\w+", text.lower())
        return [tuple(words[start : start + 13]) for start in range(len(words) - 12)]

    known = {stretch for _, text in corpus.documents() for stretch in stretches(text)}
    items = map(json.loads, (SHARED / "finance_stance/test.jsonl").read_text().splitlines())
    shares = [
        np.mean([each in known for each in mine]) if (mine := stretches(item["text"])) else 0
        for item in items
    ]
    assert found.contained == sum(share >= 0.5 for share in shares) == 18
    assert found.shared == pytest.approx(np.mean(shares))


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data-training/adapt")
@pytest.mark.parametrize(
    ("name", "repeats", "distinct"),
    [("biomed", 1523, 5449), ("finance", 36, 5037), ("spyogenes", 1, 3924)],
)
def test_exact_repeats_are_those_of_the_readme(name: str, repeats: int, distinct: int) -> None:
    corpus = open_corpus(CorpusSource(name=name, path=SHARED / f"{name}_corpus/corpus.jsonl"))
    found = find_repeats(corpus, 1, Silent()).exact_N
    assert int(found.sum()) == repeats
    assert corpus.facts.n_documents - corpus.facts.n_empty - repeats == distinct
