"""What a report shows of adaptation: bits, gains, curves, and a sentence on what was forgotten."""

from dataclasses import replace

import numpy as np
import pytest
from adapted_rows import with_bits
from analyses import analysis
from predicted_records import fill

from seqbench.core.progress import Silent
from seqbench.report.analyse import analyse
from seqbench.report.figures.every import figures
from seqbench.report.page.document import render_page
from seqbench.report.selection import Selection
from seqbench.report.summary import summarize
from seqbench.report.tables.every import forms, tables
from tests.catalog.catalog_records import likelihood_record


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    catalog = fill(tmp_path_factory.mktemp("adaptation") / "c.duckdb", ("binary",))
    random = np.random.default_rng(0)
    letters = random.integers(50, 150, 80)
    bits = letters * random.normal(1.9, 0.2, 80)
    about = {"rows_N": np.arange(80), "letters_N": letters}
    adapted = {"base": "bert", "step": 100, "model": "other"}
    catalog.append(
        [
            likelihood_record(key="a", bits_N=bits, bits=bits.sum() / letters.sum(), **about),
            likelihood_record(
                key="b",
                bits_N=bits - 0.1 * letters,
                bits=bits.sum() / letters.sum() - 0.1,
                **about,
                **adapted,
            ),
            likelihood_record(key="c", corpus="host", is_watched=True, bits_N=bits, **about),
            likelihood_record(
                key="d",
                corpus="host",
                is_watched=True,
                documents_sha256="else",
                bits_N=bits,
                **about,
                **adapted,
            ),
        ]
    )
    wanted = Selection(models=("bert", "other"), datasets=("binary",), heads=("mlp",))
    return analyse(catalog, wanted, Silent()).results.bits


def test_a_gain_is_paired_by_document(found):
    gains = {(one.model, one.corpus): one.gain for one in found}
    assert gains["bert", "phage"] is None
    gain = gains["other", "phage"]
    assert gain.difference == pytest.approx(0.1)
    # What documents have in common cancels, so nothing is left that varies, and there is no interval.
    assert gain.low is None or gain.high - gain.low < 1e-9


def test_bits_of_other_letters_are_not_compared(found):
    gains = {(one.model, one.corpus): one.gain for one in found}
    assert gains["other", "host"] is None


def test_watched_corpora_come_last(found):
    assert [one.corpus for one in found] == ["phage", "phage", "host", "host"]


@pytest.fixture(scope="module")
def adapted():
    return with_bits(analysis(3, 2, 4))


def test_sentences_tell_what_was_learned_what_forgotten_and_what_is_best(adapted):
    said = " ".join(summarize(adapted))
    assert (
        "phage-bert needs fewer bits than genome-bert-12l on phage (+0.060 bits a base, +0.051 to +0.069)"
        in said
    )
    assert "forgot of host (−0.030 bits a base, −0.039 to −0.021)" in said
    assert "the mixture of phage-bert is best" in said


def test_the_table_has_a_row_a_model_and_corpus(adapted):
    (table,) = (table for table in tables(adapted, []) if table.name == "adaptation")
    header, *rows = (line.split("\t") for line in dict(forms(table, ["tsv"]))["tsv"].splitlines())
    assert len(rows) == 12
    last = dict(zip(header, rows[-1], strict=True))
    assert (last["corpus"], last["watched"], last["step"], last["gain"]) == ("host", "true", "1000", "-0.03")


def test_figures_show_bits_by_model_and_by_step(adapted):
    drawn = {figure.name: figure for figure in figures(adapted, []) if figure.name.startswith("adaptation")}
    heat, steps = (drawn[name].files(["svg"])["svg"].decode() for name in ("adaptation", "adaptation_steps"))
    for words in ("1.950", "1.890", "phage-bert", "watched, bits a base"):
        assert f">{words}<" in heat
    for words in ("bits a base", "steps", "prom_core"):
        assert f">{words}<" in steps


def test_models_that_were_measured_and_not_extracted_are_drawn_too(adapted):
    results = replace(adapted.results, models=adapted.results.models[:1])
    bare = replace(adapted, results=results, leaderboard=())
    drawn = [figure for figure in figures(bare, []) if figure.name.startswith("adaptation")]
    names = [figure.name for figure in drawn if figure.files(["svg"])]
    assert names == ["adaptation", "adaptation_steps"]
    assert any("forgot of host" in sentence for sentence in summarize(bare))


def test_the_page_holds_every_row(adapted):
    assert '"corpus":"clinic notes"' in render_page(adapted).replace(" :", ":").replace(": ", ":")


def test_without_adaptation_there_is_neither_figure_nor_row():
    plain = analysis(3, 2, 4)
    assert not [figure for figure in figures(plain, []) if figure.name.startswith("adaptation")]
    assert not [
        row
        for table in tables(plain, [])
        if table.name == "adaptation"
        for part in table.parts
        for row in part.rows
    ]
