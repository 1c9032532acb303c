"""BED, VCF and folders, whose sequences are compared with slices of a genome and with htslib."""

import gzip
from pathlib import Path

import numpy as np
import pysam
import pytest

from tests.importing import do_import, manifest, refusal

PAIRS = dict(zip("ACGTNacgtn", "TGCANtgcan", strict=True))


def letters(seed: int, count: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGTacgtN"), count))


GENOME = {"chr1": letters(1, 997), "chr2": letters(2, 400), "chrM": letters(3, 61), "ENST7.3": letters(4, 50)}


def other_strand(text: str) -> str:
    return "".join(PAIRS[letter] for letter in reversed(text))


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    path = tmp_path / "genome.fa"
    lines = []
    for name, text in GENOME.items():
        lines += [f">{name} of no one", *(text[start : start + 60] for start in range(0, len(text), 60))]
    path.write_text("\n".join(lines) + "\n")
    return path


BED = [
    ("chr1", 100, 130, "p1", "pos", "+"),
    ("1", 200, 231, "p2", "neg", "-"),
    ("chr2", 0, 10, "p3", "pos", "."),
    ("MT", 20, 61, "p4", "neg", "-"),
    ("chr1", 990, 997, "p5", "neg", "+"),
    ("ENST7", 3, 5, "p6", "pos", "+"),
]


def of(chrom: str) -> str:
    return GENOME[{"1": "chr1", "MT": "chrM", "ENST7": "ENST7.3"}.get(chrom, chrom)]


@pytest.fixture
def bed(tmp_path: Path) -> Path:
    path = tmp_path / "x.bed"
    rows = ["\t".join(map(str, (c, s, e, n, label, strand))) for c, s, e, n, label, strand in BED]
    path.write_text("# a comment\ntrack name=x\n\n" + "\r\n".join(rows) + "\n")
    return path


def by_id(made: dict[str, list[dict]]) -> dict[str, dict]:
    return {item["id"]: item for each in made.values() for item in each}


SPLIT = ["--label-column", 5, "--split", "1/1"]


def test_intervals_are_slices_of_the_genome(tmp_path: Path, genome: Path, bed: Path) -> None:
    made = by_id(
        do_import("bed", bed, "--genome", genome, *SPLIT, "--case", "keep", out=tmp_path / "o" / "d")
    )
    for chrom, start, end, name, label, strand in BED:
        expected = of(chrom)[start:end]
        assert made[name]["seq"] == (other_strand(expected) if strand == "-" else expected)
        assert made[name]["label"] == int(label == "pos")
        place = (made[name]["chrom"], made[name]["start"], made[name]["end"], made[name]["strand"])
        assert place == (chrom, start, end, "-" if strand == "-" else "+")


@pytest.mark.parametrize("form", ["plain", "gzip", "bgzip", "windows", "one line"])
def test_genomes_of_any_form_give_what_htslib_fetches(
    tmp_path: Path, genome: Path, bed: Path, form: str
) -> None:
    path = genome
    with pysam.FastaFile(str(genome)) as opened:
        expected = {
            name: opened.fetch(
                {"1": "chr1", "MT": "chrM", "ENST7": "ENST7.3"}.get(chrom, chrom), start, end
            ).upper()
            for chrom, start, end, name, _, _ in BED
        }
    if form == "gzip":
        path = tmp_path / "g.fa.gz"
        path.write_bytes(gzip.compress(genome.read_bytes()))
    elif form == "bgzip":
        path = tmp_path / "b.fa.gz"
        pysam.tabix_compress(str(genome), str(path))
    elif form == "windows":
        path = tmp_path / "w.fa"
        path.write_bytes(genome.read_bytes().replace(b"\n", b"\r\n"))
    elif form == "one line":
        path = tmp_path / "l.fa"
        path.write_text("".join(f">{name}\n{text}\n" for name, text in GENOME.items()))
    made = by_id(do_import("bed", bed, "--genome", path, *SPLIT, "--ignore-strand", out=tmp_path / "o" / "d"))
    assert {name: item["seq"] for name, item in made.items()} == expected


def test_windows_are_centred_and_flanks_are_added(tmp_path: Path, genome: Path, bed: Path) -> None:
    options = [bed, "--genome", genome, *SPLIT, "--case", "keep", "--out-of-range", "pad"]
    for window in (20, 21):
        made = by_id(do_import("bed", *options, "--window", window, out=tmp_path / "o" / f"w{window}"))
        for chrom, start, end, name, _, strand in BED:
            padded = "N" * 99 + of(chrom) + "N" * 99
            first = 99 + (start + end) // 2 - window // 2
            expected = padded[first : first + window]
            assert made[name]["seq"] == (other_strand(expected) if strand == "-" else expected)
    made = by_id(do_import("bed", *options, "--flanks", 7, out=tmp_path / "o" / "flanks"))
    for chrom, start, end, name, _, strand in BED:
        expected = ("N" * 7 + of(chrom) + "N" * 7)[start : end + 14]
        assert made[name]["seq"] == (other_strand(expected) if strand == "-" else expected)


def test_windows_over_the_edge_are_faults_skipped_or_padded(tmp_path: Path, genome: Path, bed: Path) -> None:
    options = [bed, "--genome", genome, "--split", "1/1", "--flanks", 5]
    line = refusal("bed", *options, out=tmp_path / "o" / "d")
    assert line.startswith(f"{bed}:6: chr2:-5-15 lies over the end of a chromosome of 400 letters")
    made = by_id(do_import("bed", *options, "--out-of-range", "skip", out=tmp_path / "o" / "d"))
    assert sorted(made) == ["p1", "p2"]
    assert manifest(tmp_path / "o" / "d")["skipped"]["out of range"]["items"] == 4


def test_chromosomes_make_splits_whatever_they_are_called(tmp_path: Path, genome: Path, bed: Path) -> None:
    options = ["--test-chromosomes", "chrMT,2", "--eval-chromosomes", "ENST7", "--label-column", 5]
    made = do_import("bed", bed, "--genome", genome, *options, out=tmp_path / "o" / "d")
    assert {split: [item["id"] for item in each] for split, each in made.items()} == {
        "train": ["p1", "p2", "p5"], "eval": ["p6"], "test": ["p3", "p4"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (
            "chr1 1 5\nchrX 1 5\n",
            [],
            "x.bed:2: chromosome 'chrX' is not in {genome}, which has 'chr1', 'chr2', 'chrM'",
        ),
        ("chr1 5 5\n", [], "x.bed:1: the interval 5-5 is empty (BED counts from 0, the end is exclusive)"),
        ("chr1 -5 5\n", [], "x.bed:1: start '-5' is no whole number from 0"),
        ("chr1 1 5.0\n", [], "x.bed:1: end '5.0' is no whole number from 0"),
        ("chr1\t1\n", [], "x.bed:1: has 2 columns; BED has chromosome, start and end at least"),
        ("chr1 1 5 n 0 x\n", [], "x.bed:1: strand 'x' (column 6) is none of + - ."),
        ("chr1 1 5 n\n", ["--label-column", 5], "x.bed:1: has no label by --label-column 5"),
        ("chr1 1 5\n", ["--label-column", 3], "--label-column must be 4 or more"),
        ("chr1 1 999999999999999999\n", [], "x.bed:1: the window is longer than 256 Mbp"),
        ("chr1 1 5\n", ["--window", 0], "--window must be 1 or more letters"),
        ("chr1 1 5\n", ["--window", 5, "--flanks", 5], "--window and --flanks exclude each other"),
    ],
)
def test_faults_of_intervals_name_the_line(
    tmp_path: Path, genome: Path, text: str, options: list[object], says: str
) -> None:
    (tmp_path / "x.bed").write_text(text)
    line = refusal(
        "bed", tmp_path / "x.bed", "--genome", genome, "--split", "1/1", *options, out=tmp_path / "o" / "d"
    )
    assert says.format(genome=genome) in line


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (">a\nACGT\n>a\nAC\n", "g.fa:3: the header names 'a' a second time"),
        (">\nACGT\n", "g.fa:1: the header has no name"),
        (
            ">a\nACGT\nAC\nACGT\n",
            "g.fa:3: the line is shorter than those before it, and chromosome 'a' goes on",
        ),
        (">a\nACGT\n\nACGT\n", "g.fa:3: the line is shorter than those before it"),
        (">a\nACGT\nACGTT\n", "g.fa:3: the line is longer than the first of chromosome 'a'"),
        ("ACGT\n", "g.fa:1: no FASTA file"),
        ("", "g.fa: holds no FASTA record"),
        (">a\n", "x.bed:1: a:1-3 lies over the end of a chromosome of 0 letters"),
        (">a\nAC#T\n", "x.bed:1: the sequence holds '#' at 2"),
    ],
)
def test_faults_of_genomes_name_the_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "g.fa").write_text(text)
    (tmp_path / "x.bed").write_text("a\t1\t3\n")
    options = ["--genome", tmp_path / "g.fa", "--split", "1/1"]
    assert says in refusal("bed", tmp_path / "x.bed", *options, out=tmp_path / "o" / "d")


