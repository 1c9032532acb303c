"""Running fenced blocks of the documentation in the current folder, each kind in its own way."""

import contextlib
import glob
import io
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from seqbench.catalog import open_catalog
from seqbench.cli.main import app
from seqbench.config import load_config
from seqbench.datasets.info import read_info
from tests.docs.pages import ROOT, Block

BASE = {"models": [{"kind": "kmer"}], "datasets": {"root": "data"}}
"""What a piece of a config is put into to be checked."""

GROUPS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def run(block: Block, names: dict[str, Any]) -> list[str]:
    """Run a block, or check it where it is no program; a block with a title becomes the file of that name.

    Args:
        block: Of a page.
        names: What the page's Python blocks share.

    Returns:
        What is wrong: it does not run, or prints other lines than the page says.

    Raises:
        Exception: A Python block or a config raised it.
    """
    if block.title is not None:
        path = Path(block.title)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    return list(_RUN[block.language](block, names)) if block.language in _RUN else []


def _python(block: Block, names: dict[str, Any]) -> Iterable[str]:
    code = compile(block.text, block.place, "exec")
    if block.title is None:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, names)
    return ()


def _shell(block: Block, _: dict[str, Any]) -> Iterable[str]:
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield from _command(line, block.place)[1]


def _console(block: Block, _: dict[str, Any]) -> Iterable[str]:
    """Commands behind `$ `, each with lines that it must print; `…` stands for anything."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *said = part.replace("\\\n", " ").splitlines()
        wanted = [line for line in said if line.strip()]
        fails = any(line.startswith("seqbench: ") for line in wanted)
        shown, faults = _command(command, block.place, exit_code=2 if fails else 0)
        yield from faults
        got = [" ".join(line.split()) for line in shown.splitlines()]
        for line in wanted:
            pattern = ".*".join(map(re.escape, " ".join(line.split()).split("…")))
            if not any(re.fullmatch(pattern, each) for each in got):
                yield f"{block.place}: {line!r} not in\n{shown}"


def _command(line: str, place: str, exit_code: int = 0) -> tuple[str, list[str]]:
    """Run `seqbench …` in this process; of other commands see that what they name exists.

    Returns:
        What was printed, and the faults.
    """
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if words[0] == "seqbench":
        return _seqbench(words[1:], place, exit_code)
    if words[:2] == ["pip", "install"]:
        extras = re.findall(r"\[([\w,-]+)\]", line)
        good = all(extra in GROUPS for found in extras for extra in found.split(","))
    elif words[0] == "make":
        good = set(words[1:]) <= TARGETS
    elif words[0] == "python":
        good = (ROOT / words[1]).exists() or Path(words[1]).exists()
    else:
        good = words[0] in {"cd", "git"}
    return "", [] if good else [f"{place}: names what is not there, or can't be tested: {line}"]


def _seqbench(words: list[str], place: str, exit_code: int) -> tuple[str, list[str]]:
    out = None
    if ">" in words:
        out = Path(words[words.index(">") + 1])
        words = words[: words.index(">")]
    arguments = [name for word in words for name in (sorted(glob.glob(word)) or [word])]
    done = CliRunner().invoke(app, arguments)
    if out is not None:
        out.write_text(done.stdout, encoding="utf-8")
    good = done.exit_code == exit_code
    return done.output, [] if good else [f"{place}: {words}\n{done.output}\n{done.exception!r}"]


def _yaml(block: Block, _: dict[str, Any]) -> Iterable[str]:
    """A whole config, a piece of one, or a file of entries of data sets."""
    if block.title is not None and block.title.endswith("datasets_info.yaml"):
        entries, warnings = read_info(Path(block.title))
        return [f"{block.place}: no entries"] if not entries else warnings
    written = yaml.safe_load(block.text)
    if {"models", "datasets"} <= written.keys() or "model_path" in written:
        path, text = Path(block.title or "checked.yaml"), block.text
    else:
        path, text = Path("checked.yaml"), yaml.safe_dump({**BASE, **written})
    path.write_text(text, encoding="utf-8")
    load_config(path)
    return ()


def _json(block: Block, _: dict[str, Any]) -> Iterable[str]:
    for line in block.text.splitlines():
        json.loads(line)
    return ()


def _sql(block: Block, _: dict[str, Any]) -> Iterable[str]:
    open_catalog("catalog.duckdb").query(block.text)
    return ()


_RUN: dict[str, Callable[[Block, dict[str, Any]], Iterable[str]]] = {
    "python": _python,
    "bash": _shell,
    "console": _console,
    "yaml": _yaml,
    "json": _json,
    "jsonl": _json,
    "sql": _sql,
}
LANGUAGES = {*_RUN, "", "text", "py"}
"""What a fence may be marked with: programs, files, plain text, and `py` for the signatures of the API."""
