"""Which columns are taken for what, and what is asked where that is not clear."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from seqbench.core.types import Task
from seqbench.errors import DataError
from seqbench.suggest.columns import Choices, read_roles
from seqbench.suggest.source import open_source

RNG = np.random.default_rng(3)
PROTEINS = ["".join(RNG.choice(list("ACDEFGHIKLMNPQRSTVWY"), 30)) for _ in range(40)]
DNA = ["".join(RNG.choice(list("ACGT"), 30)) for _ in range(40)]
VALUES = [f"{value:.4f}" for value in RNG.normal(size=40)]
OTHERS = [f"{value:.4f}" for value in RNG.normal(size=40)]
KINDS = ["membrane", "cytosol"] * 20
SPLITS = ["train"] * 24 + ["valid"] * 6 + ["test"] * 10


def table(path: Path, **columns: list[str]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def roles(path: Path, **columns: list[str]) -> tuple[object, ...]:
    found = read_roles(table(path / "x.csv", **columns), Choices())
    return found.columns.sequences, found.columns.labels, found.columns.split, found.task


def test_usual_names_are_taken_and_ids_and_remarks_left(tmp_path: Path) -> None:
    names = [f"P{number:05}" for number in range(40)]
    columns = {"entry": names, "Sequence": PROTEINS, "activity": VALUES, "tm": OTHERS, "set": SPLITS}
    assert roles(tmp_path, **columns) == (("Sequence",), ("activity",), "set", None)
    assert read_roles(tmp_path / "x.csv", Choices()).unused == ("entry", "tm")


def test_columns_of_any_name_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    counted = [str(number) for number in range(40)]
    found = roles(tmp_path, row=counted, chain=PROTEINS, place=KINDS)
    assert found == (("chain",), ("place",), None, None)


def test_pairs_are_two_sequences_of_an_item(tmp_path: Path) -> None:
    found = roles(tmp_path, seq1=PROTEINS, seq2=PROTEINS[::-1], binds=["0", "1"] * 20)
    assert found == (("seq1", "seq2"), ("binds",), None, None)


@pytest.mark.parametrize(("different", "task"), [(2, None), (20, None), (21, Task.REGRESSION)])
def test_many_different_whole_numbers_are_values(tmp_path: Path, different: int, task: Task | None) -> None:
    counts = [str(number % different) for number in range(40)]
    assert roles(tmp_path, seq=DNA, reads=counts)[-1] is task


def test_names_with_a_separator_between_them_are_a_set(tmp_path: Path) -> None:
    terms = ["binding;membrane", "binding", "membrane;transport", "transport"] * 10
    found = read_roles(table(tmp_path / "x.csv", seq=DNA, go=terms), Choices())
    assert found.separator == ";"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"seq": DNA, "tm": VALUES, "kd": OTHERS}, "labels may be in tm or kd: name one (--label tm)"),
        ({"seq": DNA, "score": VALUES, "fitness": OTHERS}, "in score or fitness: name one (--label score)"),
        ({"dna": DNA, "protein": PROTEINS, "y": VALUES}, "in dna or protein: name one (--sequence dna)"),
        ({"light": PROTEINS, "heavy": PROTEINS[::-1], "y": VALUES}, "be in light or heavy: name one"),
        (
            {"seq": DNA, "note": [f"n{number}" for number in range(40)]},
            "no column holds labels, different numbers or few names; name it",
        ),
        ({"x": VALUES, "y": OTHERS}, "no column holds sequences; name it with --sequence"),
    ],
)
def test_what_is_not_clear_is_asked_in_one_line(
    tmp_path: Path, columns: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(DataError) as raised:
        roles(tmp_path, **columns)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_choices_go_before_names_and_must_be_there(tmp_path: Path) -> None:
    path = table(tmp_path / "x.csv", dna=DNA, protein=PROTEINS, score=VALUES, tm=OTHERS)
    found = read_roles(path, Choices(sequences=("protein",), labels=("tm",)))
    assert (found.columns.sequences, found.columns.labels) == (("protein",), ("tm",))
    with pytest.raises(DataError, match=r"has no column Tm \(--label\); there are: dna, protein, score, tm"):
        read_roles(path, Choices(sequences=("protein",), labels=("Tm",)))


def test_a_table_without_names_of_columns_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("\n".join(f"{seq},{value}" for seq, value in zip(DNA, VALUES, strict=True)))
    with pytest.raises(DataError, match=r"x\.csv:1: the first line holds a sequence"):
        read_roles(path, Choices())


def test_jsonl_and_parquet_are_read_as_the_table(tmp_path: Path) -> None:
    columns = {"chain": PROTEINS, "place": KINDS, "set": SPLITS}
    expected = read_roles(table(tmp_path / "x.csv", **columns), Choices())
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "x.parquet")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_roles(tmp_path / "x.parquet", Choices()) == expected
    assert read_roles(tmp_path / "x.jsonl", Choices()) == expected


def test_labels_of_fasta_are_found_in_headers(tmp_path: Path) -> None:
    path = tmp_path / "x.fa"
    rows = list(zip(DNA, KINDS, SPLITS, strict=True))
    path.write_text(
        "".join(f">s{n} kind={kind} set={split}\n{seq}\n" for n, (seq, kind, split) in enumerate(rows))
    )
    found = open_source(path, Choices())
    assert (found.labels, found.split) == ("kind= in headers", "set= in headers")
    path.write_text("".join(f">s{n}|{kind}|x\n{seq}\n" for n, (seq, kind, _) in enumerate(rows)))
    assert open_source(path, Choices()).labels == "field 2 of headers"
    path.write_text("".join(f">s{n} a={n % 2} b={n % 3}\n{seq}\n" for n, (seq, *_) in enumerate(rows)))
    with pytest.raises(DataError, match=r"labels may be in a, b: name one \(--label a\)"):
        open_source(path, Choices())
    assert open_source(path, Choices(labels=("b",))).labels == "b= in headers"


def test_other_files_are_sent_to_the_command_that_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("##fileformat=VCFv4.3\n#CHROM\tPOS\n")
    with pytest.raises(
        DataError, match=r"is VCF, and tables, JSONL and FASTA .* datasets import vcf .*x\.txt"
    ):
        open_source(path, Choices())
