"""`seqbench probe predict`: saved heads score new items as the catalog says that they scored test."""

import csv
import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import Result

import seqbench as package
from tests.command import rows, seqbench
from tests.data import write_split
from tests.tiny_code import save_custom_model

TinyModel = Callable[[str], Path]
CONFIG = """
models:
  - {{path: {model}, name: tiny, dtype: float32}}
  - {{kind: kmer, k: 2}}
  - {{kind: onehot}}
datasets: {{root: data}}
store: {{dtype: float16}}
extract: {{layers: [2], pooling: [mean, max], max_tokens: 16, stride: 10, reverse_complement: concat}}
probe:
  heads: [linear, mlp, xgb, forest, knn]
  save_heads: heads
  threshold: f1
  mlp: {{epochs: 2, lr: 1e-2}}
  xgb: {{n_estimators: 5}}
  forest: {{n_estimators: 5}}
"""


@dataclass(frozen=True)
class Trained:
    """A finished run and what its catalog says."""

    folder: Path
    probes: list[dict]

    def head(self, model: str, dataset: str, head: str = "linear") -> Path:
        """Where a head of a kind lies."""
        (found,) = [
            probe["saved"]
            for probe in self.probes
            if (probe["model"], probe["dataset"], probe["head"]) == (model, dataset, head)
        ]
        return self.folder / "heads" / found

    def test(self, dataset: str) -> Path:
        return self.folder / "data" / dataset / "test.jsonl"

    def scores(self, head: Path) -> np.ndarray:
        """Of the test split, (N, K); of two classes the catalog keeps the second."""
        saved = head.relative_to(self.folder / "heads")
        found = rows(
            self.folder / "run.yaml",
            "SELECT item, output, score FROM predictions JOIN probes USING (probe_id) "
            f"WHERE saved = '{saved}' AND split = 'test' ORDER BY item, output",
        )
        items = len({row["item"] for row in found})
        return np.asarray([row["score"] for row in found]).reshape(items, -1)


def write_data(folder: Path) -> None:
    """Two classes of one sequence; two labels of two sequences; two values of one sequence; with ids."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        gc = write_split(folder / "gc", split, shortest=20, longest=20)
        pairs = write_split(folder / "pairs", split, seqs=2, shortest=20, longest=20)
        values = write_split(folder / "values", split, shortest=20, longest=20)
        labels = {
            gc: lambda item: 3 + 4 * item["label"],
            pairs: lambda item: [item["label"], int(rng.integers(2))],
            values: lambda item: [item["label"] + rng.normal(), rng.normal()],
        }
        for path, label in labels.items():
            items = [json.loads(line) for line in path.read_text().splitlines()]
            lines = [
                json.dumps(item | {"label": label(item), "id": f"n{at}"}) for at, item in enumerate(items)
            ]
            path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def trained(tiny_model: TinyModel, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    write_data(folder / "data")
    shutil.copytree(tiny_model("bert"), folder / "model")
    (folder / "run.yaml").write_text(CONFIG.format(model=folder / "model"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQBENCH_CACHE", str(folder / "cache"))
        every = ("datasets.names=[gc]", "probe.heads=[linear, mlp]")
        tiny = "{path: model, name: tiny, dtype: float32}"
        mean = ("datasets.names=[pairs, values]", "extract.pooling=mean")
        few = (*mean, f"models=[{tiny}, {{kind: kmer, k: 2}}]")
        for changes in (every, few):
            for command in ("extract", "probe"):
                options = [word for change in changes for word in ("--set", change)]
                done = seqbench(command, folder / "run.yaml", *options)
                assert done.exit_code == 0, done.output
    query = "SELECT model, dataset, head, saved, thresholds FROM probes"
    return Trained(folder, rows(folder / "run.yaml", query))


def predict(head: Path, given: object, out: Path, *options: object) -> Result:
    return seqbench("probe", "predict", head, given, "--out", out, *options)


def predicted(head: Path, given: object, folder: Path, *options: object) -> np.ndarray:
    done = predict(head, given, folder / "scores.npy", *options)
    assert done.exit_code == 0, done.output
    found: np.ndarray = np.load(folder / "scores.npy")
    return found


def refused(*arguments: object) -> str:
    """The one line of a user's error."""
    failed = seqbench("probe", "predict", *arguments)
    assert failed.exit_code == 2, failed.output
    (line,) = failed.stderr.splitlines()
    return line.removeprefix("seqbench: ")