HEADER = (
    "##fileformat=VCFv4.3\n##contig=<ID=chr1>\n##contig=<ID=chrM>\n##INFO=<ID=SIG,Number=A,Type=String>\n"
)
HEADER += "##INFO=<ID=X,Number=1,Type=Integer>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def variants() -> list[tuple[str, int, str, list[str]]]:
    """Places, reference and alternate alleles: a change, a deletion, an insertion, two, symbols."""
    chrom = GENOME["chr1"]
    return [
        ("chr1", 101, chrom[100], ["T" if chrom[100].upper() != "T" else "A"]),
        ("1", 201, chrom[200:205], [chrom[200]]),
        ("chr1", 301, chrom[300], [chrom[300] + "GATTACA"]),
        ("chr1", 401, chrom[400:402], ["CC", "A" + chrom[400:402]]),
        ("MT", 31, GENOME["chrM"][30].lower(), ["<DEL>", "*", "G"]),
    ]


@pytest.fixture
def vcf(tmp_path: Path) -> Path:
    path = tmp_path / "x.vcf"
    lines = []
    for number, (chrom, position, ref, alts) in enumerate(variants()):
        info = f"X={number % 2};SIG=" + ",".join("good" if len(alt) == 1 else "bad" for alt in alts)
        lines.append(f"{chrom}\t{position}\t.\t{ref}\t{','.join(alts)}\t.\t.\t{info}\n")
    path.write_text(HEADER + "".join(lines))
    return path


