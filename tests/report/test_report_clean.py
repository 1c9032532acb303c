"""Scores on clean test items, from stored predictions to tables, summary and terminal."""

import shutil
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from predicted_records import N_ITEMS, TASKS, dataset, fill, model, predicted, targets_of, without_predictions
from scipy import stats
from sklearn import metrics as sk

from seqbench.catalog import Catalog
from seqbench.core.progress import Silent
from seqbench.metrics import METRICS
from seqbench.report.analyse import analyse
from seqbench.report.comparing import recording, rescoring
from seqbench.report.selection import Selection
from seqbench.report.sentences.audits import other_datasets, red_datasets
from seqbench.report.summary import summarize
from seqbench.report.tables.every import tables
from tests.catalog.audit_records import audit_record, finding

FILES = {"train": "a", "eval": "b", "test": "c"}
DATA = sha256(b"train a\neval b\ntest c\n").hexdigest()
"""As `Dataset.sha256` of these files."""
SPEC = {"data": FILES}
MODELS = {"bert": (0.1, 0.8, 0.75), "kmer-4": (0.3,)}
CLEAN_N = np.random.default_rng(5).uniform(size=N_ITEMS) < 0.6


def audit(name, clean=CLEAN_N, **changed):
    return audit_record(name, **{"sha256": DATA, "clean": clean} | changed)


def current(name, **changed):
    return replace(dataset(name), sha256=DATA, **changed)


def analysed(catalog, datasets, models=tuple(MODELS), **options):
    told = Silent()
    wanted = Selection(models=models, datasets=datasets, heads=("mlp",), **options)
    return analyse(catalog, wanted, told), told.notes


def of(analysis, name, metric, who="bert"):
    (one,) = [one for one in analysis.clean if (one.dataset, one.metric, one.model) == (name, metric, who)]
    return one


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """All tasks, two models, two seeds; every data set is audited."""
    catalog = fill(tmp_path_factory.mktemp("clean") / "c.duckdb", qualities=MODELS, seeds=(1, 2), spec=SPEC)
    catalog.append([*map(current, TASKS), *map(audit, TASKS)])
    return catalog


@pytest.fixture
def catalog(filled, tmp_path):
    return Catalog(shutil.copy(filled.path, tmp_path / "c.duckdb"))


@pytest.fixture(scope="module")
def analysis(filled, tmp_path_factory):
    copy = Catalog(shutil.copy(filled.path, tmp_path_factory.mktemp("analysed") / "c.duckdb"))
    return analysed(copy, tuple(TASKS))[0]


def on_clean(name, seed, who="bert", layer=1):
    """Targets and predictions of the clean items, without the catalog."""
    record = predicted(who, name, layer, len(MODELS[who]), MODELS[who][layer], seed=seed)
    return targets_of(name)[CLEAN_N], record.predictions[1].scores[CLEAN_N].astype(float)


BY_HAND = {
    ("binary", "accuracy"): lambda y, p: sk.accuracy_score(y, p.argmax(axis=1)),
    ("binary", "roc_auc"): lambda y, p: sk.roc_auc_score(y, p[:, 1]),
    ("binary", "mcc"): lambda y, p: sk.matthews_corrcoef(y, p.argmax(axis=1)),
    ("binary", "brier"): lambda y, p: sk.brier_score_loss(y, p[:, 1]),
    ("classes", "balanced_accuracy"): lambda y, p: sk.balanced_accuracy_score(y, p.argmax(axis=1)),
    ("classes", "f1"): lambda y, p: sk.f1_score(y, p.argmax(axis=1), average="macro"),
    ("labels", "roc_auc"): lambda y, p: sk.roc_auc_score(y, p),
    ("labels", "auprc"): lambda y, p: sk.average_precision_score(y, p),
    ("values", "r2"): sk.r2_score,
    ("values", "spearmanr"): lambda y, p: stats.spearmanr(y[:, 0], p[:, 0]).statistic,
    ("vectors", "mse"): sk.mean_squared_error,
}


