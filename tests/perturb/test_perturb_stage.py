"""`seqbench run` on cells: layers of a model from the store beside baselines, resumed, reported."""

import json
from pathlib import Path

import anndata
import numpy as np
import pytest
import torch
import yaml

from seqbench.config import Config
from seqbench.config.stages import STAGES
from seqbench.core.progress import Silent
from seqbench.schedule.run import run
from tests.command import rows, seqbench
from tests.perturb.planted_cells import write_cells

MAKE = {"make": "tests.schedule.toy:MakeModel", **STAGES}
ST = {"set_size": 8, "hidden": 16, "blocks": 1, "heads": 2, "steps": 4, "val_every": 2, "batch_sets": 2}
CELLS = {
    "file": "cells.h5ad",
    "name": "toy",
    "perturbation": "gene",
    "control": "none",
    "context": "line",
}


def write_config(folder: Path, **changed: object) -> Path:
    vectors = write_cells(folder / "cells.h5ad", n_perturbations=12, n_cells=12)
    torch.save({name: torch.from_numpy(vector) for name, vector in vectors.items()}, folder / "truth.pt")
    proteins = [
        {"gene": name, "seq": "MKV" + "ACDEFGHIKLMNPQRSTVWY"[number:] * 2}
        for number, name in enumerate(vectors)
    ]
    (folder / "genes.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in proteins))
    perturb = {
        "data": [CELLS],
        "features": ["onehot", {"model": "counts", "sequences": "genes.jsonl"}, {"file": "truth.pt"}],
        "splits": {"hold_out": "perturbations", "share": 0.25},
        "heads": ["control_mean", "perturbation_mean", "context_mean", "additive", "nearest", "ridge", "st"],
        "st": ST,
    }
    config = {
        "models": [{"kind": "kmer", "k": 1, "name": "counts"}],
        "perturb": perturb | changed,
        "store": {"path": "embeddings.zarr"},
        "catalog": "catalog.duckdb",
        "report": {"out": "report"},
    }
    path = folder / "perturb.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = write_config(tmp_path_factory.mktemp("perturb"))
    shown = seqbench("run", config)
    assert shown.exit_code == 0, shown.output
    return config


def test_contenders_and_baselines_stand_in_one_catalog(finished: Path) -> None:
    found = rows(
        finished, "SELECT model, head, layer, n_items FROM results WHERE split = 'test' ORDER BY ALL"
    )
    blind = [("no-features", head) for head in ("context_mean", "control_mean", "perturbation_mean")]
    told = [
        (model, head) for model in ("counts", "onehot-genes", "truth") for head in ("nearest", "ridge", "st")
    ]
    assert sorted((row["model"], row["head"]) for row in found) == sorted(blind + told)
    assert {(row["layer"], row["n_items"]) for row in found} == {(0, 3)}


def test_true_vectors_win_and_the_ceiling_is_told(finished: Path) -> None:
    query = "SELECT model, test_score FROM leaderboard ORDER BY place"
    assert rows(finished, query)[0]["model"] == "truth"
    (dataset,) = rows(finished, "SELECT task, ceiling FROM datasets WHERE dataset = 'toy'")
    assert dataset["task"] == "perturbation"
    assert 0.5 < json.loads(dataset["ceiling"])["pearson_delta"] <= 1


def test_the_report_has_a_table_of_responses_between_baseline_and_ceiling(finished: Path) -> None:
    lines = (finished.parent / "report" / "tables" / "responses.tsv").read_text().splitlines()
    header = lines[0].split("\t")
    table = [dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:]]
    mean = [row for row in table if row["head"] == "perturbation_mean" and row["metric"] == "pearson_delta"]
    assert float(mean[0]["normalised"]) == 0
    assert {row["metric"] for row in table} >= {"energy_distance", "discrimination_l1", "weighted_r2"}


