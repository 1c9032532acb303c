import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.command import seqbench
from tests.importing import do_import, manifest, refusal

ROWS = [
    ("a", "ACGT", "donor", "train"),
    ("b", "GGAA", "acceptor", "train"),
    ("c", "TTNN", "none, of both", "train"),
    ("d", "CATT", 'with "quotes"', "train"),
    ("e", "CCCA", "donor", "validation"),
    ("f", "CCCC", "two\nlines", "train"),
    ("g", "AAAA", "two\nlines", "test"),
]
NAMES = sorted({row[2] for row in ROWS})


def table(path: Path, delimiter: str = ",", end: str = "\n", start: str = "") -> Path:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerow(["id", "seq", "label", "set"])
    writer.writerows(ROWS)
    path.write_bytes((start + text.getvalue()).encode())
    return path


def labels(splits: dict[str, list[dict]]) -> dict[str, object]:
    return {item["seq"]: item["label"] for each in splits.values() for item in each}


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize(("end", "start"), [("\n", ""), ("\r\n", "\ufeff")])
def test_delimiters_quotes_and_line_ends_are_understood(
    tmp_path: Path, delimiter: str, end: str, start: str
) -> None:
    path = table(tmp_path / "x.txt", delimiter, end, start)
    made = do_import("table", path, "--split-column", "set", out=tmp_path / "o" / "d")
    assert labels(made) == {row[1]: NAMES.index(row[2]) for row in ROWS}
    assert {split: [item["id"] for item in each] for split, each in made.items()} == {
        "train": ["a", "b", "c", "d", "f"], "eval": ["e"], "test": ["g"],
    }  # fmt: skip
    assert list(manifest(tmp_path / "o" / "d")["names"].values()) == NAMES


def test_parquet_gives_the_same_data_set_as_csv(tmp_path: Path) -> None:
    columns = dict(zip(("id", "seq", "label", "set"), map(list, zip(*ROWS, strict=True)), strict=True))
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "x.parquet", row_group_size=2)
    split = ["--split-column", "set"]
    of_parquet = do_import("table", tmp_path / "x.parquet", *split, out=tmp_path / "o" / "p")
    assert of_parquet == do_import("table", table(tmp_path / "x.csv"), *split, out=tmp_path / "o" / "c")