@pytest.mark.parametrize(
    ("dataset", "models", "heads"),
    [
        ("gc", ["tiny", "tiny@max", "kmer-2", "onehot"], ["linear"]),
        ("gc", ["kmer-2"], ["mlp"]),
        ("pairs", ["tiny"], ["linear", "mlp", "xgb", "forest", "knn"]),
        ("values", ["kmer-2"], ["linear", "mlp", "xgb", "forest", "knn"]),
    ],
)
def test_every_head_scores_sequences_as_the_catalog_says(
    trained: Trained, dataset: str, models: list[str], heads: list[str], tmp_path: Path
) -> None:
    for model, head in product(models, heads):
        path = trained.head(model, dataset, head)
        scores = predicted(path, trained.test(dataset), tmp_path)
        wanted = trained.scores(path)
        shown = scores[:, 1:] if dataset == "gc" else scores
        np.testing.assert_allclose(shown, wanted, atol=1e-5, err_msg=f"{model} {head}")


def test_embeddings_in_store_and_files_score_like_the_sequences(trained: Trained, tmp_path: Path) -> None:
    head = trained.head("tiny", "pairs")
    wanted = predicted(head, trained.test("pairs"), tmp_path)
    store = trained.folder / "embeddings.zarr"
    embeddings = package.open_store(store)["tiny/pairs"].load(2, "test")
    np.save(tmp_path / "e.npy", embeddings)
    np.save(tmp_path / "joined.npy", embeddings.reshape(len(embeddings), -1))
    torch.save({"embeddings": torch.from_numpy(embeddings), "labels": torch.zeros(60)}, tmp_path / "e.pt")
    torch.save(torch.from_numpy(embeddings), tmp_path / "bare.pt")
    exported = seqbench(
        "store", "export", store, tmp_path / "out", "--format", "parquet", "--model", "tiny",
        "--dataset", "pairs", "--layer", "2", "--split", "test",
    )  # fmt: skip
    assert exported.exit_code == 0, exported.output
    (parquet,) = (tmp_path / "out").rglob("*.parquet")
    inputs = (
        f"{store}/tiny/pairs/test", f"{store}/tiny/pairs/2/test",
        *(tmp_path / name for name in ("e.npy", "joined.npy", "e.pt", "bare.pt")), parquet,
    )  # fmt: skip
    for given in inputs:
        np.testing.assert_allclose(predicted(head, given, tmp_path), wanted, atol=1e-5, err_msg=str(given))


def test_fasta_compressed_or_not_is_read_too(trained: Trained, tmp_path: Path) -> None:
    items = [json.loads(line) for line in trained.test("gc").read_text().splitlines()]
    text = "".join(f">{item['id']} more\n{item['seq'][:9]}\n{item['seq'][9:]}\n\n" for item in items)
    (tmp_path / "x.fa").write_text(text)
    (tmp_path / "x.fasta.gz").write_bytes(gzip.compress(text.encode()))
    head = trained.head("kmer-2", "gc")
    wanted = predicted(head, trained.test("gc"), tmp_path)
    for name in ("x.fa", "x.fasta.gz"):
        np.testing.assert_array_equal(predicted(head, tmp_path / name, tmp_path), wanted)
    assert predict(head, tmp_path / "x.fa", tmp_path / "s.tsv").exit_code == 0
    assert (tmp_path / "s.tsv").read_text().splitlines()[3].split("\t")[:2] == ["2", "n2"]


