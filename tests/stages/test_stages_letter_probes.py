"""Probes on labels of letters, from files to the catalog: scikit-learn's values, places, folds, heads."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from seqbench.catalog import Catalog
from seqbench.catalog.check import check
from seqbench.config import Config
from seqbench.core.progress import Silent
from seqbench.errors import ConfigError, ProbeError
from seqbench.predict.predict import predict
from seqbench.probe.letter_vectors import LetterVectors
from seqbench.probe.saving import load
from seqbench.schedule.run import run
from seqbench.store import TokenEmbeddings, open_store
from tests import tiny_tokenizers
from tests.extract.test_extract_tokens import saved
from tests.stages.test_stages_letters import Heard

OF_TEST = "FROM metrics JOIN probes USING (probe_id) WHERE split = 'test'"
N = {"train": 90, "eval": 25, "test": 30}


def write(root: Path, name: str, label: Any, lengths: tuple[int, int] = (8, 20)) -> None:
    """A data set whose labels a function makes of the sequences."""
    folder = root / "data" / name
    folder.mkdir(parents=True)
    for split, count in N.items():
        rng = np.random.default_rng([*f"{name} {split}".encode()])
        with (folder / f"{split}.jsonl").open("w") as file:
            for _ in range(count):
                seq = "".join(rng.choice(list("ACGT"), rng.integers(*lengths)))
                file.write(json.dumps({"seq": seq, "label": label(seq, rng)}) + "\n")


def after_a_pair(seq: str, _: np.random.Generator) -> str:
    """H where the two letters before are CA or AC, E where they are TT, else C; the first has no label."""
    found = [
        "." if not at else {"CA": "H", "AC": "H", "TT": "E"}.get(seq[at - 2 : at], "C")
        for at in range(len(seq))
    ]
    return "".join(found)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("letter-probes")
    write(root, "pairs", after_a_pair)
    write(
        root,
        "levels",
        lambda seq, rng: [[rng.normal() + (c == "A"), None if c == "T" else 1.0 * (c == "G")] for c in seq],
    )
    write(root, "marks", lambda seq, rng: [[int(c in "AG"), int(c == "C")] for c in seq])
    info = (
        "pairs: {level: token, classes: [H, E, C]}\n"
        "levels: {level: token, eval_task: regression}\n"
        "marks: {level: token, eval_task: label}\n"
    )
    (root / "info.yaml").write_text(info)
    saved(root / "model", tiny_tokenizers.characters())
    saved(root / "six", tiny_tokenizers.kmers(3))
    return root


def config(root: Path, name: str, datasets: list[str], models: list[dict[str, Any]], **probe: Any) -> Config:
    return Config.model_validate(
        {
            "models": models,
            "datasets": {"root": root / "data", "info": root / "info.yaml", "names": datasets},
            "extract": {"layers": [0], "tokens": {"layers": [-1], "dtype": "float32"}},
            "store": {"path": root / f"{name}.zarr"},
            "catalog": root / f"{name}.duckdb",
            "probe": probe,
        }
    )


def one_hot(entry: TokenEmbeddings, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, labels and items of the letters that have a label, read without the probes' own reader."""
    letters, values = entry.letters(split), entry.tokens(0, split).numpy().values_RH  # type: ignore[arg-type]
    item = np.repeat(np.arange(len(letters)), letters.lengths)
    return values[letters.labelled], letters.values[letters.labelled], item[letters.labelled]