def test_variants_become_pairs_of_windows_of_one_length(tmp_path: Path, genome: Path, vcf: Path) -> None:
    for window in (40, 41):
        options = [
            "--genome",
            genome,
            "--window",
            window,
            "--label-info",
            "SIG",
            "--split",
            "1/1",
            "--case",
            "keep",
        ]
        made = by_id(do_import("vcf", vcf, *options, out=tmp_path / "o" / f"d{window}"))
        expected = {}
        for chrom, position, ref, alts in variants():
            text, begin = of(chrom), position - 1
            for alt in alts:
                if alt not in ("<DEL>", "*"):
                    left, right = text[begin - window // 2 : begin], text[begin + len(ref) :]
                    pair = ((left + ref + right)[:window], (left + alt + right)[:window])
                    expected[f"{chrom}:{position}:{ref}>{alt}"] = (*pair, int(len(alt) == 1))
        assert {name: (i["seq1"], i["seq2"], i["label"]) for name, i in made.items()} == expected
        assert {len(item[key]) for item in made.values() for key in ("seq1", "seq2")} == {window}
        skipped = manifest(tmp_path / "o" / f"d{window}")["skipped"]
        assert skipped["symbolic or missing allele"]["items"] == 2


def test_gzipped_variants_are_those_that_htslib_reads(tmp_path: Path, genome: Path, vcf: Path) -> None:
    pysam.tabix_compress(str(vcf), str(tmp_path / "v.vcf.gz"))
    options = ["--genome", genome, "--window", 20, "--label-info", "X", "--split", "1/1"]
    made = by_id(do_import("vcf", tmp_path / "v.vcf.gz", *options, out=tmp_path / "o" / "d"))
    text = vcf.read_text().replace("\n1\t", "\nchr1\t").replace("\nMT\t", "\nchrM\t")
    (tmp_path / "named.vcf").write_text(text)
    with pysam.VariantFile(str(tmp_path / "named.vcf")) as opened, pysam.FastaFile(str(genome)) as fasta:
        expected = {
            (fasta.fetch(record.chrom, record.start - 10, record.start + 10).upper(), record.info["X"])
            for record in opened
        }
    assert {(item["seq1"], item["label"]) for item in made.values()} == expected


def test_a_reference_allele_that_disagrees_is_a_fault_or_skipped(tmp_path: Path, genome: Path) -> None:
    right, wrong = GENOME["chr1"][49].upper(), "C" if GENOME["chr1"][59].upper() != "C" else "G"
    alt = "A" if right != "A" else "C"
    text = f"chr1\t50\tr1\t{right}\t{alt}\t.\t.\t.\nchr1\t60\tr2\t{wrong}\tT\t.\t.\t.\n" + (
        f"chr1\t50\tr3\t{right}\t{right}{alt}\t.\t.\t.\n"
    )
    path = tmp_path / "hot.vcf"
    path.write_text(HEADER + text)
    options = [path, "--genome", genome, "--window", 10, "--split", "1/1"]
    line = refusal("vcf", *options, out=tmp_path / "o" / "d")
    there = GENOME["chr1"][59]
    assert line.startswith(
        f"{path}:8: at chr1:60 the reference allele is {wrong!r}, the genome has {there!r} (is it the right "
    )
    made = do_import("vcf", *options, "--on-mismatch", "skip", out=tmp_path / "o" / "d")
    assert sorted(by_id(made)) == ["r1", "r3"]
    assert manifest(tmp_path / "o" / "d")["skipped"] == {
        "reference allele disagrees": {"items": 1, "first": [f"{path}:8"]}
    }


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("chr1\t50\t.\tA\n", "x.vcf:7: has 4 columns, VCF has 8, with tabs between them"),
        ("chr1\tx\t.\tA\tT\t.\t.\t.\n", "x.vcf:7: POS 'x' is no whole number from 1"),
        ("chr1\t5\t.\t.\tT\t.\t.\t.\n", "x.vcf:7: REF '.' holds something else than letters of DNA"),
        ("chrZ\t5\t.\tA\tT\t.\t.\t.\n", "x.vcf:7: chromosome 'chrZ' is not in"),
        ("chr1\t9999\t.\tA\tT\t.\t.\t.\n", "x.vcf:7: at chr1:9,999 the reference allele is 'A',"),
        ("chr1\t2\t.\t{1}\tT\t.\t.\t.\n", "x.vcf:7: at chr1:2 the window lies over the end of a chromosome"),
        ("chr1\t50\t.\t{49}\tAAAAAAAAAAA\t.\t.\t.\n", "x.vcf:7: at chr1:50 an allele of 11 letters"),
        ("chr1\t50\t.\t{49}\tA\t.\t.\tY=1\n", "x.vcf:7: has no label by INFO key SIG"),
    ],
)  # fmt: skip
def test_faults_of_variants_name_the_line(tmp_path: Path, genome: Path, line: str, says: str) -> None:
    for at in (1, 49):
        line = line.replace(f"{{{at}}}", GENOME["chr1"][at])
    (tmp_path / "x.vcf").write_text(HEADER + line)
    options = ["--genome", genome, "--window", 20, "--label-info", "SIG", "--split", "1/1"]
    assert says in refusal("vcf", tmp_path / "x.vcf", *options, out=tmp_path / "o" / "d")


