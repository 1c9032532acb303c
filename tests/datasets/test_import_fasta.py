import gzip
import hashlib
from pathlib import Path

import pysam
import pytest

from seqbench.datasets.importing.headers import header_pairs
from tests.importing import do_import, items, manifest, refusal

RECORDS = [("a", "ACGTacgt", "pos"), ("b", "GGGG", "neg"), ("c", "TTTTTTNN", "pos"), ("d", "CA", "neg")]


def fasta(path: Path, header: str = ">{id} label={label} n=1", *, width: int = 3, end: str = "\n") -> Path:
    lines = []
    for name, sequence, label in RECORDS:
        lines.append(header.format(id=name, label=label))
        lines += [sequence[start : start + width] for start in range(0, len(sequence), width)]
    path.write_bytes((end.join(lines) + end).encode())
    return path


def found(splits: dict[str, list[dict]]) -> dict[str, tuple[str, int]]:
    return {item["id"]: (item["seq"], item["label"]) for each in splits.values() for item in each}


EXPECTED = {name: (sequence, int(label == "pos")) for name, sequence, label in RECORDS}


@pytest.mark.parametrize(
    ("header", "options"),
    [
        (">{id} label={label} n=1", ["--label-key", "label"]),
        (">{id} |x|label={label}|n=1", ["--label-key", "label"]),
        (">{id} |{label}", ["--label-field", 2]),
        (">{id} x;{label}", ["--label-field", -1, "--field-separator", ";"]),
        (">{id} class:{label}.", ["--label-regex", r"class:(\w+)"]),
        (">{id} (1) {label}", ["--label-regex", r"(\d)\) (?P<label>\w+)"]),
    ],
)
def test_labels_come_from_headers(tmp_path: Path, header: str, options: list[object]) -> None:
    made = do_import(
        "fasta", fasta(tmp_path / "x.fa", header), *options, "--split", "1/0/1", out=tmp_path / "o" / "d"
    )
    assert found(made) == EXPECTED
    assert manifest(tmp_path / "o" / "d")["names"] == {"0": "neg", "1": "pos"}
    assert {split: len(each) for split, each in made.items()} == {"train": 2, "test": 2}


@pytest.mark.parametrize("text", ["{0}\t{2}\n", "{0},{2}\n", "x,{2},{0}\n"])
def test_labels_come_from_a_table(tmp_path: Path, text: str) -> None:
    head = "other,label,id\n" if text.startswith("x") else ""
    (tmp_path / "t").write_text(head + "".join(text.format(*record) for record in RECORDS))
    path = fasta(tmp_path / "x.fa")
    made = do_import("fasta", path, "--labels", tmp_path / "t", "--split", "1/0/1", out=tmp_path / "o" / "d")
    assert found(made) == EXPECTED


def test_labels_come_from_file_names_and_splits_from_options(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "pos.fa").write_text(f">a\nAC{'G' * (split == 'test')}\n")
        (tmp_path / split / "neg.fna.gz").write_bytes(gzip.compress(b">b\nTT\n"))
    files = [
        part
        for split in ("train", "test")
        for path in sorted((tmp_path / split).iterdir())
        for part in (f"--{split}", path)
    ]
    made = do_import("fasta", *files, "--label-by-file", out=tmp_path / "o" / "d")
    assert [(item["seq"], item["label"]) for item in made["train"]] == [("TT", 0), ("AC", 1)]
    assert [(item["seq"], item["label"]) for item in made["test"]] == [("TT", 0), ("ACG", 1)]