def test_linear_probes_are_scikit_learns_and_their_predictions_tell_where_letters_stand(root: Path) -> None:
    made = config(
        root,
        "linear",
        ["pairs"],
        [{"kind": "onehot", "window": 5}],
        heads=["linear"],
        save_heads=str(root / "heads"),
    )
    heard = Heard()
    assert run(made, heard, "run").failed == ()
    entry = open_store(root / "linear.zarr")["onehot-window-5@tokens/pairs"]
    assert isinstance(entry, TokenEmbeddings)
    x, y, _ = one_hot(entry, "train")
    x_test, y_test, item = one_hot(entry, "test")
    catalog = Catalog(root / "linear.duckdb")
    ((strength,),) = catalog.query("SELECT (spec->'chosen'->>'C')::DOUBLE FROM probes").rows
    scaler = StandardScaler().fit(x)
    expected = LogisticRegression(C=strength, max_iter=5000, tol=1e-8).fit(scaler.transform(x), y)
    probabilities = expected.predict_proba(scaler.transform(x_test))
    rows = catalog.query("SELECT item, place, output, score, target FROM predictions ORDER BY ALL").rows
    found = np.array([row[3] for row in rows]).reshape(-1, 3)
    np.testing.assert_allclose(found, probabilities, atol=2e-3)
    assert [row[0] for row in rows[::3]] == item.tolist()
    texts = [json.loads(line)["label"] for line in (root / "data/pairs/test.jsonl").open()]
    told = {(row[0], row[1]): "HEC"[row[2]] for row in rows if row[4]}
    assert told == {(n, at): c for n, text in enumerate(texts) for at, c in enumerate(text) if c != "."}
    scores = dict(catalog.query("SELECT metric, value FROM metrics WHERE split = 'test'").rows)
    assert scores["accuracy"] == pytest.approx((probabilities.argmax(axis=1) == y_test).mean(), abs=2e-3)
    own = [(probabilities.argmax(axis=1) == y_test)[item == n].mean() for n in np.unique(item)]
    assert scores["accuracy_per_sequence"] == pytest.approx(np.mean(own), abs=2e-3)
    assert scores["segment_f1"] is not None
    assert catalog.query("SELECT DISTINCT n_items FROM metrics WHERE split = 'test'").rows == [(N["test"],)]
    assert check(catalog).findings == ()
    (kept,) = (root / "heads").rglob("*.safetensors")
    assert load(kept).origin.dataset == "pairs"
    assert run(made, Silent(), "run").done.get("probe", 0) == 0  # all is there


def test_a_convolution_sees_the_neighbours_that_a_linear_head_does_not(root: Path) -> None:
    heads = {"conv": {"epochs": 30, "kernel": 5, "width": 16, "depth": 1, "batch_size": 16, "lr": 0.01}}
    made = config(
        root,
        "conv",
        ["pairs"],
        [{"kind": "onehot", "window": 1}],
        heads=["linear", "conv"],
        save_heads=str(root / "kept"),
        **heads,
    )
    assert run(made, Silent(), "run").failed == ()
    catalog = Catalog(root / "conv.duckdb")
    found = dict(catalog.query(f"SELECT head, value {OF_TEST} AND metric = 'mcc'").rows)
    assert found["linear"] < 0.2
    assert found["conv"] > 0.97
    assert {load(path).head for path in (root / "kept").rglob("*.safetensors")} == {"linear", "conv"}


@pytest.mark.parametrize(("dataset", "metric"), [("levels", "pearsonr"), ("marks", "auprc")])
def test_several_values_and_labels_a_letter_with_nulls(root: Path, dataset: str, metric: str) -> None:
    small = {"epochs": 4, "width": 8, "depth": 1, "kernel": 3, "batch_size": 16, "lr": 0.02}
    models = [{"kind": "onehot", "window": 1}]
    made = config(
        root,
        dataset,
        [dataset],
        models,
        heads=["linear", "mlp", "conv"],
        conv=small,
        mlp={"epochs": 30, "lr": 0.02},
    )
    assert run(made, Silent(), "run").failed == ()
    rows = (
        Catalog(root / f"{dataset}.duckdb")
        .query(f"SELECT head, value {OF_TEST} AND metric = '{metric}'")
        .rows
    )
    found = dict(rows)
    assert set(found) == {"linear", "mlp", "conv"}
    least = {"levels": 0.55, "marks": 0.95}[dataset]
    assert min(found.values()) > least


def test_folds_keep_the_letters_of_a_sequence_together(root: Path) -> None:
    made = config(root, "folds", ["pairs"], [{"kind": "onehot", "window": 5}], heads=["linear"], folds=3)
    assert run(made, Silent(), "run").failed == ()
    catalog = Catalog(root / "folds.duckdb")
    n_train = dict(catalog.query("SELECT fold, n_train FROM probes").rows)
    texts = [json.loads(line)["label"] for line in (root / "data/pairs/train.jsonl").open()]
    letters = sum(len(text) - text.count(".") for text in texts)
    assert n_train[None] == letters
    assert sum(letters - n_train[fold] for fold in range(3)) == letters
    whole = catalog.query(
        "SELECT m.split, m.value, m.low FROM metrics m JOIN probes USING (probe_id) "
        "WHERE fold IS NULL AND metric = 'accuracy'"
    ).rows
    assert {split for split, _, _ in whole} == {"train", "eval", "test"}
    assert all(low is not None and low < value for _, value, low in whole)


