"""Folds and parts of train: which items each training has, and what folds say together."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from seqbench.catalog import Catalog, open_catalog
from seqbench.config import load_config
from seqbench.config.schema import Config
from seqbench.core.progress import Silent
from seqbench.errors import TrainingError
from seqbench.finetune.folder import open_folder
from seqbench.finetune.items import tokenise
from seqbench.report.analyse import analyse
from seqbench.report.selection import Selection
from seqbench.report.summary import summarize
from seqbench.report.tables.every import forms, tables
from seqbench.schedule.run import Outcome, look, run
from tests.command import rows, seqbench
from tests.finetune.planted import config_of, write_config, write_order
from tests.tiny import save_tiny_model

FOLDS = 2
SUBSETS = {"few_shot": [4, 999], "repeats": 1}


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A cross-validation, and trainings on parts of train, of a data set with groups and one with eval."""

    folder: Path
    config: Path
    loaded: Config
    outcome: Outcome
    catalog: Catalog

    def lines(self, dataset: str, split: str) -> list[dict[str, Any]]:
        text = (self.folder / "data" / dataset / f"{split}.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def predictions(self, where: str) -> dict[tuple[str, int], float]:
        """The stored score of class 1, by split and item."""
        found = rows(
            self.config,
            f"SELECT split, item, score FROM predictions JOIN probes USING (probe_id) "
            f"WHERE head = 'full' AND {where}",
        )
        assert len({(row["split"], row["item"]) for row in found}) == len(found)
        return {(row["split"], row["item"]): row["score"] for row in found}

    def predict(self, name: str, dataset: str, split: str, items: list[int]) -> list[float]:
        """What a saved folder says of items, opened as anybody would."""
        predictor = open_folder(self.folder / "out" / name)
        lines = self.lines(dataset, split)
        tokenised = tokenise([(lines[item]["seq"],) for item in items], predictor.tokens)[0].items
        return predictor.predict(tokenised)[:, 1].tolist()


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Cut:
    folder = tmp_path_factory.mktemp("designs")
    base = save_tiny_model("bert", folder / "base")
    sizes = {"train": 48, "eval": 12, "test": 20}
    write_order(folder / "data" / "watched", sizes=sizes)
    alone = write_order(folder / "data" / "alone", sizes={key: sizes[key] for key in ("train", "test")})
    for path in alone.glob("*.jsonl"):
        items = [json.loads(line) for line in path.read_text().splitlines()]
        for number, item in enumerate(items):
            item["family"] = f"f{number // 4}"
        path.write_text("\n".join(map(json.dumps, items)))
    (folder / "info.yaml").write_text("alone: {group_key: family}")
    settings = {"encoder": ["full"], "folds": FOLDS, "subsets": SUBSETS, "epochs": 2, "batch_size": 16}
    config = config_of(folder / "data", base, lr=3e-3, **settings)
    config["datasets"]["info"] = str(folder / "info.yaml")
    path = write_config(folder / "config.yaml", config)
    loaded = load_config(path).config
    outcome = run(loaded, Silent(), "finetune")
    return Cut(
        folder=folder, config=path, loaded=loaded, outcome=outcome, catalog=open_catalog(config["catalog"])
    )


def test_every_fold_and_part_is_trained_and_a_part_that_is_all_of_train_is_not(cut: Cut) -> None:
    assert not cut.outcome.failed
    assert cut.outcome.done["finetune"] == 2 * (FOLDS + 1)
    found = rows(
        cut.config,
        "SELECT fold, folds, subset, repeat FROM probes WHERE dataset = 'alone' AND head = 'full' "
        "ORDER BY ALL",
    )
    told = [tuple(row.values()) for row in found]
    folds = [(number, FOLDS, None, None) for number in range(FOLDS)] + [(None, FOLDS, None, None)]
    assert sorted(map(str, told)) == sorted(map(str, [*folds, (None, None, "few-shot 4", 0)]))
    for name, part in (("fold1", "without fold 1 of 2"), ("few-shot-4-draw0", "on few-shot 4, draw 0")):
        card = (cut.folder / "out" / f"m-alone-full-42-{name}" / "README.md").read_text()
        assert f"seed 42, {part}. " in card
    folders = {path.name for path in (cut.folder / "out").iterdir()}
    names = ("fold0", "fold1", "few-shot-4-draw0")
    assert folders == {f"m-{data}-full-42-{name}" for data in ("alone", "watched") for name in names}


def test_a_part_that_is_all_of_train_is_told_once_for_each_data_set(cut: Cut) -> None:
    shown = " ".join(seqbench("plan", cut.config).output.split())
    for dataset in ("alone", "watched"):
        told = (
            f"warning: {dataset}: finetune.subsets.few_shot: 999 takes in all of train (48 items), so it is"
        )
        assert shown.count(told) == 1
    assert "few_shot: 4" not in shown


@pytest.mark.parametrize(("dataset", "split"), [("alone", "eval"), ("watched", "train")])
def test_folds_are_disjoint_cover_train_and_keep_groups_together(cut: Cut, dataset: str, split: str) -> None:
    held = [
        {item for name, item in cut.predictions(f"dataset = '{dataset}' AND fold = {fold}") if name == split}
        for fold in range(FOLDS)
    ]
    lines = cut.lines(dataset, "train")
    assert sorted(item for fold in held for item in fold) == list(range(len(lines)))
    labels = [[lines[item]["label"] for item in fold] for fold in held]
    assert [(len(each), sum(each)) for each in labels] == [(24, 12)] * FOLDS
    if dataset == "alone":
        families = [{lines[item]["family"] for item in fold} for fold in held]
        assert sum(map(len, families)) == len(set.union(*families)) == 12
    n_train = rows(
        cut.config, f"SELECT n_train FROM probes WHERE dataset = '{dataset}' AND head = 'full' AND fold >= 0"
    )
    assert {row["n_train"] for row in n_train} == {24}


@pytest.mark.parametrize(("dataset", "split"), [("alone", "eval"), ("watched", "train")])
def test_out_of_fold_predictions_are_those_of_the_saved_fold_that_did_not_learn_from_the_item(
    cut: Cut, dataset: str, split: str
) -> None:
    together = cut.predictions(f"dataset = '{dataset}' AND folds = {FOLDS} AND fold IS NULL")
    for fold in range(FOLDS):
        mine = cut.predictions(f"dataset = '{dataset}' AND fold = {fold}")
        items = [item for name, item in mine if name == split]
        again = cut.predict(f"m-{dataset}-full-42-fold{fold}", dataset, "train", items)
        assert [together[split, item] for item in items] == pytest.approx(again, abs=1e-6)


def test_the_ensemble_is_the_mean_of_the_saved_folds_scored_once_on_test(cut: Cut) -> None:
    items = list(range(20))
    said = [cut.predict(f"m-watched-full-42-fold{fold}", "watched", "test", items) for fold in range(FOLDS)]
    wanted = np.mean(said, axis=0)
    where = f"dataset = 'watched' AND folds = {FOLDS} AND fold IS NULL"
    together = cut.predictions(where)
    assert [together["test", item] for item in items] == pytest.approx(wanted.tolist(), abs=1e-6)
    truth = [line["label"] for line in cut.lines("watched", "test")]
    (score,) = rows(
        cut.config,
        "SELECT value, low, high FROM metrics JOIN probes USING (probe_id) "
        f"WHERE {where} AND split = 'test' AND metric = 'accuracy'",
    )
    assert score["value"] == pytest.approx(accuracy_score(truth, wanted > 0.5))
    assert score["low"] <= score["value"] <= score["high"]
    on_eval = {item for split, item in together if split == "eval"}
    assert on_eval == set(range(12))


@pytest.fixture(scope="module")
def probed(cut: Cut) -> Cut:
    """The same, and the frozen model probed in the same folds and on the same parts."""
    config: Any = config_of(cut.folder / "data", cut.folder / "base") | {
        "extract": {"layers": [2, 3]},
        "probe": {"heads": ["linear"], "folds": FOLDS, "subsets": SUBSETS},
    }
    del config["finetune"]
    config["datasets"]["info"] = str(cut.folder / "info.yaml")
    path = write_config(cut.folder / "probes.yaml", config)
    assert not run(load_config(path).config, Silent(), "run").failed
    return cut


def test_parts_of_train_are_those_of_the_probe_of_the_same_seed(probed: Cut) -> None:
    sql = (
        "SELECT dataset, fold, subset, repeat, n_train, split, list(item ORDER BY item) AS items "
        "FROM probes JOIN predictions USING (probe_id) WHERE layer = 3 AND head = '{}' "
        "GROUP BY ALL ORDER BY ALL"
    )
    found = rows(probed.config, sql.format("full"))
    assert found == rows(probed.config, sql.format("linear"))
    assert len(found) == (2 + 3) * (FOLDS + 1 + 1) - 1  # a part has no items of train to predict


def test_a_plan_counts_what_is_left_and_folds_are_put_together_after_one_is_trained_anew(cut: Cut) -> None:
    plan, _ = look(cut.loaded, Silent(), "finetune")
    assert plan.nodes == []
    assert [(share.done, share.left) for share in plan.shares] == [(3, 0), (3, 0)]
    (cut.folder / "out" / "m-alone-full-42-fold1" / "finetuned.json").unlink()
    plan, _ = look(cut.loaded, Silent(), "finetune")
    assert [(share.done, share.left) for share in plan.shares] == [(2, 1), (3, 0)]
    assert [node.key for node in plan.nodes] == [
        "finetune/m-alone-full-42-fold1",
        "finetune/m-alone-full-42-folds",
    ]
    assert plan.nodes[1].after == {plan.nodes[0].key}
    before = cut.predictions("dataset = 'alone' AND folds IS NOT NULL AND fold IS NULL")
    assert run(cut.loaded, Silent(), "finetune").done["finetune"] == 1
    assert cut.predictions("dataset = 'alone' AND folds IS NOT NULL AND fold IS NULL") == before


def test_a_report_shows_the_ensemble_beside_mean_and_deviation_of_its_folds(probed: Cut) -> None:
    cut = probed
    wanted = Selection(models=("m",), datasets=("alone", "watched"), heads=("linear",), trained=("full",))
    found = analyse(cut.catalog, wanted, Silent())
    ways = [(one.row.dataset, one.way) for one in found.ways]
    assert ways == [(dataset, way) for dataset in ("alone", "watched") for way in ("frozen", "full")]
    for one in found.ways:
        layer = f"layer = {one.row.choice.layer} AND head = '{one.row.head}'"
        scores = rows(
            cut.config,
            "SELECT value FROM metrics JOIN probes USING (probe_id) WHERE folds IS NOT NULL "
            f"AND dataset = '{one.row.dataset}' AND split = 'test' AND metric = 'accuracy' AND {layer} "
            "ORDER BY fold NULLS FIRST",
        )
        together, *alone = [row["value"] for row in scores]
        assert one.row.choice.test.value == pytest.approx(together)
        assert one.folds is not None
        assert (one.folds.n, one.folds.mean) == (FOLDS, pytest.approx(np.mean(alone)))
        assert one.folds.std == pytest.approx(np.std(alone, ddof=1))
        (took,) = rows(
            cut.config,
            "SELECT (SELECT sum(steps) FROM trainings WHERE dataset = $d AND fold >= 0) AS steps, "
            "(SELECT sum(seconds) FROM embeddings WHERE dataset = $d) AS embedding, (SELECT sum(seconds) "
            "FROM probes WHERE dataset = $d AND head = 'linear' AND fold >= 0) AS folds".replace(
                "$d", f"'{one.row.dataset}'"
            ),
        )
        if one.way == "full":
            assert one.cost.steps == took["steps"]
        else:  # what stands for all folds took no time of its own
            assert one.cost.seconds == pytest.approx(took["embedding"] + took["folds"])
    (table,) = (table for table in tables(found, []) if table.name == "trained")
    written = dict(forms(table, ["md"]))["md"]
    assert "folds_mean" in written
    assert " ± " in " ".join(summarize(found))


def test_where_a_fold_fails_the_others_stand_and_nothing_is_put_together(
    cut: Cut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import seqbench.finetune.run as runs

    train = runs.finetune

    def refuse(job: Any, **others: Any) -> Any:
        if job.design.fold == 1:
            raise TrainingError("out of memory with a single item")
        return train(job, **others)

    monkeypatch.setattr(runs, "finetune", refuse)
    write_order(tmp_path / "data" / "order", sizes={"train": 12, "test": 4})
    config = config_of(tmp_path / "data", cut.folder / "base", encoder=["full"], folds=2, epochs=1)
    path = write_config(tmp_path / "config.yaml", config)
    outcome = run(load_config(path).config, Silent(), "finetune")
    assert [failure.reason for failure in outcome.failed] == [
        "full, seed 42, fold 1: out of memory with a single item",
        "full, seed 42, all folds: fold 1 was not trained, so there are no folds to put together",
    ]
    found = rows(path, "SELECT fold, status FROM probes ORDER BY ALL")
    assert [tuple(row.values()) for row in found] == [(0, "ok"), (1, "failed"), (None, "failed")]
    monkeypatch.undo()
    assert not run(load_config(path).config, Silent(), "finetune").failed
    found = rows(path, "SELECT fold, status FROM probes ORDER BY ALL")
    assert [tuple(row.values()) for row in found] == [(0, "ok"), (1, "ok"), (None, "ok")]
