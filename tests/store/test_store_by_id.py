"""Vectors of files as databases and embedders publish them, found by id."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqbench.errors import StoreError
from seqbench.store.exchange.by_id import ById

IDS = ["P69905", "sp|P68871|HBB_HUMAN", "NP_000549.1", "42"]
ROWS = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float16)


def uniprot_hdf5(path: Path) -> None:
    """As UniProt's per-protein.h5: a data set an id, float16."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for name, row in zip(IDS, ROWS, strict=True):
            file[name.replace("/", "_")] = row


def biotrainer_hdf5(path: Path) -> None:
    """As biotrainer and bio_embeddings write: numbered data sets with the id as attribute; one is (1, H)."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for number, (name, row) in enumerate(zip(IDS, ROWS, strict=True)):
            file.create_dataset(str(number + 40), data=row[None] if number == 1 else row)
            file[str(number + 40)].attrs["original_id"] = name


def npz_of_arrays(path: Path) -> None:
    np.savez(path, **dict(zip(IDS, ROWS, strict=True)))


def npz_of_two(path: Path) -> None:
    np.savez(path, ids=np.array(IDS), embeddings=ROWS)


def table(path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerow(["label", "id", *(f"e{number}" for number in (2, 0, 1, 3, 5, 4))])
        for name, row in zip(IDS, ROWS, strict=True):
            writer.writerow([7, name, *(float(row[number]) for number in (2, 0, 1, 3, 5, 4))])


def pandas_table(path: Path) -> None:
    """As `DataFrame.to_csv` writes rows that have an index without a name."""
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame(ROWS.astype("f4"), index=IDS).to_csv(path)


def parquet(path: Path) -> None:
    pq, pa = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    pq.write_table(
        pa.table({"id": IDS, "label": [1, 2, 3, 4], "embedding": ROWS.astype("f4").tolist()}), path
    )


def pandas_parquet(path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    columns = [f"d{number}" for number in range(6)]
    pandas.DataFrame(ROWS.astype("f4"), index=IDS, columns=columns).to_parquet(path)


FILES: list[tuple[Callable[[Path], None], str]] = [
    (uniprot_hdf5, "a.h5"), (biotrainer_hdf5, "a.hdf5"), (npz_of_arrays, "a.npz"), (npz_of_two, "b.npz"),
    (table, "a.csv"), (table, "a.tsv"), (pandas_table, "b.csv"), (parquet, "a.parquet"),
    (pandas_parquet, "b.parquet"),
]  # fmt: skip


@pytest.mark.parametrize(("write", "name"), FILES, ids=lambda each: getattr(each, "__name__", each))
def test_vectors_are_found_by_id_in_any_form(
    tmp_path: Path, write: Callable[[Path], None], name: str
) -> None:
    write(tmp_path / name)
    wanted = ["42", "P69905", "P68871", "Q00000", "sp|P69905|HBA_HUMAN", "NP_000549.1"]
    found = ById(tmp_path / name, None, wanted)
    expected = [ROWS[3], ROWS[0], ROWS[1], np.full(6, np.nan), ROWS[0], ROWS[2]]
    np.testing.assert_array_equal(found.read(wanted), np.asarray(expected, dtype=np.float32))
    assert ([each in found for each in wanted], found.hidden) == ([True] * 3 + [False] + [True] * 2, 6)


def test_an_id_as_it_is_written_goes_before_another_spelling(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{"sp|P1|X": np.zeros(2), "P1": np.ones(2), "a_b": np.ones(2)})
    found = ById(tmp_path / "a.npz", None, ["P1", "a.b"])
    np.testing.assert_array_equal(found.read(["P1", "a.b"]), np.ones((2, 2)))


def test_the_column_of_ids_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("entry,0,1\nx,1,2\n")
    assert ById(tmp_path / "a.csv", "entry", ["x"]).read(["x"]).tolist() == [[1, 2]]
    with pytest.raises(StoreError, match=r"has no column 'id' of ids \(set id_column; it has entry, 0, 1\)"):
        ById(tmp_path / "a.csv", None, ["x"])


@pytest.mark.parametrize(("content", "what"), [
    ("id,0,1\nx,1,2\nx,1,2\n", "has the id 'x' twice"),
    ("id,0,1\nx,1,nan\n", "x holds NaN or infinity"),
    ("id,0,1\nx,1\n", "can't be read"),
    ("id,0,1\nx,1,a\n", "can't be read: could not convert string to float: 'a'"),
    ("id,e0,e1,f0,f1\nx,1,2,3,4\n", "which columns are the vector.*there is e… and f…"),
    ("id,label\nx,1\n", "which columns are the vector.*there is none"),
])  # fmt: skip
def test_tables_that_are_none_are_named_in_one_line(tmp_path: Path, content: str, what: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(StoreError, match=what) as caught:
        ById(tmp_path / "a.csv", None, ["x"])
    assert (str(caught.value).startswith(f"{tmp_path / 'a.csv'}: "), "\n" in str(caught.value)) == (
        True,
        False,
    )


def test_vectors_of_each_residue_and_of_other_widths_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((9, 4)), y=np.zeros(4), z=np.zeros(5))
    with pytest.raises(StoreError, match=r"x is float64 of shape \(9, 4\).*averaged first, over axis 0"):
        ById(tmp_path / "a.npz", None, ["x"])
    with pytest.raises(StoreError, match="z has 5 numbers, the ones before it 4"):
        ById(tmp_path / "a.npz", None, ["y", "z"])
    np.savez(tmp_path / "b.npz", ids=np.array(["x"], dtype=object), embeddings=np.zeros((1, 4)))
    with pytest.raises(StoreError, match=r"b\.npz: can't be read: Object arrays"):
        ById(tmp_path / "b.npz", None, ["x"])


def test_a_damaged_hdf5_file_is_one_line_and_harms_nobody(tmp_path: Path) -> None:
    uniprot_hdf5(tmp_path / "a.h5")
    (tmp_path / "a.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:900])
    with pytest.raises(StoreError, match=r"a\.h5: can't be read") as caught:
        ById(tmp_path / "a.h5", None, ["42"])
    assert "\n" not in str(caught.value)


def test_other_files_are_named_by_their_ending(tmp_path: Path) -> None:
    for name, what in (("a.xls", r"must end in \.h5"), ("a.npz", "no such file"), ("a.h5", "no such file")):
        with pytest.raises(StoreError, match=what):
            ById(tmp_path / name, None, ["x"])
