"""Searches over settings of fine-tuning: trials on eval, the chosen one on test, the same after a stop."""

import json
from pathlib import Path

import pytest

from seqbench.catalog import open_catalog
from seqbench.config import load_config
from seqbench.core.progress import Silent
from seqbench.errors import ConfigError
from seqbench.finetune.folder import read_facts
from seqbench.schedule.run import run
from tests.finetune.planted import config_of, write_config, write_order
from tests.tiny import save_tiny_model

SPACE = {"lr": {"low": 1e-6, "high": 0.03, "log": True}, "lora.rank": {"choices": [2, 4]}}
SEARCH = {"method": "random", "trials": 4, "at_once": 2, "space": SPACE}
TRIALS = "SELECT number, settings, state, score, points, metric FROM trials ORDER BY encoder, number"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("search")
    save_tiny_model("bert", made / "base")
    write_order(made / "data" / "order", sizes={"train": 64, "eval": 24, "test": 24})
    return made


def searched(folder: Path, name: str, search=SEARCH, **settings):
    """Run a search into a catalog of its own; gives the outcome and the catalog."""
    given = {"encoder": ["lora"], "epochs": 2, "batch_size": 16, "seeds": [1, 2], "search": search} | settings
    config = config_of(folder / "data", folder / "base", **given)
    config["catalog"] = str(folder / name / "catalog.duckdb")
    config["finetune"]["out"] = str(folder / name / "out")
    (folder / name).mkdir(exist_ok=True)
    loaded = load_config(write_config(folder / name / "run.yaml", config)).config
    outcome = run(loaded, Silent(), "finetune")
    return outcome, open_catalog(config["catalog"])


@pytest.fixture(scope="module")
def first(folder):
    return searched(folder, "first")


def test_the_best_settings_on_eval_are_trained_with_every_seed_and_scored_once_on_test(first, folder):
    outcome, catalog = first
    trials = catalog.query(TRIALS).rows
    assert outcome.failed == ()
    assert [row[0] for row in trials] == [0, 1, 2, 3]
    assert {row[5] for row in trials} == {"accuracy"}
    best = max(trials, key=lambda row: (row[3], -row[0]))
    probes = catalog.query("SELECT seed, head, spec->>'$.settings.lr' FROM probes ORDER BY seed").rows
    assert [(seed, head) for seed, head, _ in probes] == [(1, "lora"), (2, "lora")]
    chosen = json.loads(best[1])
    assert {float(lr) for *_, lr in probes} == {chosen["lr"]}
    facts = read_facts(folder / "first" / "out" / "m-order-lora-1")
    assert (facts.settings["lr"], facts.settings["lora"]["rank"]) == (chosen["lr"], chosen["lora.rank"])
    assert catalog.query("SELECT count(*) FROM metrics WHERE split = 'test'").rows[0][0] > 0


def test_a_trials_score_is_that_of_a_training_with_its_settings(first, folder):
    _, settings, _, score, points, _ = first[1].query(TRIALS).rows[1]
    values = json.loads(settings)
    alone = {"lr": values["lr"], "lora": {"rank": values["lora.rank"]}, "seeds": [1]}
    _, catalog = searched(folder, "alone", search=None, **alone)
    (curve,) = catalog.query("SELECT list(eval_score ORDER BY epoch) FROM history").rows[0]
    assert points == pytest.approx(curve)
    assert score in curve


def test_a_search_that_goes_on_with_more_trials_is_the_one_that_was_never_stopped(first, folder):
    shorter, _ = searched(folder, "on", search=SEARCH | {"trials": 3})
    longer, catalog = searched(folder, "on")
    assert catalog.query(TRIALS).rows == first[1].query(TRIALS).rows
    assert (shorter.done["finetune"], longer.done["finetune"]) in ((5, 1), (5, 3))
    again, _ = searched(folder, "on")
    assert again.done.get("finetune", 0) == 0


def test_settings_that_cannot_be_trained_with_are_trials_that_failed(folder):
    wrong = {"method": "grid", "trials": None, "space": {"lr": {"choices": [1e-4, 1e30]}}}
    outcome, catalog = searched(folder, "wrong", search=wrong, seeds=[1])
    assert outcome.failed == ()
    states = {json.loads(settings)["lr"]: state for _, settings, state, *_ in catalog.query(TRIALS).rows}
    assert states[1e-4] == "done"
    assert states[1e30] == "failed"
    assert catalog.query("SELECT count(*) FROM probes WHERE status = 'ok'").rows == [(1,)]


def test_keys_of_adapters_are_not_searched_for_in_full(folder):
    loaded = load_config(
        write_config(
            folder / "both.yaml",
            config_of(folder / "data", folder / "base", encoder=["lora", "full"], search=SEARCH),
        )
    ).config
    assert set(loaded.finetune.searched("lora").space) == {"lr", "lora.rank"}
    assert list(loaded.finetune.searched("full").space) == ["lr"]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"rate": {"low": 0.1, "high": 0.2}}, "there is no key rate"),
        ({"lora.rnk": {"low": 1, "high": 2}}, r"did you mean lora\.rank"),
        ({"seeds": {"choices": [1, 2]}}, "seeds is nothing to search for"),
        ({"epochs": {"low": 0.5, "high": 2.5}}, "epochs can't be 0.5"),
        ({"lr": {"low": -1.0, "high": 1.0}}, r"lr can't be -1\.0"),
        ({"head": {"choices": ["mean", "max"]}}, "head can't be 'max'"),
    ],
)
def test_a_space_that_the_section_does_not_take_is_refused(folder, space, message):
    config = config_of(folder / "data", folder / "base", search={"space": space})
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(write_config(folder / "space.yaml", config))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "folds"), [("finetune_arg", 5), ("finetune_regression", 3)])
def test_the_recipes_are_configs_with_folds_and_rates_that_are_searched(name, folds):
    loaded = load_config(Path(__file__).parents[2] / "configs" / f"{name}.yaml")
    section = loaded.config.finetune
    assert (section.folds, loaded.warnings) == (folds, ())
    assert (section.search is not None) == (name == "finetune_arg")