def test_files_are_read_as_htslib_reads_them(tmp_path: Path) -> None:
    plain = fasta(tmp_path / "x.fa")
    windows = fasta(tmp_path / "w.fa", end="\r\n")
    marked = tmp_path / "bom.fa"
    marked.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes())
    packed = tmp_path / "x.fa.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    blocked = tmp_path / "b.fa.gz"
    pysam.tabix_compress(str(plain), str(blocked))
    renamed = tmp_path / "really-gzip.fa"
    renamed.write_bytes(packed.read_bytes())
    with pysam.FastxFile(str(plain)) as records:
        expected = {record.name: record.sequence for record in records}
    for number, path in enumerate((plain, windows, marked, packed, blocked, renamed)):
        out = tmp_path / "o" / f"d{number}"
        made = do_import("fasta", path, "--label-key", "label", "--split", "1/0/1", out=out)
        assert {item["id"]: item["seq"] for each in made.values() for item in each} == expected
        recorded = manifest(out)["sources"][0]
        assert recorded["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert recorded["bytes"] == path.stat().st_size


def test_letters_are_kept_or_upper_cased(tmp_path: Path) -> None:
    path = fasta(tmp_path / "x.fa")
    options = [path, "--label-key", "label", "--split", "1/0/1"]
    assert found(do_import("fasta", *options, out=tmp_path / "o" / "a"))["a"][0] == "ACGTacgt"
    upper = do_import("fasta", *options, "--case", "upper", out=tmp_path / "o" / "b")
    assert found(upper)["a"][0] == "ACGTACGT"


def test_headers_of_bedtools_and_samtools_place_items_on_chromosomes(tmp_path: Path) -> None:
    path = tmp_path / "x.fa"
    path.write_text(
        ">chr1:10-14(-) label=0\nACGT\n>chr2:11-14 label=1\nACGT\n"
        ">peak::8:0-3 label=0\nACG\n>8:5-9 label=1\nACGT\n"
    )
    made = do_import(
        "fasta", path, "--label-key", "label", "--test-chromosomes", "chr8", out=tmp_path / "o" / "d"
    )
    places = [[(i["chrom"], i["start"], i["end"], i["strand"]) for i in made[s]] for s in ("train", "test")]
    # 11-14 is as long as its sequence only when counted from 1, as samtools does.
    assert places == [
        [("chr1", 10, 14, "-"), ("chr2", 10, 14, "+")],
        [("8", 0, 3, "+"), ("8", 5, 9, "+")],
    ]


def test_splits_come_from_headers(tmp_path: Path) -> None:
    path = tmp_path / "x.fa"
    path.write_text(
        ">a label=0 set=train\nA\n>b label=1 set=Training\nC\n>c label=0 set=val\nG\n>d label=1 set=test\nT\n"
    )
    made = do_import("fasta", path, "--label-key", "label", "--split-key", "set", out=tmp_path / "o" / "d")
    assert {split: [item["seq"] for item in each] for split, each in made.items()} == {
        "train": ["A", "C"], "eval": ["G"], "test": ["T"],
    }  # fmt: skip


UNIPROT = """>sp|P0A7Y4|RNH_ECOLI Ribonuclease HI OS=Escherichia coli (strain K12) OX=83333 GN=rnhA PE=1 SV=2
MA
>sp|P13335|GP46_BPT4 Tail, long OS=Enterobacteria phage T4 OX=10665 GN=46 PE=1 SV=2
MC
>sp|P04326|TAT_HV1 Protein Tat OS=HIV type 1 group M, subtype B (isolate HXB2) OX=11706 GN=tat PE=1
MD
"""


def test_values_of_uniprot_headers_hold_blanks_and_commas(tmp_path: Path) -> None:
    """Values by pyteomics 5.0.1, `fasta.parse`."""
    (tmp_path / "x.fa").write_text(UNIPROT * 2)
    options = [tmp_path / "x.fa", "--split", "1/0/1", "--label-key"]
    do_import("fasta", *options, "OS", "--task", "classification", out=tmp_path / "o" / "d")
    assert set(manifest(tmp_path / "o" / "d")["names"].values()) == {
        "Escherichia coli (strain K12)", "Enterobacteria phage T4",
        "HIV type 1 group M, subtype B (isolate HXB2)",
    }  # fmt: skip
    made = do_import("fasta", *options, "OX", out=tmp_path / "o" / "ox")
    assert {item["label"] for each in made.values() for item in each} == {83333, 10665, 11706}


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (">UniRef50_Q9K794 Putative AgrB n=2 Tax=Bacillus halodurans TaxID=86665", "Bacillus halodurans"),
        (">x [strain=K 12] [Tax=Homo sapiens] clone 7", "Homo sapiens"),
        (">x Tax=7 of chr1:5-9", "7"),
        (">x n=1;Tax=a b;m=2", "a b"),
        (">x Tax=a b|c", "a b"),
        (">x Tax=a, m=2", "a"),
        (">x Tax=a b", "a b"),
    ],
)
def test_values_reach_to_the_next_key_or_separator(header: str, value: str) -> None:
    assert header_pairs(header[1:])["Tax"] == value


def test_flip_s_validation_items_are_eval(tmp_path: Path) -> None:
    marks = ["train VALIDATION=False", "train VALIDATION=True", "test VALIDATION=False"]
    path = tmp_path / "x.fa"
    path.write_text("".join(f">s{n} TARGET={n}.5 SET={mark}\nAC\n" for n, mark in enumerate(marks)))
    options = ["--label-key", "TARGET", "--split-key", "SET"]
    made = do_import("fasta", path, *options, out=tmp_path / "o" / "fasta")
    assert {split: [item["id"] for item in each] for split, each in made.items()} == {
        "train": ["s0"], "eval": ["s1"], "test": ["s2"],
    }  # fmt: skip
    path = tmp_path / "x.csv"
    path.write_text("sequence,target,set,validation\nAC,0.5,train,\nAG,1.5,train,True\nAT,2.5,test,False\n")
    made = do_import("table", path, "--label", "target", "--split-column", "set", out=tmp_path / "o" / "csv")
    assert {split: [item["seq"] for item in each] for split, each in made.items()} == {
        "train": ["AC"], "eval": ["AG"], "test": ["AT"],
    }  # fmt: skip


