"""A whole report in a folder."""

import subprocess
import sys
from html.parser import HTMLParser

import pytest
from report_records import NAMES, fill, selection

from seqbench.catalog import Catalog
from seqbench.errors import CatalogError, CatalogNotFoundError, ConfigError
from seqbench.progress import Silent
from seqbench.report import ReportSettings, write_report

TWO = (NAMES[0], NAMES[4])
VOID = {"meta", "link", "br", "hr", "img", "input"}


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


class _Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.open, self.links, self.ids = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src", "xlink:href")]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_all_files_are_there_by_their_names(outcome):
    assert [path.name for path in outcome.files] == [
        *(f"best_{name}.{form}" for name in ("accuracy", "roc_auc-accuracy", "r2") for form in ("tsv", "md")),
        "last_layer.tsv",
        "last_layer.md",
        "layers_roc_auc-accuracy_mlp.png",
        "layers_roc_auc-accuracy_mlp.svg",
        "index.html",
    ]
    assert sorted(outcome.files) == sorted(outcome.page.parent.iterdir())


def test_the_page_is_well_formed_and_needs_nothing_but_itself(outcome):
    page = _Tags(outcome.page.read_text())
    assert page.open == []
    beside = {path.name for path in outcome.files}
    assert {link for link in page.links if not link.startswith("#")} <= beside
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "<script" not in outcome.page.read_text()


def test_the_page_says_who_leads_what_failed_and_where_it_comes_from(outcome):
    page = outcome.page.read_text()
    for words in (*outcome.sentences, "prefers-color-scheme: dark", "torch 2.13.0", "2026-01-02 03:04:05"):
        assert words in page
    assert "loss became &lt;NaN&gt; at epoch 3 &amp; stayed" in page
    assert "<b>onehot</b> (mlp): deephf" in page


def test_the_outcome_tells_rank_missing_and_failed(outcome):
    assert {row.dataset for row in outcome.leaderboard} == {"prom_core", "deephf"}
    assert outcome.ceilings == {"prom_core": 0.97, "deephf": 0.97}
    assert [(place.model, place.dataset) for place in outcome.missing] == [("onehot", "deephf")]
    assert [failure.layers for failure in outcome.failed] == [(1,)]


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
        "2 probes failed and 2 of 2 combinations have no results (listed at the end of the page).",
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
