"""The report's page: one HTML file that needs nothing else, and may ask nobody for anything.

The page holds the analysis as JSON, and scripts and styles that draw it in the browser. Its content security
policy names them by their hashes and forbids everything else, connections above all.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files as resources
from typing import Any

from seqbench.report.analysis import Analysis
from seqbench.report.page.payload import palette, payload
from seqbench.report.sentences.audits import red_datasets
from seqbench.report.summary import summarize

STYLES = ("page", "controls", "tables", "charts", "audit", "tracks", "print")
SCRIPTS = (
    "dom",
    "numbers",
    "data",
    "state",
    "rows",
    "audits",
    "tooltip",
    "table",
    "download",
    "figure",
    "axes",
    "chart_layers",
    "chart_matrix",
    "chart_ranks",
    "chart_gains",
    "chart_training",
    "chart_dataset",
    "chart_audit",
    "chart_trained",
    "chart_effects",
    "board",
    "clean",
    "section_leaderboard",
    "audit_parts",
    "section_audit",
    "section_figures",
    "section_pairs",
    "section_trained",
    "section_trials",
    "section_adaptation",
    "section_tracks",
    "dataset_parts",
    "section_dataset",
    "section_provenance",
    "controls",
    "main",
)
"""Files of `assets/` in the order in which they become one style sheet and one script."""

MOST_RED = 4
"""Red data sets that the head of the page tells of; the others are counted."""


def render_page(analysis: Analysis, *, files: Sequence[str] = ()) -> str:
    """Render the page. Equal arguments give equal text.

    Args:
        analysis: What the report concludes.
        files: Tables and figures to link, as paths relative to the page.

    Returns:
        HTML. Names, labels and reasons in it are text, whatever they hold.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    sentences = summarize(analysis)
    red = red_datasets(analysis)
    names = [audit.dataset for audit in analysis.results.audits if audit.verdict == "red"]
    style = palette() + _joined("css", STYLES)
    script = f'"use strict";\n(() => {{\n{_joined("js", SCRIPTS)}\n}})();\n'
    environment = Environment(
        loader=PackageLoader("seqbench.report.page", "assets"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html").render(
        sentences=[sentence for sentence in sentences if sentence not in red],
        red=list(zip(names, red, strict=True)),
        most_red=MOST_RED,
        n_datasets=len(analysis.results.datasets),
        policy=_policy(script, style),
        style=Markup(style),
        script=Markup(script),
        data=Markup(embedded(payload(analysis, sentences=sentences, files=files))),
    )


def embedded(content: Any) -> str:
    """JSON that can stand in a `<script>`: no letter of it can end the element or start another."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _joined(suffix: str, names: Sequence[str]) -> str:
    folder = resources("seqbench.report.page") / "assets"
    return "\n".join((folder / f"{name}.{suffix}").read_text(encoding="utf-8") for name in names)


def _policy(script: str, style: str) -> str:
    """Run this script, use this style sheet, and nothing else: no connection, no frame, no form."""
    parts = (
        "default-src 'none'",
        f"script-src '{_digest(script)}'",
        f"style-src '{_digest(style)}'",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(parts)


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