@pytest.mark.parametrize(("name", "metric"), BY_HAND, ids=" ".join)
def test_a_clean_score_is_that_of_the_clean_items_alone_averaged_over_seeds(analysis, name, metric):
    one = of(analysis, name, metric)
    by_hand = [BY_HAND[name, metric](*on_clean(name, seed, layer=one.layer)) for seed in (1, 2)]
    assert one.clean.value == pytest.approx(np.mean(by_hand), abs=1e-6)
    assert one.clean.value != pytest.approx(one.full.value, abs=1e-4)
    assert (one.n_items, one.n_clean, one.clean.n_probes) == (N_ITEMS, int(CLEAN_N.sum()), 2)
    assert one.reason is None


def test_the_interval_is_the_bootstrap_over_clean_items(analysis):
    """Against a bootstrap of shares of right answers written out here; ends move by sampling, hence 0.02."""
    one, ends = of(analysis, "binary", "accuracy"), []
    rng = np.random.default_rng(0)
    for seed in (1, 2):
        y, p = on_clean("binary", seed, layer=one.layer)
        right = p.argmax(axis=1) == y
        drawn = rng.choice(right, (4000, len(right))).mean(axis=1)
        ends.append(np.quantile(drawn, (0.025, 0.975)))
    assert (one.clean.low, one.clean.high) == pytest.approx(np.mean(ends, axis=0), abs=0.02)


def test_every_metric_of_every_chosen_layer_has_a_row(analysis):
    found = {(one.dataset, one.model, one.metric) for one in analysis.clean}
    assert found == {(name, who, m) for name in TASKS for who in MODELS for m in METRICS[TASKS[name][0]]}
    layers = {(row.dataset, row.model): row.choice.layer for row in analysis.leaderboard}
    assert all(layers[one.dataset, one.model] == one.layer for one in analysis.clean)
    for row in analysis.leaderboard:
        assert of(analysis, row.dataset, row.metric, row.model).full == row.choice.test


def test_the_view_holds_what_the_report_shows(catalog):
    analysis, _ = analysed(catalog, ("binary", "vectors"))
    sql = (
        "SELECT dataset, model, metric, avg(clean_score), avg(score), count(*) FROM clean_scores GROUP BY ALL"
    )
    rows = {row[:3]: row[3:] for row in catalog.query(sql).rows}
    assert len(rows) == len(analysis.clean)
    for one in analysis.clean:
        clean, full, seeds = rows[one.dataset, one.model, one.metric]
        assert (clean, seeds) == (pytest.approx(one.clean.value), 2)
        assert full == pytest.approx(one.full.value)


def test_nothing_is_scored_twice_and_other_marks_are_scored_anew(catalog, monkeypatch):
    first, _ = analysed(catalog, ("binary",))
    asked = []
    whole = rescoring.score_many
    monkeypatch.setattr(rescoring, "score_many", lambda *a, **o: asked.append(a) or whole(*a, **o))
    catalog.append([audit("binary", findings=())])
    assert analysed(catalog, ("binary",))[0].clean == first.clean
    assert asked == []
    catalog.append([audit("binary", clean=~CLEAN_N)])
    second, _ = analysed(catalog, ("binary",))
    assert len(asked) > 0
    assert of(second, "binary", "accuracy").clean != of(first, "binary", "accuracy").clean
    assert of(second, "binary", "accuracy").n_clean == N_ITEMS - CLEAN_N.sum()


def test_where_all_items_are_clean_scores_are_those_on_all_and_no_predictions_are_needed(tmp_path):
    catalog = Catalog(tmp_path / "c.duckdb")
    probe = without_predictions(predicted("bert", "labels", 0, 1, 0.5, spec=SPEC))
    catalog.append([model("bert"), current("labels"), audit("labels", clean=[True] * N_ITEMS), probe])
    analysis, _ = analysed(catalog, ("labels",), ("bert",))
    one = of(analysis, "labels", "roc_auc")
    assert one.clean == one.full
    assert one.n_clean == one.n_items == N_ITEMS