def test_a_table_names_items_classes_and_the_class_that_the_threshold_gives(
    trained: Trained, tmp_path: Path
) -> None:
    head = trained.head("kmer-2", "gc")
    scores = predicted(head, trained.test("gc"), tmp_path)
    assert predict(head, trained.test("gc"), tmp_path / "s.tsv").exit_code == 0
    with (tmp_path / "s.tsv").open() as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    assert list(table[0]) == ["item", "id", "predicted", "class_3", "class_7"]
    assert [(row["item"], row["id"]) for row in table[:2]] == [("0", "n0"), ("1", "n1")]
    shown = [[np.float32(row[name]) for name in ("class_3", "class_7")] for row in table]
    np.testing.assert_array_equal(shown, scores)
    (probe,) = [probe for probe in trained.probes if str(head).endswith(probe["saved"])]
    (threshold,) = probe["thresholds"]
    wanted = ["7" if score >= threshold else "3" for score in scores[:, 1]]
    assert [row["predicted"] for row in table] == wanted


def test_json_lines_and_parquet_hold_the_labels_and_scores_by_name(trained: Trained, tmp_path: Path) -> None:
    head = trained.head("kmer-2", "pairs")
    (probe,) = [probe for probe in trained.probes if str(head).endswith(probe["saved"])]
    scores = predicted(head, trained.test("pairs"), tmp_path)
    wanted = [np.flatnonzero(row >= np.asarray(probe["thresholds"])).tolist() for row in scores]
    for name in ("s.jsonl", "s.parquet"):
        assert predict(head, trained.test("pairs"), tmp_path / name).exit_code == 0
    items = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert items[5]["item"] == 5
    assert items[5]["id"] == "n5"
    assert items[5]["scores"].keys() == {"label_0", "label_1"}
    assert [item["predicted"] for item in items] == wanted
    table = pq.read_table(tmp_path / "s.parquet")
    assert table.column_names == ["item", "id", "predicted", "label_0", "label_1"]
    assert table["predicted"].to_pylist() == wanted
    np.testing.assert_array_equal(table["label_1"].to_numpy(), scores[:, 1])


def test_values_have_scores_by_target_and_no_class(trained: Trained, tmp_path: Path) -> None:
    head = trained.head("kmer-2", "values")
    assert predict(head, trained.test("values"), tmp_path / "s.tsv").exit_code == 0
    header = (tmp_path / "s.tsv").read_text().splitlines()[0]
    assert header.split("\t") == ["item", "id", "target_0", "target_1"]


def test_new_items_need_no_labels_and_may_use_the_usual_keys(trained: Trained, tmp_path: Path) -> None:
    lines = ['{"seq": "ACGTACGTACGTACGTACGT"}', "", '{"seq": "acgtacgtacgtacgtacgt"}']
    (tmp_path / "new.jsonl").write_text("\n".join(lines))
    done = predict(trained.head("kmer-2", "gc"), tmp_path / "new.jsonl", tmp_path / "s.tsv")
    assert done.exit_code == 0
    assert "2 items scored" in done.stderr
    header, first, second = (tmp_path / "s.tsv").read_text().splitlines()
    assert header.split("\t")[:2] == ["item", "predicted"]
    assert first.split("\t")[1:] == second.split("\t")[1:]


def test_items_without_an_embedding_get_no_score(trained: Trained, tmp_path: Path) -> None:
    embeddings = np.zeros((3, 16), dtype=np.float32)
    embeddings[1, 5] = np.nan
    head = trained.head("kmer-2", "gc")
    np.save(tmp_path / "e.npy", embeddings)
    done = predict(head, tmp_path / "e.npy", tmp_path / "s.tsv")
    assert "1 items have no embedding" in done.stderr
    lines = [line.split("\t") for line in (tmp_path / "s.tsv").read_text().splitlines()]
    assert lines[2] == ["1", "", "", ""]
    assert all(lines[1]) and all(lines[3])  # noqa: PT018


