"""The third stage: tables, figures and a page from the catalog."""

from seqbench.report.leaderboard import LeaderRow
from seqbench.report.selection import Selection
from seqbench.report.terminal import leaderboard_table
from seqbench.report.terminal_trained import trained_ways_table
from seqbench.report.write import ReportOutcome, ReportSettings, write_report

__all__ = [
    "LeaderRow",
    "ReportOutcome",
    "ReportSettings",
    "Selection",
    "leaderboard_table",
    "trained_ways_table",
    "write_report",
]