def test_a_threshold_is_the_probes_own(tmp_path):
    catalog = Catalog(tmp_path / "c.duckdb")
    probe = predicted("bert", "binary", 0, 1, 0.5, spec=SPEC, thresholds=(0.9,))
    catalog.append([model("bert"), current("binary"), audit("binary"), probe])
    y, p = targets_of("binary")[CLEAN_N], probe.predictions[1].scores[CLEAN_N, 1]
    one = of(analysed(catalog, ("binary",), ("bert",))[0], "binary", "accuracy")
    assert one.clean.value == pytest.approx(sk.accuracy_score(y, p >= 0.9))
    assert one.clean.value != pytest.approx(sk.accuracy_score(y, p > 0.5))


ONE_CLASS_N = targets_of("binary") == 1
OTHER = {"spec": {"data": FILES | {"train": "z"}}}
LACKING = {
    "no predictions": ({}, CLEAN_N, without_predictions, "no predictions were stored"),
    "other data": (OTHER, CLEAN_N, None, "it was probed on other data than were audited"),
    "one clean item": ({}, np.arange(N_ITEMS) == 3, None, "too few test items are clean (1)"),
}


@pytest.mark.parametrize(("options", "clean", "spoil", "why"), LACKING.values(), ids=LACKING)
def test_what_can_not_be_scored_says_why(tmp_path, options, clean, spoil, why):
    catalog = Catalog(tmp_path / "c.duckdb")
    probes = [
        predicted("bert", "binary", 0, 1, 0.5, seed=seed, **{"spec": SPEC} | options) for seed in (1, 2)
    ]
    probes = [spoil(probe) if spoil else probe for probe in probes]
    catalog.append([model("bert"), current("binary"), audit("binary", clean=clean), *probes])
    analysis, _ = analysed(catalog, ("binary",), ("bert",))
    assert {(one.clean.value, one.reason) for one in analysis.clean} == {(None, why)}
    assert len(analysis.clean) == len(METRICS[TASKS["binary"][0]])
    assert catalog.query("SELECT count(*) FROM clean_metrics").rows == [(0,)]


def test_imported_embeddings_have_no_clean_score(tmp_path):
    catalog = Catalog(tmp_path / "c.duckdb")
    probe = predicted("theirs", "binary", 0, 1, 0.5, spec=SPEC)
    catalog.append([model("theirs", "precomputed", "their.pt"), current("binary"), audit("binary"), probe])
    analysis, _ = analysed(catalog, ("binary",), ("theirs",))
    assert {one.reason for one in analysis.clean} == {
        "its embeddings were imported, so what they are of can't be told"
    }


def test_with_one_class_left_some_metrics_are_undefined_and_say_so(catalog):
    catalog.append([audit("binary", clean=ONE_CLASS_N)])
    analysis, _ = analysed(catalog, ("binary",))
    auc, accuracy = (of(analysis, "binary", metric) for metric in ("roc_auc", "accuracy"))
    assert auc.clean.value is None
    assert "class" in auc.reason
    assert accuracy.reason is None
    right = [
        predicted("bert", "binary", accuracy.layer, 3, MODELS["bert"][accuracy.layer], seed=seed)
        .predictions[1].scores[ONE_CLASS_N].argmax(axis=1).mean()
        for seed in (1, 2)
    ]  # fmt: skip
    assert accuracy.clean.value == pytest.approx(np.mean(right))


