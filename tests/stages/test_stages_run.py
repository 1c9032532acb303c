"""Whole runs on small data: what is counted, that nothing is trained twice, what an interruption leaves."""

from pathlib import Path
from typing import Any

import pytest

from seqbench.catalog import Catalog
from seqbench.config import Config, load_config
from seqbench.core.progress import Silent
from seqbench.probe import together
from seqbench.probe.run import run_probes
from seqbench.schedule.run import look, run
from tests.data import write_split

CONFIG = """
models: [{kind: kmer, k: 2}, {kind: kmer, k: 1}]
datasets: {root: data}
probe:
  heads: [linear, knn]
  seeds: [1]
  folds: 3
  subsets: {few_shot: [3, 100], sizes: [20, 1.0e-1], repeats: 2}
  shuffled_labels: true
"""
PROBES = 2 * 2 * (4 + 3 * 2)
"""Of one model: heads x controls x (folds and all of them together, draws of 3 amounts below all items)."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for split in ("train", "eval", "test"):
        write_split(tmp_path / "data" / "gc", split)
    path = tmp_path / "run.yaml"
    path.write_text(CONFIG)
    return path


def loaded(path: Path, **probe: Any) -> Config:
    config = load_config(path).config
    return config.model_copy(update={"probe": config.probe.model_copy(update=probe)})


def test_what_is_planned_before_and_after_extraction_is_what_is_trained_once(config: Path) -> None:
    wanted = loaded(config)
    plan, _ = look(wanted, Silent(), "run")
    assert [share.left for share in plan.shares if share.group.stage == "probe"] == [PROBES, PROBES]
    first = run(wanted, Silent(), "run")
    assert (first.probes, first.failed) == (2 * PROBES, ())
    plan, _ = look(wanted, Silent(), "probe")
    assert [(share.done, share.left) for share in plan.shares] == [(PROBES, 0)] * 2
    assert plan.nodes == []
    again = run(wanted, Silent(), "probe")
    assert (again.probes, again.probes_known) == (0, 2 * PROBES)


def test_the_catalog_tells_designs_apart(config: Path) -> None:
    wanted = loaded(config, heads=("linear",))
    run(wanted, Silent(), "run")
    catalog = Catalog(wanted.catalog)
    sql = (
        "SELECT folds, fold, subset, repeat, control, count(*) FROM probes WHERE model = 'kmer-2' "
        "AND control IS NULL GROUP BY ALL ORDER BY ALL NULLS FIRST"
    )
    assert catalog.query(sql).rows == [
        (None, None, "few-shot 3", 0, None, 1),
        (None, None, "few-shot 3", 1, None, 1),
        (None, None, "size 0.1", 0, None, 1),
        (None, None, "size 0.1", 1, None, 1),
        (None, None, "size 20", 0, None, 1),
        (None, None, "size 20", 1, None, 1),
        (3, None, None, None, None, 1),
        (3, 0, None, None, None, 1),
        (3, 1, None, None, None, 1),
        (3, 2, None, None, None, 1),
    ]
    controls = catalog.query("SELECT DISTINCT control FROM probes ORDER BY ALL NULLS FIRST").rows
    assert controls == [(None,), ("shuffled-labels",)]
    whole = "SELECT n_items FROM metrics JOIN probes USING (probe_id) WHERE folds = 3 AND fold IS NULL"
    assert set(catalog.query(f"{whole} AND split = 'train'").rows) == {(60,)}


def test_heads_that_are_gone_are_trained_again_and_nothing_else(config: Path) -> None:
    kept = config.parent / "heads"
    wanted = loaded(config, heads=("linear",), save_heads=kept, shuffled_labels=False)
    first = run(wanted, Silent(), "run")
    files = sorted(kept.rglob("*.safetensors"))
    assert len(files) == first.probes - 2  # what stands for all folds is no head
    saved = "SELECT count(*) FROM probes WHERE saved IS NOT NULL"
    assert Catalog(wanted.catalog).query(saved).rows == [(len(files),)]
    files[0].unlink()
    assert run(wanted, Silent(), "probe").probes == 1
    assert files[0].is_file()
    assert run(wanted, Silent(), "probe").probes == 0


def test_an_interrupted_run_leaves_what_was_finished_in_the_catalog(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = loaded(config, heads=("linear",))
    run(wanted, Silent(), "extract")
    done = []

    def interrupted(*given, **more):
        for records in run_probes(*given, **more):
            yield records
            done.extend(records)
            if len(done) >= 5:
                raise KeyboardInterrupt

    monkeypatch.setattr(together, "run_probes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(wanted, Silent(), "probe")
    catalog = Catalog(wanted.catalog)
    assert catalog.known_spec_hashes() == {record.spec_hash for record in done}
    assert catalog.query("SELECT status FROM runs WHERE command = 'probe'").rows == [("interrupted",)]


def test_a_dead_probe_is_named_with_its_design_and_the_others_go_on(config: Path) -> None:
    write_split(config.parent / "data" / "gc", "train", items=10)
    wanted = loaded(config, heads=("linear",), folds=12, shuffled_labels=False)
    outcome = run(wanted, Silent(), "run")
    assert outcome.probes == 2 * (13 + 4)  # of the subsets, 3 shots and a tenth are less than all
    reasons = [problem.reason for problem in outcome.failed]
    # Two folds are empty, so all folds together fail too; and a tenth is one item.
    assert len(reasons) == 2 * (2 + 1 + 2)
    assert any(
        reason.startswith("linear on layer 0, seed 1, fold ") and "(set folds lower)" in reason
        for reason in reasons
    )
    assert Catalog(wanted.catalog).query("SELECT status FROM runs").rows == [("failed",)]
