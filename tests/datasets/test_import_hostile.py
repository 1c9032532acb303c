"""Whatever a file holds, an import makes a data set or tells one line, and never leaves half of one."""

import gzip
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqbench.core.progress import Silent
from seqbench.datasets.importing import inputs
from seqbench.datasets.importing.bed import BedSource, WindowRule
from seqbench.datasets.importing.fasta import FastaSource
from seqbench.datasets.importing.files import SplitPath
from seqbench.datasets.importing.headers import label_by_field, label_by_key
from seqbench.datasets.importing.hub import local_files
from seqbench.datasets.importing.importing import ImportSettings, import_dataset
from seqbench.datasets.importing.record import ItemSource
from seqbench.datasets.importing.rows import TableSource
from seqbench.datasets.importing.splits import SplitRule, fractions_of
from seqbench.datasets.importing.vcf import VcfSource
from seqbench.errors import SeqbenchError
from tests.importing import refusal

GENOME = b">chr1\nACGTACGTAC\nGTACGTACGT\nACGTA\n>chr2\nGGGGG\n"
WORDS = st.sampled_from(
    [b"chr1", b"1", b"0", b"5", b"-3", b"A", b"ACGT", b"acgtn", b"N", b"<DEL>", b".", b"*", b"+", b"-", b"",
     b"label=1", b"x|y", b"\xff", b"\x00", b"\xef\xbb\xbf", b'"', b"99999999999999999999", b"1e5", b"NA",
     b"a;b", b"##fileformat=VCFv4.2", b"#CHROM", b"track", "é".encode(), b"seq", b"label", b"../x", b"SIG=1"]
)  # fmt: skip
LINES = st.lists(WORDS, max_size=9).flatmap(
    lambda words: st.sampled_from([b"\t", b",", b" "]).map(lambda delimiter: delimiter.join(words))
)
MARKED = st.tuples(st.sampled_from([b"", b">", b"#"]), LINES).map(b"".join)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
TEXT = st.tuples(st.lists(MARKED, max_size=8), ENDS).map(lambda both: both[1].join(both[0]))
CONTENT = (
    TEXT | st.binary(max_size=200) | TEXT.map(gzip.compress) | TEXT.map(lambda text: gzip.compress(text)[:-5])
)
HEADS = {
    "fasta": b">a label=0\nACGT\n",
    "field": b">a|0\nACGT\n",
    "table": b"seq,label\nACGT,0\n",
    "bed": b"chr1\t1\t3\n",
    "vcf": b"##fileformat=VCFv4.2\nchr1\t3\t.\tG\tA\t.\t.\t.\n",
    "genome": GENOME,
}


def sources(kind: str, folder: Path, path: Path) -> ItemSource:
    files = [SplitPath(path)]
    genome = folder / "genome.fa"
    genome.write_bytes(GENOME)
    if kind == "fasta":
        return FastaSource(files=files, from_header=label_by_key("label"))
    if kind == "field":
        return FastaSource(files=files, from_header=label_by_field(-1, "|"))
    if kind == "table":
        return TableSource(files=files)
    if kind == "bed":
        return BedSource(files=files, genome=genome, rule=WindowRule(flanks=1, out_of_range="pad"))
    if kind == "vcf":
        return VcfSource(files=files, genome=genome, window=4, on_mismatch="skip", out_of_range="pad")
    bed = folder / "x.bed"
    bed.write_bytes(b"chr1\t1\t3\nchr1\t2\t5\n")
    return BedSource(files=[SplitPath(bed)], genome=path)


WHOLE = ["d", "d/import.json", "d/test.jsonl", "d/train.jsonl", "datasets_info.yaml"]
"""Below the root once a data set was imported."""


def outcome(source: ItemSource, folder: Path) -> tuple[int, list[str]]:
    """How many lines were told, and what lies below the root afterwards."""
    root = folder / "root"
    rule = SplitRule(fractions=fractions_of("1/0/1"))
    told = []
    try:
        import_dataset(source, ImportSettings(out=root / "d", splits=rule), Silent())
    except SeqbenchError as error:
        told = str(error).splitlines()
    there = [path.relative_to(root).as_posix() for path in root.rglob("*")] if root.exists() else ["nothing"]
    return len(told), sorted(there)


ALLOWED = ((0, WHOLE), (1, ["nothing"]))
"""All of it without a word, or one line and not even the root."""


@pytest.mark.parametrize("kind", list(HEADS))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=CONTENT, headed=st.booleans())
def test_any_content_is_imported_or_told_in_one_line(kind: str, content: bytes, headed: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x"
        path.write_bytes((HEADS[kind] if headed else b"") + content)
        assert outcome(sources(kind, Path(name), path), Path(name)) in ALLOWED


@settings(max_examples=60, deadline=None)
@given(
    at=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.booleans(), form=st.sampled_from(["p", "a"])
)
def test_any_flipped_or_lost_byte_of_arrow_is_imported_or_told(
    at: int, value: int, cut: bool, form: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "hf"
        folder.mkdir()
        made = pa.table({"seq": ["ACGT", "CC", "GG", "TT"], "label": [0, 1, 0, 1]})
        path = folder / ("x.parquet" if form == "p" else "data.arrow")
        if form == "p":
            pyarrow.parquet.write_table(made, path)
        else:
            with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, made.schema) as writer:
                writer.write_table(made)
            (folder / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
        raw = bytearray(path.read_bytes())
        at %= len(raw)
        raw[at] = value
        path.write_bytes(raw[:at] if cut else raw)
        try:
            source = TableSource(files=local_files(folder), kind="hub")
            source.shape  # noqa: B018 -- reads the schema
        except SeqbenchError:
            return
        assert outcome(source, Path(name)) in ALLOWED


def test_a_line_without_end_is_told_before_memory_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MAX_LINE_BYTES", 1000)
    for name, content in (("x.fa", b">a label=1\n" + b"A" * 2000), ("x.csv", b"seq,label\n" + b"A" * 2000)):
        (tmp_path / name).write_bytes(gzip.compress(content))
        kind, options = ("fasta", ["--label-key", "label"]) if name == "x.fa" else ("table", [])
        line = refusal(kind, tmp_path / name, *options, "--split", "1/1", out=tmp_path / "o" / "d")
        assert line.startswith(f"{tmp_path / name}:2: the line is longer than")


def test_names_in_the_data_lead_nowhere_and_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "x.fa"
    path.write_text(
        '>../../a label=../../../etc\nAC\n>"\\b{} label=<b>\nGT\n'
        ">c label=../../../etc\nAA\n>d label=<b>\nAT\n"
    )
    source = FastaSource(files=[SplitPath(path)], from_header=label_by_key("label"))
    assert outcome(source, tmp_path) == (0, WHOLE)
    names = {path.name for path in tmp_path.rglob("*")}
    assert names == {"x.fa", "root", "d", "datasets_info.yaml", "train.jsonl", "test.jsonl", "import.json"}
