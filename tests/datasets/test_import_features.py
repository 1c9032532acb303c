"""Features in parts (BED12, GFF3, GTF, GenBank), genomes in 2bit and GenBank, and wrong kinds of files."""

import gzip
import struct
import textwrap
from pathlib import Path

import pytest

from seqbench.core.alphabets import reverse_complement
from tests.importing import do_import, manifest, refusal

CHR1 = "ACGTTGCAACGGTTACCATGGATCCTAGGACTTAGCATCG"


def of_ids(made: dict[str, list[dict]]) -> dict[str, str]:
    return {item["id"]: item["seq"] for each in made.values() for item in each}


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    path = tmp_path / "g.fa"
    path.write_text(f">chr1\n{CHR1}\n")
    return path


BED12 = "".join(
    f"chr1\t2\t30\t{name}\t{label}\t{strand}\t2\t30\t0\t3\t4,3,5{end}\t0,10,23{end}\n"
    for name, label, strand, end in (("tx1", 0, "+", ","), ("tx2", 1, "-", ""))
)


def test_blocks_are_joined_as_bedtools_joins_them(tmp_path: Path, genome: Path) -> None:
    """bedtools 2.30.0, `getfasta -split -s -name`."""
    (tmp_path / "x.bed").write_text(BED12 + "chr1\t5\t9\ttx3\t0\t-\n")
    options = [tmp_path / "x.bed", "--genome", genome, "--label-column", 5, "--split", "1/0/1"]
    made = of_ids(do_import("bed", *options, "--blocks", "join", out=tmp_path / "o" / "d"))
    assert made == {"tx1": "GTTGTTATAGGA", "tx2": "TCCTATAACAAC", "tx3": reverse_complement(CHR1[5:9])}
    assert manifest(tmp_path / "o" / "d")["notes"] == []
    whole = of_ids(do_import("bed", *options, out=tmp_path / "o" / "whole"))
    assert whole["tx1"] == CHR1[2:30]
    assert "x.bed: 2 intervals have several blocks (exons)" in manifest(tmp_path / "o" / "whole")["notes"][0]


@pytest.mark.parametrize(
    ("blocks", "says"),
    [
        ("3\t4,3\t0,10,23", "x.bed:1: blocks (columns 10 to 12) '3 4,3 0,10,23' are no count with as many"),
        ("2\t4,x\t0,10", "x.bed:1: blocks (columns 10 to 12)"),
        ("2\t4,9\t0,23", "x.bed:1: blocks overlap, are not in order, or leave the interval"),
        ("2\t9,5\t0,8", "x.bed:1: blocks overlap, are not in order, or leave the interval"),
    ],
)
def test_faults_of_blocks_name_the_line(tmp_path: Path, genome: Path, blocks: str, says: str) -> None:
    (tmp_path / "x.bed").write_text(f"chr1\t2\t30\tt\t0\t+\t2\t30\t0\t{blocks}\n")
    options = [tmp_path / "x.bed", "--genome", genome, "--split", "1/1", "--blocks", "join"]
    assert says in refusal("bed", *options, out=tmp_path / "o" / "d")
    line = refusal("bed", *options, "--flanks", 3, out=tmp_path / "o" / "d")
    assert "joined parts have no --window or --flanks" in line


def test_insertion_sites_are_sequences_where_something_makes_them_wide(tmp_path: Path, genome: Path) -> None:
    """bedtools 2.30.0, `slop -b 4` and `getfasta -s`: AACCGTTG."""
    (tmp_path / "x.bed").write_text("chr1\t10\t10\ti1\t0\t-\nchr1\t20\t20\ti2\t0\t+\n")
    options = [tmp_path / "x.bed", "--genome", genome, "--split", "1/0/1"]
    for number, wide in enumerate((["--flanks", 4], ["--window", 8])):
        made = of_ids(do_import("bed", *options, *wide, out=tmp_path / "o" / f"d{number}"))
        assert made == {"i1": "AACCGTTG", "i2": CHR1[16:24]}
    line = refusal("bed", *options, out=tmp_path / "o" / "none")
    assert line.endswith("the end is exclusive); an insertion site needs --window or --flanks")