def test_empty_records_are_faults_or_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.fa"
    path.write_text(">a l=0\nA\n>b l=0\n\n>c l=1\nA\n>d l=1\nA\n>e l=0\nAA\n>f l=1\n")
    options = [path, "--label-key", "l", "--split", "1/0/1"]
    line = refusal("fasta", *options, out=tmp_path / "o" / "d")
    assert line == f"{path}:3: has an empty sequence (--empty skip leaves such items out)"
    do_import("fasta", *options, "--empty", "skip", out=tmp_path / "o" / "d")
    assert manifest(tmp_path / "o" / "d")["skipped"] == {
        "empty sequence": {"items": 2, "first": [f"{path}:3", f"{path}:11"]}
    }


def test_repeated_ids_are_kept_left_out_or_faults(tmp_path: Path) -> None:
    path = tmp_path / "x.fa"
    path.write_text(">a l=0\nA\n>b l=1\nC\n>a l=0\nG\n>c l=1\nT\n")
    options = [path, "--label-key", "l", "--split", "1/0/1"]
    every = do_import("fasta", *options, out=tmp_path / "o" / "keep")
    assert sum(map(len, every.values())) == 4
    first = do_import("fasta", *options, "--duplicate-ids", "first", out=tmp_path / "o" / "first")
    assert sorted(item["seq"] for each in first.values() for item in each) == ["A", "C", "T"]
    line = refusal("fasta", *options, "--duplicate-ids", "error", out=tmp_path / "o" / "error")
    assert line.startswith(f"{path}:5: id 'a' was there before, at {path}:1 ")


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("ACGT\n", [], "x.fa:1: no FASTA file: it does not start with a line of `>`"),
        ("", [], "x.fa: holds no FASTA record"),
        (">a l=0\nAC\n>b\nAC\n", [], "x.fa:3: has no label by --label-key l (--missing skip leaves it out)"),
        (">a l=0\nAC GT\n>b l=1\nAC#T\n", [], "x.fa:3: the sequence holds '#' at 3; sequences are"),
        (">a l=0\nAC\x00\n", [], r"x.fa:1: the sequence holds '\x00' at 3"),
        (">a l=0\nACé\n", [], "x.fa:1: the sequence holds 'é' at 3"),
        (">a l=0\nA\n", [], "no split is known: give --split 0.8/0.1/0.1"),
        (">a l=0\nA\n>b l=0\nA\n", ["--split", "1/1"], None),
        (">a l=0\nA\n>b l=0\nA\n", ["--split", "1/2/3/4"], "--split '1/2/3/4' must be shares of"),
        (">a l=0\nA\n>b l=0\nA\n", ["--test-chromosomes", "chr1"], "x.fa:1: is on no known chromosome"),
        (">a l=0\nA\n", ["--split", "1/1"], "no item is in test, of 1: train and test are needed"),
        (">a l=0\nA\n", ["--label-field", "2"], "say with one of --label-key, --label-field, --label-regex,"),
    ],
)  # fmt: skip
def test_faults_name_the_place(tmp_path: Path, text: str, options: list[str], says: str | None) -> None:
    (tmp_path / "x.fa").write_text(text)
    arguments = [tmp_path / "x.fa", "--label-key", "l", *options]
    if says is None:
        do_import("fasta", *arguments, out=tmp_path / "o" / "d")
        return
    assert says in refusal("fasta", *arguments, out=tmp_path / "o" / "d")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (
            "x.fa.gz",
            gzip.compress(b">a l=0\nACGT\n" * 100, mtime=0)[:-20],
            "its compressed data are damaged or end early",
        ),
        (
            "x.fa.gz",
            gzip.compress(b">a l=0\nACGT\n", mtime=0)[:15] + b"garbage",
            "its compressed data are damaged",
        ),
        ("x.fa", b"PK\x03\x04....", "is a zip archive (unpack it first)"),
        ("x.fa", b"\xff\xfe>\0a\0", "is UTF-16 text (save it as UTF-8)"),
        ("x.fa", b">a l=0\nAC\xffGT\n", "x.fa:2: not UTF-8 text, at byte 3 of the line"),
    ],
)
def test_unreadable_files_are_named(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert says in refusal(
        "fasta", tmp_path / name, "--label-key", "l", "--split", "1/1", out=tmp_path / "o" / "d"
    )


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    options = ["--label-key", "l", "--split", "1/1"]
    assert "is no regular file" in refusal("fasta", tmp_path / "pipe", *options, out=tmp_path / "o" / "d")
    assert "is a folder" in refusal("fasta", tmp_path, *options, out=tmp_path / "o" / "d")
    assert "No such file" in refusal("fasta", tmp_path / "none", *options, out=tmp_path / "o" / "d")
    assert items(tmp_path / "o" / "d") == {}
