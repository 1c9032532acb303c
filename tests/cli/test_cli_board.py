"""Several bars at once, on a terminal and in a pipe."""

import io

import pytest
from rich.console import Console

from seqbench.core.progress import ConsoleReporter
from seqbench.core.progress_display import Board
from seqbench.schedule.display import Display
from seqbench.schedule.events import WorkerLoad
from tests.schedule.test_schedule_graph import graph, pair


def told(*, terminal: bool) -> tuple[ConsoleReporter, io.StringIO]:
    out = io.StringIO()
    return ConsoleReporter(Console(file=out, force_terminal=terminal, width=100)), out


def play(board: Board) -> None:
    """Two shards of one data set, side by side with its probes' bar."""
    made = graph(pair("m", "d", 2))
    display = Display(board, made, side_by_side=True)
    for node in made.nodes:
        display.started(node)
    load = WorkerLoad(name="gpu-0", used=4, power=5, running=(made.nodes[0].group,))
    idle = WorkerLoad(name="gpu-1", used=0, power=5, running=())
    display.workers([load, idle])
    for node in made.nodes:
        display.advanced(node, node.amount)
        display.tokens(node, 1000)
        display.ended(node, done=True)


def test_a_terminal_shows_bars_and_what_each_worker_does() -> None:
    reporter, out = told(terminal=True)
    with reporter.board() as board:
        play(board)
    shown = out.getvalue()
    for text in ("[1/2] extract m × d", "[2/2] probe", "gpu-0  4 of 5  extract m × d", "1 workers idle"):
        assert text in shown


def test_a_pipe_gets_a_line_for_each_bar_that_is_done() -> None:
    reporter, out = told(terminal=False)
    with reporter.board() as board:
        play(board)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("[1/2] extract m × d: 200 items in")
    assert "tokens/s" in lines[0]
    assert lines[1].startswith("[2/2] probe: 2 probes in")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_task_within_a_board_is_a_bar_of_it(terminal: bool) -> None:
    reporter, out = told(terminal=terminal)
    with reporter.board(), reporter.task("read", 3, "items") as advance:
        advance(3)
    assert "read: 3 items in" in out.getvalue()
