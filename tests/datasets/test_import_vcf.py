"""VCF as others write it: symbolic alleles, telomeres, ambiguous genomes, case, INFO by its Number."""

from pathlib import Path

import pytest

from tests.importing import do_import, manifest, refusal

LETTERS = "acgtacgtACGTACGTRNMKacgtACGTACGT"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def vcf(folder: Path, *lines: str, header: str = "", genome: str = f">chr1\n{LETTERS}\n") -> list[object]:
    """Files of variants (POS, REF, ALT, INFO; one name each) and their genome, as options of an import."""
    (folder / "g.fa").write_text(genome)
    rows = []
    for number, line in enumerate(lines):
        position, ref, alt, *info = line.split()
        rows.append(f"chr1\t{position}\tv{number}\t{ref}\t{alt}\t.\t.\t{(info or ['.'])[0]}\n")
    (folder / "x.vcf").write_text("##fileformat=VCFv4.3\n" + header + COLUMNS + "".join(rows))
    return [folder / "x.vcf", "--genome", folder / "g.fa", "--window", 8, "--out-of-range", "pad",
            "--split", "1/0/1"]  # fmt: skip


def made_of(folder: Path, options: list[object]) -> list[dict]:
    made = do_import("vcf", *options, out=folder / "o" / "d")
    return sorted((item for each in made.values() for item in each), key=lambda item: item["id"])


def test_symbolic_alleles_and_telomeres_are_counted_before_ref_is_compared(tmp_path: Path) -> None:
    lines = ["5 N <DEL>", "6 N <INS>", "7 N N[chr1:9[", "8 N ]chr9:9]N", "9 . .A", "10 N *,<DUP>", "11 A .",
             "0 N T", f"{len(LETTERS) + 1} N T", "3 G T", "4 T A"]  # fmt: skip
    made = made_of(tmp_path, vcf(tmp_path, *lines))
    assert [item["id"] for item in made] == ["v10", "v9"]
    skipped = manifest(tmp_path / "o" / "d")["skipped"]
    assert {reason: each["items"] for reason, each in skipped.items()} == {
        "symbolic or missing allele": 8,
        "telomere (position 0 or behind the chromosome)": 2,
    }


def test_a_reference_allele_is_one_of_the_bases_that_an_ambiguous_letter_means(tmp_path: Path) -> None:
    """As bcftools 1.24 `norm -c e`: R of the genome is A in VCF, and N is N alone."""
    made = made_of(tmp_path, vcf(tmp_path, "17 A T", "18 N T", "19 A T", "20 G T"))
    assert [item["seq1"][4] for item in made] == ["A", "N", "A", "G"]
    assert made[0]["seq1"] == "ACGTANMK"
    for wrong in ("17 C T", "18 A T", "1 N T"):
        line = refusal("vcf", *vcf(tmp_path, wrong), out=tmp_path / "o" / "wrong")
        assert "the reference allele is" in line


def test_case_is_the_genome_s_around_and_in_the_variant(tmp_path: Path) -> None:
    """Alternate alleles as bcftools 1.16 `consensus` writes them."""
    lines = ["3 G T", "3 G TTT", "2 CG C", "8 TA T", "8 TA GCC", "9 A TGG"]
    options = [*vcf(tmp_path, *lines), "--case", "keep"]
    made = made_of(tmp_path, options)
    assert [item["seq2"][4:] for item in made] == ["ttac", "tttt", "ctac", "tCGT", "gccC", "TGGC"]
    assert [item["seq1"][4:] for item in made] == ["gtac", "gtac", "cgta", "tACG", "tACG", "ACGT"]


INFO = """##INFO=<ID=A,Number=A,Type=String,Description="x, Number=R">
##INFO=<ID=R,Number=R,Type=String>
##INFO=<ID=D,Number=.,Type=String>
##INFO=<ID=ONE,Number=1,Type=Integer>
##INFO=<ID=G,Number=G,Type=Float>
##INFO=<ID=F,Number=0,Type=Flag>
"""
VALUES = "A=x,y;R=r,s,t;D=m,n;ONE=7;UNDECLARED=p,q"