GFF3 = """##gff-version 3
##sequence-region chr1 1 40
chr1\tx\tgene\t3\t30\t.\t-\t.\tID=g1;biotype=protein%3Bcoding
chr1\tx\tmRNA\t3\t30\t.\t-\t.\tID=t1;Parent=g1
chr1\tx\tCDS\t13\t15\t.\t-\t0\tID=c1;Parent=t1
chr1\tx\tCDS\t3\t6\t.\t-\t0\tID=c1;Parent=t1
chr1\tx\tCDS\t26\t30\t.\t-\t2\tID=c1;Parent=t1
chr1\tx\texon\t26\t30\t.\t-\t.\tParent=t1,t2
chr1\tx\tmRNA\t8\t30\t.\t-\t.\tID=t2;Parent=g1
chr1\tx\tgene\t33\t36\t.\t+\t.\tID=g2;biotype=lncRNA
chr1\tx\tmRNA\t33\t36\t.\t+\t.\tID=t3;Parent=g2
chr1\tx\tCDS\t33\t36\t.\t+\t0\tID=c3;Parent=t3
##FASTA
>chr1
ACGT
"""
GTF = "".join(
    f'chr1\tx\t{kind}\t{start}\t{end}\t.\t{strand}\t{phase}\tgene_id "{gene}"; {more}\n'
    for kind, start, end, strand, phase, gene, more in (
        ("gene", 3, 30, "-", ".", "g1", 'biotype "protein;coding"; tag "a"; tag "b";'),
        ("transcript", 3, 30, "-", ".", "g1", 'transcript_id "t1";'),
        ("CDS", 26, 30, "-", 2, "g1", 'transcript_id "t1"; exon_number 1;'),
        ("CDS", 13, 15, "-", 0, "g1", 'transcript_id "t1"; exon_number 2;'),
        ("CDS", 3, 6, "-", 0, "g1", 'transcript_id "t1"; exon_number 3;'),
        ("gene", 33, 36, "+", ".", "g2", 'biotype "lncRNA";'),
        ("transcript", 33, 36, "+", ".", "g2", 'transcript_id "t3";'),
        ("CDS", 33, 36, "+", 0, "g2", 'transcript_id "t3";'),
    )
)


@pytest.mark.parametrize("text", [GFF3, GTF], ids=["GFF3", "GTF"])
def test_parts_of_a_parent_are_joined_and_labels_are_their_parents(
    tmp_path: Path, genome: Path, text: str
) -> None:
    """The joined sequence is bedtools 2.30.0's of the same blocks: exons in order, then the strand."""
    for name in ("x.gff.gz", "y.gff.gz"):
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
    files = ["--train", tmp_path / "x.gff.gz", "--test", tmp_path / "y.gff.gz"]
    options = ["--genome", genome, "--feature", "CDS", "--label-attribute", "biotype", "--parts", "join"]
    done = do_import("gff", *files, *options, out=tmp_path / "o" / "d")
    assert of_ids({"train": done["train"]}) == of_ids({"test": done["test"]})
    assert of_ids(done) == {"t1": "TCCTATAACAAC", "t3": CHR1[32:36]}
    about = manifest(tmp_path / "o" / "d")
    assert about["names"] == {"0": "lncRNA", "1": "protein;coding"}
    assert "1 items begin inside a codon (their first CDS has phase 1 or 2)" in about["notes"][0]


def test_features_one_by_one_have_windows_and_their_kind_as_label(tmp_path: Path, genome: Path) -> None:
    (tmp_path / "x.gff").write_text(GFF3)
    options = [tmp_path / "x.gff", "--genome", genome, "--feature", "gene", "--feature", "mRNA"]
    made = do_import("gff", *options, "--split", "1/0/1", out=tmp_path / "o" / "d")
    assert of_ids(made)["g1"] == reverse_complement(CHR1[2:30])
    assert manifest(tmp_path / "o" / "d")["names"] == {"0": "gene", "1": "mRNA"}
    made = do_import("gff", *options, "--window", 4, "--split", "1/0/1", out=tmp_path / "o" / "w")
    assert of_ids(made)["t3"] == CHR1[32:36]


