"""What commands print fits a terminal and a pipe."""

import io

import pytest
from rich.console import Console

from seqbench.config.problems import _not_among
from seqbench.core.progress import ConsoleReporter, human
from tests.command import seqbench


def reporter(*, terminal: bool, width: int = 80) -> tuple[ConsoleReporter, io.StringIO]:
    out = io.StringIO()
    return ConsoleReporter(Console(file=out, force_terminal=terminal, width=width)), out


def test_a_pipe_gets_one_plain_line_a_task() -> None:
    told, out = reporter(terminal=False)
    with told.task("extract m × d", 100, "items") as advance:
        for _ in range(100):
            advance(1)
    assert out.getvalue().startswith("extract m × d: 100 items in ")
    assert out.getvalue().count("\n") == 1
    assert "\x1b" not in out.getvalue()


def test_long_work_in_a_pipe_says_how_far_it_is_and_how_long_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seqbench.core.progress_display.PLAIN_SECONDS", 0.0)
    told, out = reporter(terminal=False)
    with told.task("probe", 4, "probes") as advance:
        advance(1)
    assert "probe: 25% (" in out.getvalue()
    assert "probes/s, " in out.getvalue()
    assert "s left)" in out.getvalue()


def test_a_terminal_gets_a_bar_within_its_width() -> None:
    told, out = reporter(terminal=True, width=80)
    with told.task("extract a-model × a-data-set", 10, "items") as advance:
        advance(10)
    assert "100%" in out.getvalue()


def test_a_note_is_one_line_however_long_and_is_no_markup() -> None:
    told, out = reporter(terminal=False)
    told.note("x" * 300 + " [bold]")
    assert out.getvalue() == "x" * 300 + " [bold]\n"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (27_700, "27.7k"), (1.5e6, "1.5M"), (2e12, "2T")]
)
def test_counts_are_written_with_three_digits(number: float, text: str) -> None:
    assert human(number) == text


@pytest.mark.parametrize("group", [(), ("datasets",), ("datasets", "import"), ("store",), ("probe",)])
def test_helps_of_commands_are_whole_at_80_columns(
    group: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = seqbench(*group, "--help").stdout
    listed = shown[shown.index("Commands:") :]
    assert "..." not in listed
    assert max(map(len, listed.splitlines())) <= 80


def test_a_metrics_short_name_is_told_the_name_that_was_meant() -> None:
    found = [
        _not_among("'accuracy', 'roc_auc', 'auprc' or 'spearmanr'", name)
        for name in ("auc", "Spearman", "ap")
    ]
    assert [each.rpartition("; ")[2] for each in found] == [
        "did you mean roc_auc?", "did you mean spearmanr?", "did you mean auprc?"
    ]  # fmt: skip