def test_a_model_that_moved_is_named_on_the_command_line_or_by_a_config(
    trained: Trained, tmp_path: Path
) -> None:
    head = trained.head("tiny", "gc")
    wanted = predicted(head, trained.test("gc"), tmp_path)
    kept = trained.folder / "model"
    moved = kept.rename(tmp_path / "moved")
    try:
        line = refused(head, trained.test("gc"), "--out", tmp_path / "s.npy")
        assert line == f"{head}: its model was in {kept}, which is gone (say with --model where it is)"
        by_option = predicted(head, trained.test("gc"), tmp_path, "--model", moved)
        (tmp_path / "moved.yaml").write_text(CONFIG.format(model=moved))
        by_config = predicted(head, trained.test("gc"), tmp_path, "--config", tmp_path / "moved.yaml")
        pooled = trained.head("tiny@max", "gc")
        assert len(predicted(pooled, trained.test("gc"), tmp_path, "--config", tmp_path / "moved.yaml")) == 60
    finally:
        moved.rename(kept)
    np.testing.assert_array_equal(by_option, wanted)
    np.testing.assert_array_equal(by_config, wanted)


def test_other_weights_are_refused(trained: Trained, tiny_model: TinyModel, tmp_path: Path) -> None:
    head = trained.head("tiny", "gc")
    out = ("--out", tmp_path / "s.tsv")
    line = refused(head, trained.test("gc"), *out, "--model", tiny_model("esm"))
    assert "was trained on a model of fingerprint" in line
    other = trained.folder / "embeddings.zarr" / "kmer-2" / "gc" / "test"
    assert "was made by a model of fingerprint" in refused(head, other, *out)
    shallow = trained.folder / "embeddings.zarr" / "tiny" / "gc" / "0" / "test"
    assert "is layer 0, the head was trained on layer 2" in refused(head, shallow, *out)
    assert not (tmp_path / "s.tsv").exists()


def test_code_of_a_model_runs_only_when_asked_for_again(tmp_path: Path) -> None:
    model = save_custom_model(tmp_path / "model")
    for split in ("train", "test"):
        write_split(tmp_path / "data" / "gc", split)
    (tmp_path / "run.yaml").write_text(
        f"models: [{{path: {model}, dtype: float32, trust_remote_code: true}}]\ndatasets: {{root: data}}\n"
        "extract: {layers: [1]}\nprobe: {heads: [linear], save_heads: heads}\n"
    )
    for command in ("extract", "probe"):
        assert seqbench(command, tmp_path / "run.yaml").exit_code == 0
    (head,) = (tmp_path / "heads").rglob("*.safetensors")
    test = tmp_path / "data" / "gc" / "test.jsonl"
    assert "trust_remote_code" in refused(head, test, "--out", tmp_path / "s.npy")
    assert len(predicted(head, test, tmp_path, "--trust-remote-code")) == 60


def test_a_head_on_embeddings_from_files_scores_embeddings_only(tmp_path: Path) -> None:
    folder = tmp_path / "embeddings" / "theirs"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    labels = torch.arange(40) % 2
    rows_NH = torch.from_numpy(rng.standard_normal((40, 4), dtype=np.float32)) + labels[:, None]
    for split in ("train", "test"):
        torch.save({"embeddings": rows_NH, "labels": labels}, folder / f"d-0layer_{split}.pt")
    (tmp_path / "flat.yaml").write_text(
        "model_name: theirs\nnum_layers: 1\nembedding_output_dir: embeddings\neval_result_path: results\n"
        "classifer_type: XGB\nxgb_n_estimators: 5\nsave_last_epoch_model: true\n"
    )
    for command in ("extract", "probe"):
        done = seqbench(command, tmp_path / "flat.yaml")
        assert done.exit_code == 0, done.output
    (head,) = (tmp_path / "results" / "heads" / "theirs" / "d" / "0").glob("xgb-*.safetensors")
    scores = predicted(head, folder / "d-0layer_test.pt", tmp_path)
    assert ((scores[:, 1] > 0.5) == labels.numpy().astype(bool)).mean() > 0.8
    (tmp_path / "new.jsonl").write_text('{"seq": "ACGT"}')
    line = refused(head, tmp_path / "new.jsonl", "--out", tmp_path / "s.tsv")
    assert "was trained on embeddings from files" in line