def test_a_feature_across_the_origin_of_a_circle_goes_on_at_its_start(tmp_path: Path, genome: Path) -> None:
    lines = [
        "region\t1\t40\t.\t+\t.\tID=r;Is_circular=true",
        "gene\t37\t44\t.\t+\t.\tID=a",
        "gene\t39\t42\t.\t-\t.\tID=b",
    ]
    (tmp_path / "x.gff").write_text("##gff-version 3\n" + "".join(f"chr1\tx\t{line}\n" for line in lines))
    options = [tmp_path / "x.gff", "--genome", genome, "--feature", "gene", "--split", "1/0/1"]
    made = of_ids(do_import("gff", *options, out=tmp_path / "o" / "d"))
    assert made == {"a": CHR1[36:] + CHR1[:4], "b": reverse_complement(CHR1[38:] + CHR1[:2])}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("chr1\tx\tCDS\t5\t4\t.\t+\t0\tID=a", "x.gff:2: '5' to '4' (columns 4 and 5) is no range"),
        ("chr1\tx\tCDS\t5\t9\t.\tx\t0\tID=a", "x.gff:2: strand 'x' (column 7) is none of + - . ?"),
        ("chr1\tx\tCDS\t5\t9", "x.gff:2: has 5 columns, GFF3 and GTF have 9"),
        ("chr1\tx\tCDS\t5\t99\t.\t+\t0\tID=a", "x.gff:2: chr1:4-99 lies over the end"),
        ("##sequence-region chr1 1 41", "x.gff:2: 'chr1' has 41 letters here"),
        ("chr1\tx\tCDS\t5\t9\t.\t+\t0\tID=a;Parent=t\nchr1\tx\tCDS\t15\t19\t.\t-\t0\tID=a;Parent=t",
         "x.gff:3: is on another chromosome or strand than"),
    ],
)  # fmt: skip
def test_faults_of_features_name_the_line(tmp_path: Path, genome: Path, line: str, says: str) -> None:
    (tmp_path / "x.gff").write_text(f"##gff-version 3\n{line}\n")
    options = [
        tmp_path / "x.gff",
        "--genome",
        genome,
        "--feature",
        "CDS",
        "--parts",
        "join",
        "--split",
        "1/1",
    ]
    assert says in refusal("gff", *options, out=tmp_path / "o" / "d")


LOCATIONS = {
    "a": "3..6", "b": "complement(3..6)", "c": "join(3..6,13..15)",
    "d": "complement(join(3..6,13..15,26..30))",
    "e": "join(complement(26..30),complement(13..15))", "f": "<1..>4", "g": "order(38..40,1..2)",
    "h": "join(3..6,complement(13..15))", "i": "7",
}  # fmt: skip


def genbank(path: Path) -> Path:
    features = ""
    for number, (name, location) in enumerate(LOCATIONS.items()):
        lines = [*textwrap.wrap(location.replace(",", ", "), 30), f'/locus_tag="{name}"',
                 '/product="a ""long"" product', f'of kind {number % 2}"', '/note="x"',
                 '/note="y /product=no"']  # fmt: skip
        features += "".join(f"     {'CDS' if not n else '':16}{line}\n" for n, line in enumerate(lines))
    groups = [CHR1[start : start + 10].lower() for start in range(0, 40, 10)]
    path.write_text(
        "LOCUS       X1                40 bp    DNA     circular BCT 01-JAN-2026\n"
        "DEFINITION  a\nACCESSION   X1\n"
        "VERSION     X1.2\nFEATURES             Location/Qualifiers\n     source          1..40\n"
        f'                     /organism="E. coli"\n{features}ORIGIN\n        1 {" ".join(groups)}\n//\n'
    )
    return path