@pytest.mark.parametrize(
    ("key", "labels"),
    [("A", "xy"), ("R", "st"), ("D", ["m,n"] * 2), ("ONE", "77"), ("F", "10"), ("UNDECLARED", ["p,q"] * 2)],
)
def test_labels_follow_the_number_that_the_header_says(tmp_path: Path, key: str, labels: list[str]) -> None:
    """Of two alternate alleles, as pysam 0.24.1 reads INFO: `Number=.` and undeclared keys are one value."""
    lines = [f"3 G T,A {VALUES}{';F' * (key == 'F')}", f"3 G T,A {VALUES}"]
    made = made_of(tmp_path, [*vcf(tmp_path, *lines, header=INFO), "--label-info", key])
    names = manifest(tmp_path / "o" / "d")["names"]
    found = [names[str(item["label"])] if names else str(item["label"]) for item in made]
    assert found == (["1", "1", "0", "0"] if key == "F" else [*labels, *labels])
    noted = "its header does not declare INFO key UNDECLARED" in "".join(
        manifest(tmp_path / "o" / "d")["notes"]
    )
    assert noted == (key == "UNDECLARED")


@pytest.mark.parametrize(
    ("key", "values", "says"),
    [
        ("A", "A=x", "x.vcf:9: INFO key A has 1 values for 2 alleles; the header says Number=A"),
        ("R", "R=x,y", "x.vcf:9: INFO key R has 2 values for 3 alleles; the header says Number=R"),
        ("A", "A=x,.", "x.vcf:9: has no label by INFO key A"),
        ("G", "G=1,2,3", "x.vcf:6: INFO key G has a value for each genotype (Number=G), which is no label"),
    ],
)
def test_values_that_do_not_fit_are_faults(tmp_path: Path, key: str, values: str, says: str) -> None:
    options = [*vcf(tmp_path, f"3 G T,A {values}", header=INFO), "--label-info", key]
    assert says in refusal("vcf", *options, out=tmp_path / "o" / "d")


def test_a_contig_of_another_length_is_of_another_assembly(tmp_path: Path) -> None:
    options = vcf(tmp_path, "3 G T", header="##contig=<ID=chr1,assembly=x,length=33>\n")
    line = refusal("vcf", *options, out=tmp_path / "o" / "d")
    assert f"x.vcf:2: 'chr1' has 33 letters here, and 'chr1' in {tmp_path / 'g.fa'} has 32 (is it the" in line


@pytest.mark.parametrize(
    ("genome", "says"),
    [
        (
            {"chrM": 16571},
            "x.bed:1: MT is not this genome's chrM, which has the 16,571 letters",
        ),
        ({"chrM": 16569}, ""),
        ({"chrM": 16571, "chrMT": 16569}, ""),
        ({"M": 30}, ""),
    ],
)
def test_mt_is_chrm_only_where_that_is_the_same_sequence(
    tmp_path: Path, genome: dict[str, int], says: str
) -> None:
    (tmp_path / "g.fa").write_text(
        "".join(f">{name}\n{'ACGT' * (n // 4)}{'A' * (n % 4)}\n" for name, n in genome.items())
    )
    (tmp_path / "x.bed").write_text("MT\t0\t5\nMT\t5\t9\n")
    options = [tmp_path / "x.bed", "--genome", tmp_path / "g.fa", "--split", "1/0/1"]
    if says:
        assert says in refusal("bed", *options, out=tmp_path / "o" / "d")
        return
    do_import("bed", *options, out=tmp_path / "o" / "d")
    told = f"1 chromosome names differ from those in {tmp_path / 'g.fa'}: MT is {list(genome)[-1]}"
    assert manifest(tmp_path / "o" / "d")["notes"] == [told]