def test_listed_classes_give_the_numbers_and_others_are_faults(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("seq,label\nA,pos\nC,neg\nG,pos\nT,NA\n")
    made = do_import("table", path, "--split", "1/1", "--classes", "pos,neg,NA", out=tmp_path / "o" / "d")
    assert labels(made) == {"A": 0, "C": 1, "G": 0, "T": 2}
    line = refusal("table", path, "--split", "1/1", "--classes", "pos,NA", out=tmp_path / "o" / "e")
    assert line == f"{path}:3: label 'neg' is not among the classes pos, NA"


def write(tmp_path: Path, text: str) -> list[object]:
    (tmp_path / "x.csv").write_text(text)
    return [tmp_path / "x.csv", "--split", "1/1"]


def test_whole_numbers_are_classes_as_they_are(tmp_path: Path) -> None:
    source = write(tmp_path, "seq,label\nA,3\nC,7.0\nG,3\nT,7\n")
    made = do_import("table", *source, out=tmp_path / "o" / "d")
    assert labels(made) == {"A": 3, "C": 7, "G": 3, "T": 7}
    assert manifest(tmp_path / "o" / "d")["names"] is None


@pytest.mark.parametrize(
    ("text", "options", "task", "expected"),
    [
        ("seq,label\nA,0.5\nC,-1e-3\nG,2\n", [], "regression", {"A": 0.5, "C": -0.001, "G": 2.0}),
        ("seq,label\nA,1\nC,2\nG,2\n", ["--task", "regression"], "regression",
         {"A": 1.0, "C": 2.0, "G": 2.0}),
        ("seq,x,y\nA,1,0\nC,0,true\nG,1,1\n", ["--label", "x", "--label", "y"], "labels",
         {"A": [1, 0], "C": [0, 1], "G": [1, 1]}),
        ("seq,x,y\nA,1,0\nC,0,2.5\nG,1,1\n", ["--label", "y", "--label", "x"], "regression",
         {"A": [0.0, 1.0], "C": [2.5, 0.0], "G": [1.0, 1.0]}),
        ("seq,label\nA,x; y\nC,\nG,z;x;x\n", ["--label-separator", ";"], "labels",
         {"A": [1, 1, 0], "C": [0, 0, 0], "G": [1, 0, 1]}),
        ("seq,label\nA,x\nC,y\nG,x\n", ["--label-separator", ";", "--classes", "y,q,x"], "labels",
         {"A": [0, 0, 1], "C": [1, 0, 0], "G": [0, 0, 1]}),
    ],
)  # fmt: skip
def test_the_task_is_told_from_the_labels(
    tmp_path: Path, text: str, options: list[str], task: str, expected: dict
) -> None:
    made = do_import("table", *write(tmp_path, text), *options, out=tmp_path / "o" / "d")
    assert labels(made) == expected
    assert manifest(tmp_path / "o" / "d")["task"] == task


def test_pairs_have_numbered_sequences(tmp_path: Path) -> None:
    text = "alt,ref,label,n\nAC,GT,1,x\nAA,CC,0,x\nAG,CT,1,x\n"
    given = do_import(
        "table", *write(tmp_path, text), "--sequence", "ref", "--sequence", "alt", out=tmp_path / "o" / "d"
    )
    assert {(i["seq1"], i["seq2"], i["label"]) for each in given.values() for i in each} == {
        ("GT", "AC", 1), ("CC", "AA", 0), ("CT", "AG", 1),
    }  # fmt: skip
    usual = do_import("table", *write(tmp_path, "Seq1,SEQ2,Label\nA,C,1\nC,A,1\n"), out=tmp_path / "o" / "e")
    assert {(i["seq1"], i["seq2"]) for each in usual.values() for i in each} == {("A", "C"), ("C", "A")}


def test_columns_of_coordinates_place_items(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text(
        "seq\tlabel\tchr\ts\te\nACG\t0\t1\t5\t8\nACC\t1\t2\t7\t10\nACT\t1\tchr1\t0\t3\n"
    )
    options = [
        "--chromosome-column",
        "chr",
        "--test-chromosomes",
        "2",
        "--start-column",
        "s",
        "--end-column",
        "e",
    ]
    made = do_import("table", tmp_path / "x.tsv", *options, out=tmp_path / "o" / "d")
    assert [(item["chrom"], item["start"], item["end"]) for item in made["test"]] == [("2", 7, 10)]
    assert [item["chrom"] for item in made["train"]] == ["1", "chr1"]


def test_missing_labels_are_faults_or_left_out(tmp_path: Path) -> None:
    source = write(tmp_path, "seq,label\nA,1\nC,\nG,NaN\nT,0\nTT,1\n")
    line = refusal("table", *source, out=tmp_path / "o" / "d")
    assert line == f"{source[0]}:3: has no label by column label (--missing skip leaves it out)"
    made = do_import("table", *source, "--missing", "skip", out=tmp_path / "o" / "d")
    assert labels(made) == {"A": 1, "T": 0, "TT": 1}
    assert manifest(tmp_path / "o" / "d")["skipped"]["no label"]["items"] == 2


@pytest.mark.parametrize(
    ("column", "task", "expected"),
    [
        (pa.array([[1, 0], [0, 1], [1, 1]]), "labels", {"A": [1, 0], "C": [0, 1], "G": [1, 1]}),
        (pa.array([[1.5], [2.0], [3.0]]), "regression", {"A": [1.5], "C": [2.0], "G": [3.0]}),
        (pa.array([["x", "y"], [], ["x"]]), "labels", {"A": [1, 1], "C": [0, 0], "G": [1, 0]}),
        (pa.array([True, False, True]), "classification", {"A": 1, "C": 0, "G": 1}),
        (pa.array(["n", "p", "p"]).dictionary_encode(), "classification", {"A": 0, "C": 1, "G": 1}),
    ],
)
def test_parquet_columns_of_many_types_are_labels(
    tmp_path: Path, column: pa.Array, task: str, expected: dict
) -> None:
    pyarrow.parquet.write_table(pa.table({"seq": ["A", "C", "G"], "label": column}), tmp_path / "x.parquet")
    made = do_import(
        "table", tmp_path / "x.parquet", "--split", "1/1", "--task", task, out=tmp_path / "o" / "d"
    )
    assert labels(made) == expected


def test_parquet_of_hugging_face_names_its_classes(tmp_path: Path) -> None:
    about = {"info": {"features": {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}}}
    made = pa.table({"seq": ["A", "C", "G"], "label": [1, 0, 1]})
    made = made.replace_schema_metadata({"huggingface": json.dumps(about)})
    pyarrow.parquet.write_table(made, tmp_path / "x.parquet")
    do_import("table", tmp_path / "x.parquet", "--split", "1/1", out=tmp_path / "o" / "d")
    assert manifest(tmp_path / "o" / "d")["names"] == {"0": "no", "1": "yes"}


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("", [], "x.csv:1: the first line is empty; it must name the columns"),
        ("seq,class\nA,1\n", [], "x.csv:1: has no column 'label' (--label), only 'seq', 'class'"),
        ("s,label\nA,1\n", [], "x.csv:1: has no column 'sequence' (--sequence), only 's', 'label'"),
        ("seq,label,label\nA,1,1\n", [], "x.csv:1: has 2 columns 'label' (rename all but one)"),
        ("seq,label\nA,1\nC\n", [], "x.csv:3: has 1 fields, the first line 2 (the delimiter is ',';"),
        ('seq,label\nA,1\n"C,1\nG,0\n', [], "x.csv:3: unexpected end of data (is a quote left open"),
        ("seq,label\n", [], "x.csv: holds no items"),
        ("seq,label,set\nA,1,train\nC,0,tset\n", ["--split-column", "set"],
         "x.csv:3: split 'tset' is none of train, eval (or valid, val, dev) and test"),
        ("seq,label,set\nA,1,train\nC,0,test\n", ["--split-column", "set"],
         "x.csv:3: class 0 is in test (1 items) and not in train, so no head can learn it"),
        ("seq,label,set\nA,x,train\nC,y,test\n", ["--split-column", "set"],
         "x.csv:3: class 'y' is in test (1 items) and not in train"),
        ("seq,label,set\nA,1,train\nC,1,test\n", ["--split-column", "set", "--split", "1/1"],
         "the input says itself which items are test and train: leave out --split"),
        ("seq,label,set\nA,1,train\n", ["--split-column", "set"], "the input says that all items are train"),
        ("seq,label\nA,1e999\nC,2.5\n", ["--split", "1/1", "--task", "regression"],
         "x.csv:2: label '1e999' is no finite number"),
        ("seq,label\nA,1.5\nC,x\n", ["--split", "1/1", "--task", "regression"],
         "x.csv:3: label 'x' is no finite number"),
        ("seq,x,y\nA,1,0\nC,q,1\n", ["--split", "1/1", "--label", "x", "--label", "y"],
         "x.csv:3: label 'q' is neither 0 nor 1"),
        ("seq,label\n" + "".join(f"A,{n}\n" for n in range(1200)), ["--split", "1/1"],
         "labels are 1,200 different whole numbers: classes or targets?"),
        ("seq,label\n" + "".join(f"A,n{n}\n" for n in range(1200)), ["--split", "1/1"],
         "labels have 1,200 different values, such as 'n0', too many for classes"),
        ("seq,label,c,s,e\nA,1,1,x,2\n", ["--split", "1/1", "--chromosome-column", "c", "--start-column", "s",
         "--end-column", "e"], "x.csv:2: coordinate 'x' is no whole number from 0"),
        ("seq,label\nA,1\n", ["--delimiter", ",,"], "--delimiter ',,' must be one character, or tab"),
    ],
)  # fmt: skip
def test_faults_name_the_place(tmp_path: Path, text: str, options: list[str], says: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    assert says in refusal("table", tmp_path / "x.csv", *options, out=tmp_path / "o" / "d")


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pyarrow.parquet.write_table(pa.table({"seq": ["A"] * 99, "label": [1] * 99}), path)
    path.write_bytes(path.read_bytes()[:-30])
    line = refusal("table", path, "--split", "1/1", out=tmp_path / "o" / "d")
    assert line.startswith(f"{path}: is damaged or no Parquet or Arrow file")


def cells(path: Path, *rows: str) -> Path:
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("written", "task", "label"),
    [
        ('"[0, 1]"', "labels", [0, 1]),
        ("[0. 1.5]", "regression", [0.0, 1.5]),
        ("\"['kinase', 'lyase']\"", "labels", [1, 1]),
    ],
)
def test_lists_that_pandas_saved_as_text_are_lists(
    tmp_path: Path, written: str, task: str, label: list
) -> None:
    path = cells(tmp_path / "x.csv", "seq,label,set", f"AC,{written},train", f"AG,{written},test")
    made = do_import("table", path, "--split-column", "set", out=tmp_path / "o" / "d")
    assert labels(made) == {"AC": label, "AG": label}
    assert manifest(tmp_path / "o" / "d")["task"] == task


