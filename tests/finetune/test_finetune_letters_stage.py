"""`seqbench finetune` on labels of letters, from a config to scores and predictions."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest
from sklearn.metrics import accuracy_score, f1_score

from seqbench.catalog import open_catalog
from seqbench.config import load_config
from seqbench.core.progress import Silent
from seqbench.finetune.ensemble import read_predictions
from seqbench.finetune.folder import open_folder
from seqbench.finetune.items import tokenise
from seqbench.probe.items import items_of
from seqbench.probe.spec import Design
from seqbench.probe.trainings import trainings_of
from seqbench.report.analyse import analyse
from seqbench.report.selection import Selection
from seqbench.schedule.run import Outcome, run
from seqbench.store import open_store
from tests.command import rows, seqbench
from tests.finetune.planted import config_of, motif_label, write_config, write_motif, write_order
from tests.stages.test_stages_letters import Heard
from tests.tiny import save_tiny_model


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A training on labels of letters, and where everything of it lies."""

    config: Path
    out: Path
    data: Path
    outcome: Outcome

    def lines(self, split: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.data / f"{split}.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    folder = tmp_path_factory.mktemp("letters")
    base = save_tiny_model("esm", folder / "base")
    data = write_motif(folder / "data" / "motif")
    settings = {
        "lr": 0.01,
        "epochs": 12,
        "batch_size": 16,
        "encoder_dropout": 0.0,
        "head": "token",
        "keep": 2,
    }
    config = config_of(folder / "data", base, encoder=["full"], **settings)
    config["datasets"]["info"] = str(data.parent / "info.yaml")
    path = write_config(folder / "config.yaml", config)
    outcome = run(load_config(path).config, Silent(), "finetune")
    return Planted(config=path, out=folder / "out", data=data, outcome=outcome)


def test_a_planted_rule_of_letters_is_learned_to_the_ceiling(planted: Planted) -> None:
    assert not planted.outcome.failed
    found = rows(planted.config, "SELECT split, metric, value, low, high FROM metrics")
    scores = {(row["split"], row["metric"]): row for row in found}
    assert scores["test", "accuracy"]["value"] > 0.99
    assert scores["test", "segment_f1"]["value"] > 0.95
    (probe,) = rows(planted.config, "SELECT head, n_train, dataset FROM probes")
    n_known = sum(len(line["label"].replace(".", "")) for line in planted.lines("train"))
    assert probe == {"head": "full", "n_train": n_known, "dataset": "motif"}


def test_scores_are_over_all_known_letters_of_what_predict_writes(planted: Planted, tmp_path: Path) -> None:
    folder, test = planted.out / "m-motif-full-42", planted.data / "test.jsonl"
    for ending in ("jsonl", "tsv", "npy", "parquet"):
        shown = seqbench("predict", folder, test, "--out", tmp_path / f"said.{ending}")
        assert shown.exit_code == 0, shown.output
    told = [json.loads(line) for line in (tmp_path / "said.jsonl").read_text().splitlines()]
    items = planted.lines("test")
    assert [len(one["predicted"]) for one in told] == [len(item["seq"]) for item in items]
    assert [one["id"] for one in told] == [item["id"] for item in items]
    truth = "".join(item["label"] for item in items)
    said = "".join(one["predicted"] for one in told)
    known = [place for place, label in enumerate(truth) if label != "."]
    pair = [truth[place] for place in known], [said[place] for place in known]
    found = rows(planted.config, "SELECT metric, value FROM metrics WHERE split = 'test'")
    scores = {row["metric"]: row["value"] for row in found}
    assert scores["accuracy"] == pytest.approx(accuracy_score(*pair))
    assert scores["f1"] == pytest.approx(f1_score(*pair, average="macro"))
    array = np.load(tmp_path / "said.npy")
    columns = parquet.read_table(tmp_path / "said.parquet").to_pydict()
    assert [*columns][:5] == ["item", "id", "position", "letter", "predicted"]
    assert ["".join(columns["letter"]), "".join(columns["predicted"])] == [
        "".join(item["seq"] for item in items),
        said,
    ]
    assert columns["position"] == [at for item in items for at in range(len(item["seq"]))]
    starts = np.cumsum([0, *(len(item["seq"]) for item in items)])
    kept = rows(planted.config, "SELECT item, place, output, score, target FROM predictions ORDER BY ALL")
    letter_of = [starts[row["item"]] + row["place"] for row in kept]
    assert letter_of[::5] == known
    assert [row["score"] for row in kept] == pytest.approx(array[known].ravel().tolist(), abs=1e-6)
    assert [truth[at] for at, row in zip(letter_of, kept, strict=True) if row["target"]] == pair[0]
    assert array.shape == (len(truth), 5)
    with (tmp_path / "said.tsv").open() as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    assert "".join(row["letter"] for row in table) == "".join(item["seq"] for item in items)
    assert [row["predicted"].lstrip("'") for row in table] == list(said)
    assert [float(row["class_d"]) for row in table] == pytest.approx(array[:, 4].tolist(), abs=1e-6)


def test_frozen_probes_of_letters_stand_beside_it_on_the_same_letters(planted: Planted) -> None:
    config: Any = config_of(planted.data.parent, planted.out.parent / "base")
    config["datasets"]["info"] = str(planted.data.parent / "info.yaml")
    config["extract"] = {"layers": [3], "tokens": {"layers": [-1]}}
    config["probe"] = {"heads": ["linear"]}
    del config["finetune"]
    loaded = load_config(write_config(planted.out.parent / "frozen.yaml", config)).config
    assert not run(loaded, Silent(), "run").failed
    wanted = Selection(models=("m",), datasets=("motif",), heads=("linear",), trained=("full",))
    found = analyse(open_catalog(planted.config.parent / "catalog.duckdb"), wanted, Silent())
    frozen, full = found.ways
    assert (frozen.way, full.way) == ("frozen", "full")
    apart = full.over_frozen
    assert apart is not None
    assert apart.difference == pytest.approx(full.row.choice.test.value - frozen.row.choice.test.value)
    assert 0 < apart.low < apart.difference < apart.high
    n_train = rows(planted.config, "SELECT DISTINCT n_train FROM probes")
    assert len(n_train) == 1


def test_new_sequences_get_a_label_a_letter(planted: Planted, tmp_path: Path) -> None:
    (tmp_path / "new.fasta").write_text(">one\nACGATCTT\n>two\nTTGATCGATC\n")
    out = tmp_path / "said.jsonl"
    shown = seqbench("predict", planted.out / "m-motif-full-42", tmp_path / "new.fasta", "--out", out)
    assert shown.exit_code == 0, shown.output
    told = {one["id"]: one for one in map(json.loads, out.read_text().splitlines())}
    wanted = {"one": "ACGATCTT", "two": "TTGATCGATC"}
    assert {name: one["predicted"] for name, one in told.items()} == {
        name: "".join(motif_label(text)) for name, text in wanted.items()
    }
    assert {len(scores) for scores in told["two"]["scores"].values()} == {10}


def test_the_other_point_that_is_kept_opens_and_answers_for_letters(planted: Planted) -> None:
    predictor = open_folder(planted.out / "m-motif-full-42" / "best-2")
    items = tokenise([("ACGT",), ("GATCGATC",)], predictor.tokens, by_letter=True)[0].items
    assert predictor.predict(items).shape == (12, 5)
    assert set(predictor.facts.scores["motif"]) == {"eval"}


def test_folds_of_values_of_letters_keep_sequences_whole_and_are_put_together_by_letter(
    planted: Planted, tmp_path: Path
) -> None:
    folder = write_motif(tmp_path / "data" / "values", sizes={"train": 24, "test": 10})
    (tmp_path / "data" / "info.yaml").write_text("values: {level: token}\n")
    for path in folder.glob("*.jsonl"):
        items = [json.loads(line) for line in path.read_text().splitlines()]
        for item in items:
            pairs = zip(item["label"], item["seq"], strict=True)
            item["label"] = [
                None if one == "." else [float(one == "a"), letter == "G"] for one, letter in pairs
            ]
            item["label"] = [each and [float(value) for value in each] for each in item["label"]]
        path.write_text("\n".join(map(json.dumps, items)))
    settings = {"epochs": 1, "head": "token", "folds": 2, "subsets": {"few_shot": [16], "repeats": 1}}
    config = config_of(tmp_path / "data", planted.out.parent / "base", encoder=["lora"], lr=0.01, **settings)
    config["datasets"]["info"] = str(tmp_path / "data" / "info.yaml")
    path = write_config(tmp_path / "c.yaml", config)
    assert not run(load_config(path).config, Silent(), "finetune").failed
    lines = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    truth = np.array([each or [np.nan] * 2 for line in lines for each in line["label"]])
    offsets = np.cumsum([0, *(len(line["seq"]) for line in lines)])
    said, held = np.full_like(truth, np.nan), []
    for fold in range(2):
        own = read_predictions(tmp_path / "out" / f"m-values-lora-42-fold{fold}")["eval"]
        said[own.rows_R] = own.predictions_RO
        held.append(set(np.searchsorted(offsets, own.rows_R, side="right") - 1))
    assert not held[0] & held[1]
    assert len(held[0] | held[1]) == len(lines)
    config |= {"extract": {"layers": [3], "tokens": {"layers": [-1]}}}
    stored = write_config(tmp_path / "stored.yaml", {key: config[key] for key in config if key != "finetune"})
    assert not run(load_config(stored).config, Silent(), "extract").failed
    probed = items_of(open_store(tmp_path / "store.zarr")["m@tokens/values"])
    like = Design(
        head="linear", settings={}, seed=42, combine="concat", threshold="fixed", folds=2, subset=None
    )
    theirs = [set(one.evaluation.places.sequence_M) for one in trainings_of(like, probed)]  # type: ignore[union-attr]
    assert theirs == held
    known = ~np.isnan(truth[:, 0])
    wanted = np.sqrt(np.square(said[known] - truth[known]).mean(0)).mean()
    found = rows(
        path,
        "SELECT fold, subset, n_train, value FROM probes JOIN metrics USING (probe_id) "
        "WHERE metric = 'mcrmse' AND split = 'eval' ORDER BY folds, fold NULLS LAST",
    )
    (together,) = [row for row in found if row["fold"] is None and row["subset"] is None]
    assert together["value"] == pytest.approx(wanted, rel=1e-5)
    assert (
        together["n_train"] == known.sum() == sum(row["n_train"] for row in found if row["fold"] is not None)
    )
    assert [row["n_train"] for row in found if row["subset"] == "few-shot 16"] == [16]


def test_a_head_of_letters_is_refused_for_labels_of_items(planted: Planted, tmp_path: Path) -> None:
    write_order(tmp_path / "data" / "order", sizes={"train": 4, "test": 4})
    config = config_of(tmp_path / "data", planted.out.parent / "base", head="token")
    shown = seqbench("finetune", write_config(tmp_path / "c.yaml", config))
    assert shown.exit_code == 2
    told = "finetune.head: token answers for each letter, labels of order are of items (set mean, cls,"
    assert told in " ".join(shown.output.split())


def test_letters_behind_a_cut_count_nowhere_and_are_told(planted: Planted, tmp_path: Path) -> None:
    write_motif(tmp_path / "data" / "motif", sizes={"train": 8, "eval": 4, "test": 6})
    config: Any = config_of(
        tmp_path / "data", planted.out.parent / "base", encoder=["full"], head="token", epochs=1
    )
    config["datasets"]["info"] = str(tmp_path / "data" / "info.yaml")
    config["extract"] = {"max_tokens": 10, "overlong": "truncate"}
    path = write_config(tmp_path / "c.yaml", config)
    heard = Heard()
    assert not run(load_config(path).config, heard, "finetune").failed
    texts = {
        split: (tmp_path / f"data/motif/{split}.jsonl").read_text() for split in ("train", "eval", "test")
    }
    lines = {split: [json.loads(line) for line in text.splitlines()] for split, text in texts.items()}
    n_cut = sum(len(item["seq"]) - 8 for items in lines.values() for item in items)
    assert f"m × motif: {n_cut:,} letters have no token, so they count nowhere" in heard.notes
    (probe,) = rows(path, "SELECT n_train FROM probes")
    assert probe["n_train"] == sum(len(item["label"][:8].replace(".", "")) for item in lines["train"])
    shown = seqbench(
        "predict",
        tmp_path / "out/m-motif-full-42",
        tmp_path / "data/motif/test.jsonl",
        "--out",
        tmp_path / "p.jsonl",
    )
    assert shown.exit_code == 0, shown.output
    n_cut = sum(len(item["seq"]) - 8 for item in lines["test"])
    assert f"test.jsonl: {n_cut} letters have no token, so no scores" in " ".join(shown.output.split())
    for line, item in zip((tmp_path / "p.jsonl").read_text().splitlines(), lines["test"], strict=True):
        said = json.loads(line)["predicted"]
        assert (len(said), "." in said[:8], set(said[8:])) == (len(item["seq"]), False, {"."})