def test_features_of_genbank_are_those_that_biopython_extracts(tmp_path: Path) -> None:
    """Sequences by Biopython 1.88, `feature.extract`, which is asked as well where it is installed."""
    path = genbank(tmp_path / "x.gb")
    options = [path, "--feature", "CDS", "--label-qualifier", "product", "--split", "1/0/1"]
    made = of_ids(do_import("genbank", *options, out=tmp_path / "o" / "d"))
    assert made == {
        "a": "GTTG", "b": "CAAC", "c": "GTTGTTA", "d": "TCCTATAACAAC", "e": "TCCTATAA", "f": "ACGT",
        "g": "TCGAC",
        "h": "GTTGTAA", "i": "C",
    }  # fmt: skip
    assert manifest(tmp_path / "o" / "d")["names"] == {
        "0": 'a "long" product of kind 0', "1": 'a "long" product of kind 1',
    }  # fmt: skip
    reader = pytest.importorskip("Bio.SeqIO", reason="Biopython is not installed")
    (record,) = reader.parse(str(path), "genbank")
    found = {
        each.qualifiers["locus_tag"][0]: str(each.extract(record.seq))
        for each in record.features
        if each.type == "CDS"
    }
    assert made == found


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "     CDS             7\n",
            "     CDS             7^8\n",
            "location '7^8' can't be read",
        ),
        (
            "     CDS             7\n",
            "     CDS             7..99\n",
            "CDS '7..99', but the record has 40 letters",
        ),
        ("//\n", "", "x.gb: ends inside a record, without //"),
        ("LOCUS", "XLOCUS", "x.gb:1: no GenBank file: it does not start with LOCUS"),
    ],
)
def test_faults_of_genbank_name_the_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = genbank(tmp_path / "x.gb")
    path.write_text(path.read_text().replace(old, new))
    line = refusal("genbank", path, "--feature", "CDS", "--split", "1/1", out=tmp_path / "o" / "d")
    assert says in line


def runs(text: str, is_in: str) -> list[tuple[int, int]]:
    """Start and size of runs of some letters."""
    inside = "".join("x" if letter in is_in else " " for letter in text)
    parts = (
        [(n, len(word)) for n, word in ((inside.find("x", 0), inside.split()[0]),)] if inside.strip() else []
    )
    while parts and (start := inside.find("x", sum(parts[-1]))) >= 0:
        parts.append((start, len(inside[start:].split()[0])))
    return parts


def twobit(sequences: dict[str, str], order: str = "<", version: int = 0) -> bytes:
    """A 2bit file by the text of its specification; py2bit 1.0.1 reads version 0 so, but for N's case."""
    width = 8 if version else 4
    head = struct.pack(f"{order}4I", 0x1A412743, version, len(sequences), 0)
    place = len(head) + sum(1 + len(name) + width for name in sequences)
    index, bodies = b"", b""
    for name, text in sequences.items():
        body = struct.pack(f"{order}I", len(text))
        for found in (runs(text, "Nn"), runs(text, "acgtn")):
            starts, sizes = zip(*found, strict=True) if found else ((), ())
            body += struct.pack(f"{order}{1 + 2 * len(found)}I", len(found), *starts, *sizes)
        codes = ["TCAG".find(letter) if letter in "TCAG" else 0 for letter in text.upper()] + [0] * (
            -len(text) % 4
        )
        packed = bytes(a << 6 | b << 4 | c << 2 | d for a, b, c, d in zip(*[iter(codes)] * 4, strict=True))
        index += (
            bytes([len(name)])
            + name.encode()
            + struct.pack(f"{order}{'Q' if version else 'I'}", place + len(bodies))
        )
        bodies += body + struct.pack(f"{order}I", 0) + packed
    return head + index + bodies


MIXED = {"chr1": "NNacgtACGTNNNNacgtnnTTGCATCG" * 3 + "A", "chr2": "ACGTA", "chr3": "nNnN"}


@pytest.mark.parametrize("form", ["<0", ">0", "<1"])
def test_2bit_genomes_give_every_letter_in_its_case(tmp_path: Path, form: str) -> None:
    (tmp_path / "g.2bit").write_bytes(twobit(MIXED, form[0], int(form[1])))
    places = [
        (name, start, min(start + width, len(text)))
        for name, text in MIXED.items()
        for start in range(0, len(text), 3)
        for width in (1, 10, 100)
    ]
    rows = [
        f"{name}\t{start}\t{end}\t{number}\t{number % 2}\n"
        for number, (name, start, end) in enumerate(places)
    ]
    (tmp_path / "x.bed").write_text("".join(rows))
    options = [tmp_path / "x.bed", "--genome", tmp_path / "g.2bit", "--label-column", 5, "--case", "keep"]
    made = of_ids(do_import("bed", *options, "--split", "1/0/1", out=tmp_path / "o" / "d"))
    assert made == {str(number): MIXED[name][start:end] for number, (name, start, end) in enumerate(places)}