def test_the_catalog_keeps_predicted_and_real_effects_and_a_figure_shows_them(finished: Path) -> None:
    query = """SELECT perturbation, list(observed ORDER BY gene) AS observed, corr(predicted, observed) AS r
        FROM effects JOIN probes USING (probe_id) WHERE model = 'truth' AND head = 'ridge' GROUP BY ALL"""
    found = rows(finished, query)
    data = anndata.read_h5ad(finished.parent / "cells.h5ad")
    means = (
        data.to_df()[sorted(data.var_names)]
        .groupby([data.obs["gene"], data.obs["line"]], observed=True)
        .mean()
    )
    for row in found:
        wanted = (means.loc[row["perturbation"]] - means.loc["none"]).mean()
        np.testing.assert_allclose(row["observed"], wanted, atol=1e-5)
    assert min(row["r"] for row in found) > 0.95
    figure = (finished.parent / "report" / "figures" / "effects_toy_truth.svg").read_text()
    assert all(row["perturbation"] in figure for row in found)
    page = (finished.parent / "report" / "index.html").read_text(encoding="utf-8")
    assert '"effects":{"dataset":["toy"' in page


def test_what_is_in_the_catalog_is_not_trained_again(finished: Path) -> None:
    again = seqbench("perturb", finished)
    assert again.exit_code == 0
    assert "0 response heads trained, 12 were there already" in again.output
    assert "additive needs combinations of genes" in again.output


def test_heads_on_a_model_that_the_run_makes_are_trained_when_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feature = {"model": "made", "sequences": "genes.jsonl"}
    path = write_config(tmp_path, features=["onehot", feature], heads=["ridge"])
    monkeypatch.chdir(tmp_path)
    models = [{"path": str(tmp_path / "made"), "name": "made", "dtype": "float32"}]
    config = Config.model_validate(yaml.safe_load(path.read_text()) | {"models": models})
    outcome = run(config, Silent(), "run", registry=MAKE)
    assert (outcome.failed, outcome.done["perturb"]) == ((), 5)  # one hot, and four layers
    query = "SELECT layer FROM results WHERE model = 'made' AND split = 'test' ORDER BY ALL"
    assert [row["layer"] for row in rows(path, query)] == [0, 1, 2, 3]
    assert run(config, Silent(), "run", registry=MAKE).done["perturb"] == 0


def test_cells_are_embedded_by_a_layer_of_a_model_from_the_store(tmp_path: Path) -> None:
    path = write_config(tmp_path, features=[{"file": "truth.pt"}], heads=["st"])
    lines = (f">gene{number}\n{'MKVACDEFGHIK'[number % 9 :]}\n" for number in range(25))
    (tmp_path / "all.fasta").write_text("".join(lines))
    embedding = {"model": "counts", "layer": 0, "sequences": "all.fasta"}
    data = json.dumps([CELLS | {"embedding": embedding}])
    shown = seqbench("run", path, "--set", f"perturb.data={data}")
    assert shown.exit_code == 0, shown.output
    assert "embedded by counts (layer 0), which has vectors of 25 of 30 genes" in " ".join(
        shown.output.split()
    )
    assert seqbench("perturb", path).exit_code == 0  # by expression: another head
    assert len(rows(path, "SELECT DISTINCT spec_hash FROM probes")) == 2


def test_a_perturbation_without_a_vector_ends_the_run_with_its_name_unless_skipped(tmp_path: Path) -> None:
    config = write_config(
        tmp_path, features=[{"model": "counts", "sequences": "genes.jsonl"}], heads=["ridge"]
    )
    lines = (tmp_path / "genes.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "genes.jsonl").write_text("".join(lines[2:]))
    shown = seqbench("perturb", config)
    assert shown.exit_code == 2
    assert "counts has no vector for 2 perturbations: G0, G1" in shown.output
    skipped = seqbench("run", config, "--set", "perturb.missing=skip")
    assert skipped.exit_code == 0, skipped.output
    assert "2 perturbations have no vector and are left out" in skipped.output
    (probe,) = rows(config, "SELECT spec FROM probes")
    assert json.loads(probe["spec"])["left_out"] == ["G0", "G1"]


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"features": [{"model": "esm", "sequences": "genes.jsonl"}]}, "is 'esm', but `models:` has counts"),
        (
            {"data": [CELLS | {"embedding": {"model": "esm", "sequences": "genes.jsonl"}}]},
            "is 'esm', but `models:` has counts",
        ),
        (
            {"data": [CELLS | {"embedding": 5}]},
            "must be a key of obsm, {model: …, sequences: …} or {file: …}",
        ),
        ({"splits": {"column": "split", "toml": "a.toml"}}, "takes exactly one of hold_out, column and toml"),
        ({"st": ST | {"hidden": 15}}, "hidden (15) must be a multiple of heads (2)"),
    ],
)
def test_a_section_that_does_not_fit_is_one_line(changed: dict, line: str, tmp_path: Path) -> None:
    shown = seqbench("plan", write_config(tmp_path, **changed))
    assert shown.exit_code == 2
    assert line.replace("'", "") in shown.output.replace("'", "")


