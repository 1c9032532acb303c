"""Which documents are scored, their record, and whole sequences."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from seqbench.catalog import Catalog
from seqbench.corpora.corpus import Corpus, open_corpus
from seqbench.corpora.source import CorpusSource
from seqbench.likelihood.documents import ScoredCorpus, choose_documents
from seqbench.likelihood.evaluate import evaluate
from seqbench.likelihood.keys import likelihood_key
from seqbench.likelihood.scorer import LetterScorer, open_scorer
from seqbench.likelihood.segments import SegmentSettings
from seqbench.likelihood.sequences import sequence_likelihood
from seqbench.metrics.likelihood import bits_interval, mean_bits
from seqbench.models.base import EmbedOptions
from seqbench.models.huggingface import HuggingFace
from tests.likelihood.test_likelihood_scorer import log_probabilities, saved
from tests.tiny_tokenizers import characters

SETTINGS = SegmentSettings(letters=40)


def corpus_of(folder: Path, texts: list[str]) -> Corpus:
    path = folder / "c.txt"
    path.write_text("\n".join(texts) + "\n")
    return open_corpus(CorpusSource(name="c", path=path, alphabet="dna"))


def chosen(corpus: Corpus, letters: int = 10_000, longest: int = 10_000) -> ScoredCorpus:
    return choose_documents(
        corpus, SETTINGS, part="all", share=0.0, letters=letters, longest=longest, is_watched=False
    )


@pytest.fixture(scope="module")
def texts() -> list[str]:
    random = np.random.default_rng(0)
    return ["".join(random.choice(list("ACGT"), int(size))) for size in random.integers(20, 200, 60)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("m"), characters("ACGTNM", mask_token="M"))


@pytest.fixture(scope="module")
def scorer(folder: Path) -> LetterScorer:
    source = HuggingFace(name="m", path=str(folder), dtype="float32", options=EmbedOptions())
    return open_scorer(source, "dna")


def test_the_same_documents_are_chosen_whatever_their_order_and_a_copy_once(
    tmp_path: Path, texts: list[str]
) -> None:
    def found(name: str, given: list[str]) -> set[str]:
        (tmp_path / name).mkdir()
        corpus = corpus_of(tmp_path / name, given)
        return {corpus.document(document.row) for document in chosen(corpus, letters=1500).documents}

    some = found("a", texts)
    assert found("b", [*reversed(texts), *texts[:5]]) == some
    assert 1500 <= sum(map(len, some)) < 1700


def test_of_a_long_document_segments_are_taken_at_even_distances(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    corpus = corpus_of(tmp_path, ["".join(random.choice(list("ACGT"), 4000))])
    (document,) = chosen(corpus, longest=200).documents
    assert [segment.start for segment in document.segments] == [0, 800, 1600, 2400, 3200]


def test_bits_are_all_bits_through_all_letters_and_their_interval_draws_documents() -> None:
    random = np.random.default_rng(2)
    letters = random.integers(10, 100, 80).astype(float)
    bits = letters * random.normal(1.9, 0.1, 80)
    value, low, high = bits_interval(mean_bits(bits, letters), 80)
    assert value == pytest.approx(bits.sum() / letters.sum())
    # The error of a ratio by linearisation (Cochran 1977, Sampling Techniques, chapter 6).
    error = np.std(bits - value * letters, ddof=1) * math.sqrt(80) / letters.sum()
    assert low is not None
    assert high is not None
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_too_few_documents_have_no_interval() -> None:
    assert bits_interval(mean_bits(np.array([3.0, 4.0]), np.array([2.0, 2.0])), 2) == (1.75, None, None)


def test_a_record_holds_every_document_and_goes_into_the_catalog(
    tmp_path: Path, texts: list[str], scorer: LetterScorer
) -> None:
    documents = chosen(corpus_of(tmp_path, texts))
    record = evaluate(scorer, documents, SETTINGS, lambda n: None, run_id="r", model="m", base="b", step=5)
    assert record.key == likelihood_key(scorer.model.identity.fingerprint, documents)
    assert record.bits == pytest.approx(record.bits_N.sum() / record.letters_N.sum())
    assert record.token_perplexity == pytest.approx(2**record.bits)  # a token is a letter here
    catalog = Catalog(tmp_path / "c.duckdb")
    catalog.append([record])
    catalog.append([record])
    assert catalog.query("SELECT base, step, n_documents, bits, is_watched FROM likelihoods").rows == [
        ("b", 5, 60, record.bits, False)
    ]
    stored = catalog.query(
        "SELECT document, n_letters, bits FROM likelihood_documents ORDER BY document"
    ).rows
    order = np.argsort(record.rows_N)
    assert [row[0] for row in stored] == record.rows_N[order].tolist()
    assert [row[2] for row in stored] == record.bits_N[order].tolist()


def test_one_letter_at_a_time_is_the_pseudo_likelihood(folder: Path, scorer: LetterScorer) -> None:
    sequence = "ACGTNTTGCA"
    vocabulary = ["<pad>", "<unk>", "<cls>", "<eos>", *"ACGTNM"]
    ids = [2, *map(vocabulary.index, sequence), 3]
    bits = 0.0
    for at, letter in enumerate(sequence, start=1):
        if letter != "N":
            masked = [9 if place == at else each for place, each in enumerate(ids)]
            bits -= log_probabilities(folder, masked)[at, ids[at]]
    found = sequence_likelihood(scorer, sequence, "dna", 0)
    assert found.n_letters == 9
    assert found.bits == pytest.approx(bits, rel=1e-4)


@pytest.mark.parametrize("share", [0.15, 0.5])
def test_several_letters_at_a_time_ask_for_each_once(scorer: LetterScorer, share: float) -> None:
    assert sequence_likelihood(scorer, "ACGTTGCANN" * 3, "dna", share).n_letters == 24


def test_the_command_writes_a_row_a_sequence(tmp_path: Path, folder: Path) -> None:
    from tests.command import seqbench

    (tmp_path / "s.fa").write_text(">one first\nACGTAC\n>=two\nGGNN\n")
    for name in ("s.tsv", "s.jsonl"):
        done = seqbench("models", "score", str(folder), str(tmp_path / "s.fa"), "--out", str(tmp_path / name))
        assert done.exit_code == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert [(row["id"], row["letters"]) for row in rows] == [("one", 6), ("=two", 2)]
    assert (tmp_path / "s.tsv").read_text().splitlines()[2].startswith("3\t'=two\t2\t")
    refused = seqbench(
        "models", "score", str(folder), str(tmp_path / "s.fa"), "--out", str(tmp_path / "s.xls")
    )
    assert refused.exit_code == 2