def test_users_errors_are_one_line_that_names_the_place(trained: Trained, tmp_path: Path) -> None:
    files = {
        "keys.jsonl": '{"sequence": "ACGT"}', "broken.jsonl": '{"seq": "ACGT"}\n{', "list.jsonl": "[1]",
        "number.jsonl": '{"seq": 5}', "greek.jsonl": '{"seq": "ACGα"}', "empty.jsonl": "\n",
        "short.jsonl": '{"seq": "ACGT"}', "no.fa": "ACGT\n", "text.npy": "hello", "text.pt": "hello",
        "text.parquet": "hello", "x.txt": "",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    np.save(tmp_path / "wide.npy", np.zeros((2, 99), dtype=np.float32))
    np.save(tmp_path / "ints.npy", np.zeros((2, 99), dtype=np.int64))
    kmer, onehot, pairs = (
        trained.head(model, dataset)
        for model, dataset in (("kmer-2", "gc"), ("onehot", "gc"), ("kmer-2", "pairs"))
    )
    out = tmp_path / "s.tsv"
    cases = [
        (kmer, "keys.jsonl", "keys.jsonl:1: no key 'seq'"),
        (kmer, "broken.jsonl", "broken.jsonl:2: not JSON"),
        (kmer, "list.jsonl", "list.jsonl:1: must be an object"),
        (kmer, "number.jsonl", "number.jsonl:1: 'seq' must be a sequence of letters, got 5"),
        (kmer, "greek.jsonl", "greek.jsonl:1: 'seq' holds 'α'"),
        (kmer, "empty.jsonl", "holds no items"),
        (kmer, "absent.jsonl", "there is no such file"),
        (kmer, "absent.npy", "there is no such file"),
        (kmer, "no.fa", "no.fa:1: no FASTA file"),
        (pairs, "no.fa", "FASTA has items of one sequence, the head wants 2"),
        (onehot, "short.jsonl", "short.jsonl:1: the head wants sequences of 20 letters"),
        (kmer, "text.npy", "can't be read as a NumPy file"),
        (kmer, "text.pt", "can't be read as a PyTorch file"),
        (kmer, "text.parquet", "can't be read as Parquet"),
        (kmer, "wide.npy", "holds embeddings (2, 99), the head was trained on (n, 16)"),
        (kmer, "ints.npy", "wanted are floats"),
        (kmer, "x.txt", "must be a file that ends in .jsonl"),
        (trained.test("gc"), "short.jsonl", "can't be read as a safetensors file"),
    ]
    for head, name, said in cases:
        assert said in refused(head, tmp_path / name, "--out", out), name
    short = tmp_path / "short.jsonl"
    assert "must end in .tsv, .jsonl, .parquet, .npy" in refused(kmer, short, "--out", tmp_path / "s.csv")
    assert "has no files: leave out --model" in refused(kmer, short, "--out", out, "--model", tmp_path)
    assert "goes with --config" in refused(kmer, short, "--out", out, "--set", "probe.seeds=[1]")
    assert not list(tmp_path.glob("*s.tsv*"))


def test_help_shows_both_ways_to_call_it() -> None:
    shown = seqbench("probe", "--help")
    assert shown.exit_code == 0
    assert "probe [OPTIONS] CONFIG" in shown.stdout
    assert "--set" in shown.stdout
    assert "predict" in shown.stdout
    assert seqbench("probe").exit_code == 2
    assert "CONFIG" in seqbench("probe", "run.yaml", "--help").stdout
