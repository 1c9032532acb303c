"""Documents of every format, held-out parts and pieces."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from seqbench.corpora.corpus import Corpus, Pieces, open_corpus
from seqbench.corpora.source import CorpusSource
from seqbench.errors import DataError

TEXTS = ["The cell divides.", "", 'A "quoted" line\nand ümlauts', "The cell divides."]
SHARED = Path(__file__).parents[3] / "shared/data-training/adapt"


def opened(path: Path, **settings: object) -> Corpus:
    return open_corpus(CorpusSource(name="corpus", path=path, **settings))  # type: ignore[arg-type]


def jsonl(path: Path, texts: list[str], key: str = "text") -> Path:
    path.write_text(
        "".join(json.dumps({key: text, "doc": f"d{n % 3}"}) + "\n" for n, text in enumerate(texts))
    )
    return path


def texts_of(corpus: Corpus) -> list[str]:
    return [text for _, text in corpus.documents()]


@pytest.mark.parametrize("packed", [False, True])
def test_lines_of_json_are_documents_plain_and_packed_and_escapes_are_undone(
    tmp_path: Path, packed: bool
) -> None:
    path = jsonl(tmp_path / "c.jsonl", TEXTS)
    if packed:
        path.with_suffix(".jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
        path = path.with_suffix(".jsonl.gz")
    corpus = opened(path)
    assert texts_of(corpus) == [text for text in TEXTS if text]
    assert (corpus.facts.n_documents, corpus.facts.n_empty) == (4, 1)
    assert corpus.facts.n_characters == sum(map(len, TEXTS))
    assert str(corpus.place(2)) == f"{path}:3"


def test_text_that_stands_in_its_file_as_it_is_is_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"seq": "ACGTTGCA", "id": 1}\r\n{"seq":"GGGTTT"}', encoding="utf-8-sig")
    corpus = opened(path)
    assert texts_of(corpus) == ["ACGTTGCA", "GGGTTT"]
    assert corpus.facts.copied_bytes == 0


def test_a_line_of_text_is_a_document(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes("one line\r\n\nzwei Zeilen, ä\n".encode())
    corpus = opened(path)
    assert texts_of(corpus) == ["one line", "zwei Zeilen, ä"]
    assert corpus.facts.copied_bytes == 0


def test_records_of_fasta_are_unwrapped_and_read_on_both_strands(tmp_path: Path) -> None:
    path = tmp_path / "c.fa"
    path.write_text(">chr1 first\nACGT\nAACC\n>chr2\nGG\n")
    corpus = opened(path, both_strands=True)
    assert texts_of(corpus) == ["ACGTAACC", "GG"]
    pieces = Pieces(corpus, 128)
    assert [piece.text for piece in pieces.read(np.arange(4))] == ["ACGTAACC", "GG", "GGTTACGT", "CC"]


def test_a_column_of_a_table_is_read_and_so_are_folders_that_datasets_saves(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"body": TEXTS, "doc": ["a", "b", "c", "d"]})
    table.save_to_disk(tmp_path / "saved")
    table.to_parquet(tmp_path / "c.parquet")
    table.to_csv(tmp_path / "c.csv")
    for name in ("saved", "c.parquet", "c.csv"):
        corpus = opened(tmp_path / name, key="body", group_key="doc")
        assert texts_of(corpus) == [text for text in TEXTS if text]
        assert len(set(corpus.index.records(0, 4)["group"])) == 4


def test_equal_documents_have_the_same_hash_whatever_they_stand_in(tmp_path: Path) -> None:
    lines = tmp_path / "c.txt"
    lines.write_text("ACGT\nTTGA\n")
    fasta = tmp_path / "c.fa"
    fasta.write_text(">a\nAC\nGT\n>b\nTTGA\n")
    assert opened(lines).facts.sha256 == opened(fasta).facts.sha256


@pytest.mark.parametrize(
    ("content", "settings", "said"),
    [
        ('{"body": "A"}\n', {}, r":1: no key 'text', 'seq', 'sequence', only \['body'\] \(set key\)"),
        ('{"text": "A"}\n{"text": 5}\n', {}, r":2: 'text' must be a string, got 5"),
        ('{"text": "A"}\n{"text"\n', {}, r":2: not JSON"),
        ('{"text": "A"}\n', {"group_key": "doc"}, r":1: 'doc' must be a text or number, got None"),
        ('{"text": "\\ud800"}\n', {}, r":1: 'text' holds half a character at 1"),
        ('{"text": ""}\n', {}, r"holds no document with text"),
    ],
)
def test_a_line_at_fault_is_named(tmp_path: Path, content: str, settings: dict[str, str], said: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        opened(path, **settings)


def test_both_strands_of_proteins_or_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="both strands are asked for, but its letters are text"):
        opened(jsonl(tmp_path / "c.jsonl", ["the quick brown fox jumps over"]), both_strands=True)


def test_a_share_is_held_out_by_text_and_equal_texts_lie_on_one_side(tmp_path: Path) -> None:
    texts = [f"document number {number % 500}" for number in range(1000)]
    corpus = opened(jsonl(tmp_path / "c.jsonl", texts))
    held_out = {text for _, text in corpus.documents("held_out", 0.2)}
    train = {text for _, text in corpus.documents("train", 0.2)}
    assert not held_out & train
    assert len(held_out | train) == 500
    assert 60 < len(held_out) < 140  # binomial(500, 0.2): 100 ± 9
    assert corpus.count("held_out", 0.2) == 2 * len(held_out)


def test_documents_of_a_group_are_held_out_together(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "c.jsonl", [f"text {number}" for number in range(30)])
    corpus = opened(path, group_key="doc")
    rows = {row % 3 for row, _ in corpus.documents("held_out", 0.7)}
    assert corpus.count("held_out", 0.7) == 10 * len(rows)


def test_pieces_of_a_document_joined_are_the_document_and_cut_no_word(tmp_path: Path) -> None:
    words = " ".join(f"größe{number}" for number in range(400))
    corpus = opened(jsonl(tmp_path / "c.jsonl", [words, "ü" * 700, "short"]))
    pieces = Pieces(corpus, 128)
    read = pieces.read(np.random.default_rng(0).permutation(len(pieces)))
    ordered = sorted(read, key=lambda piece: (piece.document, piece.start))
    assert "".join(piece.text for piece in ordered if piece.document == 0) == words
    assert "".join(piece.text for piece in ordered if piece.document == 1) == "ü" * 700
    assert all(piece.text.startswith("größe") for piece in ordered if piece.document == 0 and piece.text)


def test_an_index_is_kept_and_made_anew_when_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQBENCH_CACHE", str(tmp_path / "cache"))
    path = jsonl(tmp_path / "c.jsonl", ["x" * 600_000, "y\n" * 300_000])
    first = opened(path)
    kept = next((tmp_path / "cache/corpora").glob("*/about.json")).stat().st_mtime_ns
    assert texts_of(opened(path)) == texts_of(first)
    assert next((tmp_path / "cache/corpora").glob("*/about.json")).stat().st_mtime_ns == kept
    jsonl(path, ["z" * 1_200_000])
    assert texts_of(opened(path)) == ["z" * 1_200_000]
    with pytest.raises(DataError, match="was changed while in use"):
        Pieces(first, 128).read(np.arange(1))


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data-training/adapt")
def test_counts_of_the_biomedical_corpus_are_those_of_its_readme() -> None:
    facts = opened(SHARED / "biomed_corpus/corpus.jsonl").facts
    assert (facts.n_documents, facts.n_empty, facts.n_characters) == (13934, 6962, 2740592)