def test_a_letter_of_several_tokens_has_their_mean_and_one_of_none_is_left_out(root: Path) -> None:
    made = config(
        root,
        "kmers",
        ["pairs"],
        [{"path": str(root / "six"), "name": "six", "dtype": "float32"}],
        heads=["linear", "conv"],
        conv={"epochs": 1, "width": 4},
    )
    assert run(made, Silent(), "run").failed == ()
    entry = open_store(root / "kmers.zarr")["six@tokens/pairs"]
    assert isinstance(entry, TokenEmbeddings)
    letters, layer = LetterVectors(entry, "test"), entry.layers[-1]
    found = letters.read(layer)
    tokens, spans, offsets = entry.tokens(layer, "test"), entry.spans("test"), entry.offsets("test")
    for row in range(0, len(letters), 17):
        item, place = letters.places.sequence_M[row], letters.places.place_M[row]
        own, values = spans[offsets[item] : offsets[item + 1]], tokens[int(item)]
        covering = (own[:, 0] <= place) & (place < own[:, 1])
        np.testing.assert_allclose(found[row], values[covering].mean(axis=0), atol=1e-6)
    labels = entry.letters("test")
    np.testing.assert_array_equal(letters.labels, labels.values[labels.labelled])
    whole = letters.array(layer).read(np.array([3, 1]))
    assert whole.lengths_Q.tolist() == labels.lengths[[3, 1]].tolist()


def test_heads_without_an_answer_for_letters_are_told_and_a_stride_is_refused(root: Path) -> None:
    models = [{"kind": "position"}]
    heard = Heard()
    run(config(root, "told", ["pairs"], models, heads=["linear", "knn", "attention"]), heard, "run")
    (told,) = (note for note in heard.notes if "not probed" in note)
    assert told.startswith("warning: pairs: not probed by knn, attention")
    named = Heard()
    made = config(root, "told", ["pairs", "marks"], models, heads=["linear"])
    info = root / "named.yaml"
    info.write_text((root / "info.yaml").read_text().replace("marks: {", "marks: {classifier_type: XGB, "))
    run(made.model_copy(update={"datasets": made.datasets.model_copy(update={"info": info})}), named, "run")
    assert [note.partition(", as")[0] for note in named.notes if "not probed" in note] == [
        "warning: marks: not probed by xgb"
    ]
    made = config(root, "told", ["pairs"], models, heads=["drsn"], drsn={"stride": 2})
    with pytest.raises(ConfigError, match=r"^probe\.drsn\.stride: 2 makes one of several letters"):
        run(made, Silent(), "run")


def test_kept_heads_answer_for_each_letter_of_new_sequences(root: Path, tmp_path: Path) -> None:
    models = [{"path": str(root / "six"), "name": "six", "dtype": "float32"}]
    small = {"epochs": 2, "width": 4}
    made = config(
        root,
        "new",
        ["pairs"],
        models,
        heads=["linear", "conv"],
        conv=small,
        save_heads=str(tmp_path / "heads"),
    )
    assert run(made, Silent(), "run").failed == ()
    items = [json.loads(line) for line in (root / "data/pairs/test.jsonl").open()]
    (tmp_path / "new.fasta").write_text("".join(f">s{n}\n{item['seq']}\n" for n, item in enumerate(items)))
    rows = (
        Catalog(root / "new.duckdb")
        .query(
            "SELECT head, item, place, score FROM predictions JOIN probes USING (probe_id) WHERE output = 1"
        )
        .rows
    )
    stored = {tuple(row[:3]): row[3] for row in rows}
    for path in (tmp_path / "heads").rglob("*.safetensors"):
        head = load(path)
        out = tmp_path / f"{head.head}.jsonl"
        n_items = predict(head, path, str(tmp_path / "new.fasta"), out, made.models[0], Silent())
        assert n_items == len(items)
        found = [json.loads(line) for line in out.open()]
        assert [len(row["predicted"]) for row in found] == [len(item["seq"]) for item in items]
        told = {
            (head.head, row["item"], place): score
            for row in found
            for place, score in enumerate(row["scores"]["class_E"])
        }
        own = {key: score for key, score in stored.items() if key[0] == head.head}
        assert {key: told[key] for key in own} == pytest.approx(own, abs=2e-5)
    with pytest.raises(ProbeError, match="answers for each letter: give it sequences"):
        predict(head, path, f"{root / 'new.zarr'}/six@tokens/pairs/test", tmp_path / "x.tsv", None, Silent())