def test_an_audit_of_older_data_is_shown_as_such_and_nothing_is_scored_by_it(catalog):
    catalog.append([replace(current("binary"), sha256="changed")])
    analysis, _ = analysed(catalog, ("binary", "values"))
    assert [(one.dataset, one.is_current) for one in analysis.results.audits] == [
        ("binary", False),
        ("values", True),
    ]
    assert {one.dataset for one in analysis.clean} == {"values"}
    said = " ".join(red_datasets(analysis))
    assert "binary is red in its audit (the data have changed since): copies" in said
    assert other_datasets(analysis) == ("Changed since the audit: binary (seqbench datasets audit CONFIG).",)


def test_audits_come_back_with_findings_controls_and_splits(analysis):
    made = audit("binary")
    one = next(one for one in analysis.results.audits if one.dataset == "binary")
    assert (one.verdict, one.is_current) == ("red", True)
    assert [(f.check, f.severity, f.share, f.red, f.says) for f in one.findings] == [
        (f.check, f.severity, f.share, f.red, f.says) for f in made.findings
    ]
    assert [(s.split, s.n_items, s.marks) for s in one.splits] == [
        (s.split, s.n_items, s.marks) for s in made.splits
    ]
    length, identity = one.controls
    assert (length.control, length.value, length.low, length.high) == ("length alone", 0.75, 0.5, 1.0)
    assert (identity.value, identity.reason) == (None, "items have one sequence")


def test_a_catalog_without_audits_says_how_to_make_them_and_nothing_else(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", ("binary", "values"), MODELS)
    analysis, _ = analysed(catalog, ("binary", "values"))
    assert analysis.clean == analysis.results.audits == red_datasets(analysis) == ()
    assert other_datasets(analysis) == ("Not audited: binary and values (seqbench datasets audit CONFIG).",)
    assert {"clean", "clean_metrics"}.isdisjoint(table.name for table in tables(analysis, []))


def test_the_summary_names_red_data_sets_with_the_worst_finding_and_what_is_left(catalog):
    findings = (finding(share=0.4, red=0.05), finding("length alone", share=0.61, red=0.6))
    catalog.append([audit("binary", findings=findings), audit("values", findings=())])
    catalog.append([audit("labels", findings=(finding("lower case", "yellow", 0.2, None),))])
    analysis, _ = analysed(catalog, ("binary", "values", "labels"))
    one = of(analysis, "binary", "accuracy")
    (said,) = red_datasets(analysis)
    assert said == (
        "binary is red in its audit: copies: 2 of 5 test items (40.0%); memory answers them. "
        f"{CLEAN_N.sum()} of {N_ITEMS} test items are clean: bert scores {one.clean.value:.3f} accuracy "
        f"there, {one.full.value:.3f} on all."
    )
    assert said in summarize(analysis)
    assert other_datasets(analysis) == ("Audited yellow: labels (lower case).",)


def test_the_tables_show_both_scores(analysis):
    found = {table.name: table.parts[0] for table in tables(analysis, [])}
    short, long = found["clean"], found["clean_metrics"]
    assert len(short.rows) == len(TASKS) * len(MODELS)
    assert len(long.rows) == len(analysis.clean)
    row = dict(zip(long.columns, long.rows[0], strict=True))
    one = analysis.clean[0]
    assert (row["verdict"], row["score"], row["clean_score"]) == ("red", one.full.value, one.clean.value)
    assert row["difference"] == pytest.approx(one.clean.value - one.full.value)


def test_a_catalog_that_can_not_be_written_costs_a_remark(catalog, monkeypatch):
    from seqbench.errors import CatalogError

    def refuse(*_):
        raise CatalogError("the disk is full")

    analysed(catalog, ("binary",))  # migrated and compared: only scores on clean items are left
    with catalog.writing() as connection:
        connection.execute("DELETE FROM clean_metrics")
    monkeypatch.setattr(recording.Catalog, "append", refuse)
    analysis, notes = analysed(catalog, ("binary",))
    assert of(analysis, "binary", "accuracy").clean.value is not None
    assert notes == ["scores on clean items are not kept, and will be made again next time: the disk is full"]