@pytest.mark.parametrize("size", [5, 20, 40, 60])
def test_a_2bit_genome_that_ends_early_is_named(tmp_path: Path, size: int) -> None:
    (tmp_path / "g.2bit").write_bytes(twobit(MIXED)[:size])
    (tmp_path / "x.bed").write_text("chr1\t1\t4\n")
    options = [tmp_path / "x.bed", "--genome", tmp_path / "g.2bit", "--split", "1/1"]
    assert "g.2bit: ends early (copy or download it again)" in refusal(
        "bed", *options, out=tmp_path / "o" / "d"
    )


def test_a_genome_may_be_a_genbank_file(tmp_path: Path) -> None:
    (tmp_path / "x.bed").write_text("X1\t2\t6\ta\nX1.2\t3\t9\tb\n")
    options = [tmp_path / "x.bed", "--genome", genbank(tmp_path / "g.gbk"), "--split", "1/0/1"]
    assert of_ids(do_import("bed", *options, out=tmp_path / "o" / "d")) == {"a": CHR1[2:6], "b": CHR1[3:9]}


KINDS = {
    "VCF (see `seqbench datasets import vcf`)": b"##fileformat=VCFv4.2\n",
    "GFF3 (see `seqbench datasets import gff`)": GFF3.encode(),
    "GTF (see `seqbench datasets import gff`)": GTF.encode(),
    "GenBank (see `seqbench datasets import genbank`)": b"LOCUS       X 4 bp\n",
    "BED (see `seqbench datasets import bed`)": b"track name=x\nchr1\t4\t5\n",
    "FASTA (see `seqbench datasets import fasta`)": b">x\nACGT\n",
    "FASTQ (samtools fasta or seqtk seq -a": b"@r1\nACGT\n+\nIIII\n",
    "SAM (samtools fasta": b"@HD\tVN:1.6\n",
    "BAM (samtools fasta": gzip.compress(b"BAM\1...."),
    "bigBed (bigBedToBed": b"\xeb\xf2\x89\x87....",
    "HDF5 (convert it first)": b"\x89HDF\r\n\x1a\n",
    "Git LFS (a pointer to the file: git lfs pull)": b"version https://git-lfs.github.com/spec/v1\n",
    "HTML (a web page": b"<!DOCTYPE html>\n",
    "2bit (a genome, for --genome)": twobit({"a": "ACGT"}),
}


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("command", ["fasta", "bed", "gff", "vcf", "genbank", "table"])
def test_a_wrong_kind_of_file_is_named_for_what_it_is(
    tmp_path: Path, genome: Path, command: str, kind: str
) -> None:
    own = {"gff": ("GFF3", "GTF"), "table": ("BED",), "genbank": ("GenBank",)}.get(
        command, (command.upper(),)
    )
    if kind.split()[0] in own:
        return
    (tmp_path / "x").write_bytes(KINDS[kind])
    options = {"fasta": ["--label-key", "l"], "table": [], "genbank": ["--feature", "CDS"]}.get(
        command, ["--genome", genome]
    )
    options += {"gff": ["--feature", "CDS"], "vcf": ["--window", 8]}.get(command, [])
    line = refusal(command, tmp_path / "x", *options, "--split", "1/1", out=tmp_path / "o" / "d")
    assert line.startswith(f"{tmp_path / 'x'}: is {kind.split(' (')[0]}, not ")
    assert kind.partition(" (")[2] in line


def test_locations_nested_without_end_are_faults(tmp_path: Path) -> None:
    path = genbank(tmp_path / "x.gb")
    deep = "complement(" * 2000 + "7" + ")" * 2000
    path.write_text(path.read_text().replace("     CDS             7\n", f"     CDS             {deep}\n"))
    line = refusal("genbank", path, "--feature", "CDS", "--split", "1/1", out=tmp_path / "o" / "d")
    assert "can't be read as places with letters" in line