def test_the_plan_that_people_know_is_tried_in_a_catalog_of_its_own(tmp_path: Path) -> None:
    plan = yaml.safe_load((Path(__file__).parents[2] / "configs" / "perturb_st.yaml").read_text())
    small = {"hidden": 16, "heads": 2, "blocks": 1, "set_size": 8, "batch_sets": 2}
    config = write_config(
        tmp_path,
        heads=plan["perturb"]["heads"],
        st=plan["perturb"]["st"] | small,
        features=["onehot", {"file": "truth.pt"}],
    )
    shown = seqbench("perturb", config, "--smoke")
    assert shown.exit_code == 0, shown.output
    assert not (tmp_path / "catalog.duckdb").exists()
    query = "SELECT DISTINCT head FROM probes WHERE n_epochs = 2"
    found = seqbench("sql", query, "--catalog", tmp_path / "smoke-catalog.duckdb", "--format", "json")
    assert json.loads(found.stdout) == [{"head": "st"}]


def test_predicted_cells_are_written_as_anndata_with_real_controls(tmp_path: Path) -> None:
    config = write_config(tmp_path, heads=["ridge"], features=[{"file": "truth.pt"}], out="predicted")
    assert seqbench("perturb", config).exit_code == 0
    found = anndata.read_h5ad(tmp_path / "predicted" / "toy-truth-0-ridge-42.h5ad")
    real = anndata.read_h5ad(tmp_path / "cells.h5ad")
    assert list(found.var_names) == list(real.var_names)
    assert found.obs.groupby(["gene", "line"], observed=True).size().tolist() == [12] * 8
    kept = found[found.obs["gene"] == "none"].X
    np.testing.assert_allclose(np.sort(kept, axis=0), np.sort(_controls(real), axis=0), rtol=1e-6)


def test_a_check_counts_cells_and_tells_copies_between_splits(tmp_path: Path) -> None:
    config = write_config(tmp_path, splits={"column": "split"})
    data = anndata.read_h5ad(tmp_path / "cells.h5ad")
    words = {"none": "control", "G0": "test", "G1": "eval"}
    data.obs["split"] = [words.get(gene, "train") for gene in data.obs["gene"]]
    values, genes = data.X.toarray(), data.obs["gene"].to_numpy()
    values[np.flatnonzero(genes == "G0")[:2]] = values[np.flatnonzero(genes == "G5")[0]]
    values[np.flatnonzero(genes == "G7")[0]] = 0
    data.X = values
    data.obs_names = [*data.obs_names[:-1], data.obs_names[0]]
    data.write_h5ad(tmp_path / "cells.h5ad")
    shown = seqbench("datasets", "check", config)
    assert shown.exit_code == 0, shown.output
    for said in (
        "values as stored, 30 genes",
        "barcodes that are there more than once: 1, the first 'cell0'",
        "cells without any expression: 1",
        "cells of test with the same expression as one of train: 2",
        "fewer than 20 cells of",
    ):
        assert said in shown.output


def _controls(real: anndata.AnnData) -> np.ndarray:
    return np.asarray(real[real.obs["gene"] == "none"].X.todense())
