"""A whole report in a folder."""

import subprocess
import sys

import pytest
from report_records import NAMES, fill, selection

from seqbench.catalog import Catalog
from seqbench.core.progress import Silent
from seqbench.errors import CatalogError, CatalogNotFoundError, ConfigError
from seqbench.report import ReportSettings, write_report
from seqbench.report.figures.drawn import draw_all

TWO = (NAMES[0], NAMES[4])


def _write(catalog, out, **wanted):
    wanted.setdefault("datasets", tuple(name for name, _ in TWO))
    settings = ReportSettings(
        out=out,
        best_table=("accuracy", ("roc_auc", "accuracy"), "r2"),
        layer_figure=(("roc_auc", "accuracy"),),
    )
    return write_report(catalog=catalog, selection=selection(**wanted), settings=settings, reporter=Silent())


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    catalog = fill(
        folder / "c.duckdb",
        datasets=TWO,
        layers=3,
        skip={("onehot", "deephf")},
        fail={("dna-bert", "prom_core", 1)},
    )
    return _write(catalog, folder / "out")


def _made(outcome):
    return {path.relative_to(outcome.page.parent).as_posix() for path in outcome.files}


def _on_disk(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_all_files_are_there_by_their_names(outcome):
    bests = ("best_accuracy", "best_roc_auc-accuracy", "best_r2", "last_layer", "leaderboard")
    expected = {f"tables/{name}.{form}" for name in bests for form in ("tsv", "md")}
    expected |= {f"figures/layers_roc_auc-accuracy_mlp.{form}" for form in ("png", "svg")}
    assert expected | {"tables/model-index/dna-bert.yml", "index.html"} <= _made(outcome)
    assert _on_disk(outcome.page.parent) == _made(outcome) | {".made.json", "figures/.drawn.json"}


def test_the_page_links_every_other_file(outcome):
    page = outcome.page.read_text()
    assert all(f'"{name}"' in page for name in _made(outcome) - {"index.html"})


def test_the_outcome_tells_rank_missing_and_failed(outcome):
    results = outcome.analysis.results
    assert {row.dataset for row in outcome.analysis.leaderboard} == {"prom_core", "deephf"}
    assert [(place.model, place.dataset) for place in results.missing] == [("onehot", "deephf")]
    assert [failure.layers for failure in results.failed] == [(1,)]
    assert outcome.sentences


def test_files_that_would_not_change_are_left_and_those_no_longer_made_are_removed(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=TWO, layers=2)
    out = tmp_path / "out"
    first = _write(catalog, out)
    (out / "tables" / "mine.tsv").write_text("a user's own")
    times = {path: path.stat().st_mtime_ns for path in first.files}
    assert all(path.stat().st_mtime_ns == times[path] for path in _write(catalog, out).files)
    smaller = _write(catalog, out, datasets=("deephf",), models=("dna-bert",))
    assert "figures/layers_roc_auc-accuracy_mlp.png" not in _on_disk(out)
    assert _on_disk(out) == _made(smaller) | {".made.json", "figures/.drawn.json", "tables/mine.tsv"}


def test_a_list_of_made_files_that_leads_outside_removes_nothing_there(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=TWO, layers=2)
    (tmp_path / "kept.txt").write_text("kept")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".made.json").write_text('["../kept.txt", 3]')
    _write(catalog, tmp_path / "out")
    assert (tmp_path / "kept.txt").read_text() == "kept"


def test_the_same_catalog_gives_the_same_bytes(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=TWO, layers=2)
    first, second = (_write(catalog, tmp_path / name) for name in ("a", "b"))
    for one, other in zip(first.files, second.files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_failures_alone_still_make_a_report(tmp_path):
    fail = {("dna-bert", name, 0) for name, _ in TWO}
    catalog = fill(tmp_path / "c.duckdb", datasets=TWO, models=("dna-bert",), layers=1, fail=fail)
    outcome = _write(catalog, tmp_path / "out", models=("dna-bert",))
    assert outcome.sentences == (
        "No model has a score on test yet.",
        "2 probes failed: loss became <NaN> at epoch 3 & stayed.",
        "2 of 2 combinations have no results: dna-bert × prom_core and dna-bert × deephf.",
    )


def test_nothing_of_the_selection_is_an_error_that_says_what_to_do(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=TWO, layers=2)
    with pytest.raises(CatalogError, match=r"holds no results .* run `seqbench probe`"):
        _write(catalog, tmp_path / "out", models=("other",))
    with pytest.raises(CatalogNotFoundError):
        _write(Catalog(tmp_path / "none.duckdb"), tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_an_error_that_names_the_key(tmp_path):
    catalog = fill(tmp_path / "c.duckdb", datasets=TWO, layers=2)
    (tmp_path / "out").write_text("a file")
    with pytest.raises(ConfigError, match=r"report\.out"):
        _write(catalog, tmp_path / "out")


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, seqbench.report\n"
        "print(*{'torch', 'transformers', 'pandas', 'sklearn', 'matplotlib', 'jinja2'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_figures_are_drawn_again_only_where_they_changed(tmp_path, monkeypatch):
    catalog = fill(tmp_path / "c.duckdb", datasets=TWO, layers=3)
    made = _write(catalog, tmp_path / "out")
    figures = sorted(path for path in made.files if path.parent.name == "figures")
    before = {path: path.read_bytes() for path in figures}
    asked = []

    def drawing(wanted, formats, *, processes):
        asked.extend(figure.name for figure in wanted)
        return draw_all(wanted, formats, processes=processes)

    monkeypatch.setattr("seqbench.report.write.draw_all", drawing)
    assert _write(catalog, tmp_path / "out").files == made.files
    assert asked == []
    figures[0].unlink()
    figures[-1].write_bytes(b"somebody's own")
    _write(catalog, tmp_path / "out")
    assert asked == sorted({figures[0].stem, figures[-1].stem}, key=asked.index)
    assert len(asked) == 2
    assert {path: path.read_bytes() for path in figures} == before