def benchmark(folder: Path) -> Path:
    for split, extra in (("train", "A"), ("test", "C")):
        for name in ("negative", "positive"):
            (folder / split / name).mkdir(parents=True)
            for number in range(3):
                text = (
                    name[:3].upper().replace("O", "G").replace("S", "T").replace("P", "A").replace("E", "C")
                )
                (folder / split / name / f"{number}.txt").write_text(f"{text}{extra * number}\n")
    (folder / "metadata.yaml").write_text("version: 0\n")
    return folder


def test_folders_of_texts_become_splits_and_classes(tmp_path: Path) -> None:
    made = do_import("folder", benchmark(tmp_path / "b"), out=tmp_path / "o" / "d")
    assert [(item["id"], item["seq"], item["label"]) for item in made["test"]] == [
        ("0", "NCG", 0), ("1", "NCGC", 0), ("2", "NCGCC", 0),
        ("0", "AGT", 1), ("1", "AGTC", 1), ("2", "AGTCC", 1),
    ]  # fmt: skip
    assert len(made["train"]) == 6
    assert manifest(tmp_path / "o" / "d")["names"] == {"0": "negative", "1": "positive"}


def test_interval_lists_are_slices_of_each_class_s_genome(tmp_path: Path, genome: Path) -> None:
    other = tmp_path / "worm.fa.gz"
    other.write_bytes(gzip.compress(b">I\nAACCGGTTAACC\n"))
    for split in ("train", "test"):
        (tmp_path / "b" / split).mkdir(parents=True)
        rows = "id,region,start,end,strand\n0,chr1,10,20,+\n1,chr1,30,42,-\n"
        (tmp_path / "b" / split / "human.csv.gz").write_bytes(gzip.compress(rows.encode()))
        (tmp_path / "b" / split / "worm.csv").write_text("id,region,start,end,strand\n7,I,2,6,-\n")
    options = [tmp_path / "b", "--genome", genome, "--genome", f"worm={other}"]
    made = do_import("folder", *options, out=tmp_path / "o" / "d")
    chrom = GENOME["chr1"].upper()
    assert [(item["seq"], item["label"]) for item in made["train"]] == [
        (chrom[10:20], 0), (other_strand(chrom[30:42]), 0), (other_strand("CCGG"), 1),
    ]  # fmt: skip
    line = refusal("folder", tmp_path / "b", out=tmp_path / "o" / "e")
    assert (
        "human.csv.gz: is a list of intervals, so its genome is needed (--genome FASTA, or --genome human="
        in line
    )


def test_folders_hold_no_way_out(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("ACGT")
    folder = benchmark(tmp_path / "b")
    (folder / "test" / "positive" / "9.txt").symlink_to(secret)
    line = refusal("folder", folder, out=tmp_path / "o" / "d")
    assert line.endswith(f"9.txt: is a link that leads out of {folder} (copy what it points to)")
    (folder / "test" / "positive" / "9.txt").unlink()
    (folder / "train" / "third").symlink_to(tmp_path)
    assert "is a link that leads out of" in refusal("folder", folder, out=tmp_path / "o" / "d")


def test_folders_that_are_none_are_faults(tmp_path: Path) -> None:
    (tmp_path / "b" / "valid").mkdir(parents=True)
    assert "holds no split/class folders" in refusal("folder", tmp_path / "b", out=tmp_path / "o" / "d")
    (tmp_path / "b" / "chr1").mkdir()
    assert "b/chr1: split 'chr1' is none of train" in refusal(
        "folder", tmp_path / "b", out=tmp_path / "o" / "d"
    )
    assert "there is no such folder" in refusal("folder", tmp_path / "none", out=tmp_path / "o" / "d")