def test_a_decimal_comma_is_named_unless_these_are_classes(tmp_path: Path) -> None:
    path = cells(tmp_path / "x.csv", "seq;label;set", "AC;0,5;train", "AG;1;train", "AT;0,5;test")
    said = refusal("table", path, "--split-column", "set", out=tmp_path / "o" / "d")
    assert said.startswith("label '0,5' has a decimal comma (write 0.5; ")
    made = do_import(
        "table", path, "--split-column", "set", "--task", "classification", out=tmp_path / "o" / "d"
    )
    assert labels(made) == {"AC": 0, "AG": 1, "AT": 0}


def test_one_hot_columns_are_classes_named_by_their_columns_where_the_task_says_so(tmp_path: Path) -> None:
    path = cells(tmp_path / "x.csv", "seq,a,b,set", "AC,1,0,train", "AG,0,1,train", "AT,0,1,test")
    columns = ("--label", "a", "--label", "b", "--split-column", "set")
    done = seqbench("datasets", "import", "table", path, *columns, "--out", tmp_path / "o" / "labels")
    assert "say --task classification" in done.stderr
    assert manifest(tmp_path / "o" / "labels")["names"] == {"0": "a", "1": "b"}
    made = do_import("table", path, *columns, "--task", "classification", out=tmp_path / "o" / "classes")
    assert labels(made) == {"AC": 0, "AG": 1, "AT": 1}
    assert manifest(tmp_path / "o" / "classes")["names"] == {"0": "a", "1": "b"}


def test_a_column_of_names_gives_ids_without_being_asked_for(tmp_path: Path) -> None:
    path = cells(tmp_path / "x.csv", "Name,seq,label,set", "P1,AC,x,train", "P2,AG,y,train", "P3,AT,x,test")
    made = do_import("table", path, "--split-column", "set", out=tmp_path / "o" / "d")
    assert [item["id"] for each in made.values() for item in each] == ["P3", "P1", "P2"]
