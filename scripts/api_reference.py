"""Write docs/api.md: what can be called from Python, from signatures and docstrings in the source."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

HEAD = """# Python API

Made from signatures and docstrings by `make docs`. [From Python](python.md) shows the usual ways. What is not
listed here may change at any time.

Letters at the end of a name tell an array's axes: N items, S sequences of an item, H hidden width, T targets.
"""
WIDTH = 76
"""Characters of a signature that stays on one line."""

TITLES = {"Args": "Arguments"}

LISTED: dict[str, dict[str, tuple[str, ...]]] = {
    "Opening": {"seqbench.store.opening:open_store": (), "seqbench.catalog.catalog:open_catalog": ()},
    "Embeddings": {
        "seqbench.store.store:Store": ("__getitem__", "keys", "model", "verify"),
        "seqbench.store.entry:StoredEmbeddings as Embeddings": (
            "name", "splits", "layers", "complete_layers", "load", "array", "read_rows", "xarray",
            "torch_dataset", "labels", "items", "rounding_error", "strand_cosine",
        ),
        "seqbench.store.readers:LayerArray": ("__getitem__", "numpy", "torch", "dask", "nbytes"),
        "seqbench.store.torch_data:ChunkDataset": ("set_epoch",),
        "seqbench.store.token_entry:TokenEmbeddings": (
            "tokens", "offsets", "spans", "token_dataset", "xarray",
        ),
        "seqbench.store.tokens:TokenArray": ("__getitem__", "read", "lengths_NS", "n_tokens", "dask"),
        "seqbench.store.tokens:Ragged": ("__getitem__", "sequence", "lengths_Q", "take", "padded"),
        "seqbench.store.token_data:TokenDataset": (),
        "seqbench.store.token_data:pad_items": (),
        "seqbench.store.records:ItemFacts": (),
        "seqbench.store.records:EmbeddingFacts": ("data_hash",),
    },
    "Catalog": {
        "seqbench.catalog.catalog:Catalog": ("query", "results", "leaderboard"),
        "seqbench.catalog.query:QueryResult": ("to_pandas", "write_parquet"),
    },
    "Data sets": {
        "seqbench.datasets.registry:resolve": (),
        "seqbench.datasets.dataset:open_dataset": (),
        "seqbench.datasets.dataset:Dataset": ("n_seqs",),
        "seqbench.datasets.dataset:Split": ("labels", "lengths", "line", "sequences"),
        "seqbench.datasets.planted.write:make_planted": (),
    },
    "Running": {
        "seqbench.config.load:load_config": (),
        "seqbench.config.load:LoadedConfig": (),
        "seqbench.schedule.run:run": (),
        "seqbench.schedule.run:look": (),
        "seqbench.schedule.run:Outcome": (),
        "seqbench.core.progress:Silent": (),
    },
    "Report": {
        "seqbench.report.write:write_report": (),
        "seqbench.report.selection:Selection": (),
        "seqbench.report.write:ReportSettings": (),
        "seqbench.report.write:ReportOutcome": (),
        "seqbench.report.analyse:analyse": (),
        "seqbench.report.analysis:Analysis": (),
    },
    "Trained heads": {"seqbench.probe.saving:load": (), "seqbench.predict.predict:predict": ()},
    "Scores": {"seqbench.metrics.scoring:score": (), "seqbench.metrics.scores:MetricScore": ()},
}  # fmt: skip
"""Sections, and in each the objects with those of their members that are told."""

SHORT = {
    "seqbench.store.opening": "seqbench",
    "seqbench.catalog.catalog": "seqbench.catalog",
    "seqbench.catalog.query": "seqbench.catalog",
    "seqbench.store.store": "seqbench.store",
    "seqbench.store.entry": "seqbench.store",
    "seqbench.store.readers": "seqbench.store",
    "seqbench.store.records": "seqbench.store",
    "seqbench.store.token_entry": "seqbench.store",
    "seqbench.store.tokens": "seqbench.store",
    "seqbench.config.load": "seqbench.config",
    "seqbench.report.write": "seqbench.report",
    "seqbench.report.selection": "seqbench.report",
    "seqbench.probe.saving": "seqbench.predict",
    "seqbench.predict.predict": "seqbench.predict",
    "seqbench.metrics.scoring": "seqbench.metrics",
    "seqbench.metrics.scores": "seqbench.metrics",
}
"""Where an object is to be imported from, if not from where it is written."""

Definition = ast.FunctionDef | ast.ClassDef


def section(place: str, members: tuple[str, ...]) -> Iterator[str]:
    """One function, or a class with its fields and some of its methods."""
    module, _, written = place.partition(":")
    source, _, other = written.partition(" as ")
    name, node = other or source, _definition(module, source)
    yield f"\n### {name}\n"
    if isinstance(node, ast.FunctionDef):
        yield from _function(node, f"{_package(module, name)}.{name}")
        return
    about = re.split(r"^Args:\n", ast.get_docstring(node) or "", flags=re.MULTILINE)[0]
    yield f"`{_package(module, name)}.{name}`\n\n{about.strip()}"
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name in members]
    if fields := [*_fields(node), *(_property(each) for each in methods if _is_property(each))]:
        yield "\n| field | type | meaning |\n|---|---|---|"
        yield from fields
    for method in methods:
        if not _is_property(method):
            shown = f"{name}[…]" if method.name == "__getitem__" else f"{name}.{method.name}"
            yield f"\n#### {shown}\n"
            yield from _function(method, method.name)


def prose(docstring: str) -> str:
    """A Google docstring as Markdown: its sections become lists."""
    parts = re.split(r"^(Args|Returns|Raises|Yields):\n", docstring, flags=re.MULTILINE)
    lines = [parts[0].strip()]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        lines += ["", f"**{TITLES.get(title, title)}**", ""]
        if title in ("Returns", "Yields"):
            lines.append(" ".join(body.split()))
            continue
        for entry in re.split(r"^ {4}(?=\S)", body, flags=re.MULTILINE):
            if entry.strip():
                key, _, meaning = " ".join(entry.split()).partition(": ")
                lines.append(f"- `{key}`: {meaning}")
    return "\n".join(lines)


def _definition(module: str, name: str) -> Definition:
    for node in _source(module).body:
        if isinstance(node, Definition) and node.name == name:
            return node
    raise SystemExit(f"{module} has no {name}: correct scripts/api_reference.py")


def _package(module: str, name: str) -> str:
    """Where the object is imported from; checked to be so."""
    package = "seqbench" if name == "open_catalog" else SHORT.get(module, module)
    if package != module and f"'{name}'" not in ast.unparse(_source(package)):
        raise SystemExit(f"{package} does not give {name}: correct scripts/api_reference.py")
    return package


def _source(module: str) -> ast.Module:
    """A module or a package as it is written; nothing is imported."""
    path = ROOT.joinpath(*module.split("."))
    return ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())


def _function(node: ast.FunctionDef, shown: str) -> Iterator[str]:
    """Signature and docstring."""
    returns = f" -> {_annotation(node.returns)}" if node.returns else ""
    yield f"```py\n{shown}{_parameters(node.args, len(shown + returns))}{returns}\n```\n"
    yield prose(ast.get_docstring(node) or "")


def _parameters(arguments: ast.arguments, around: int) -> str:
    """What is in the parentheses, on one line where it fits."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[Any] = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    parts = [_parameter(*each) for each in zip(positional, defaults, strict=True) if each[0].arg != "self"]
    if arguments.vararg:
        parts.append(f"*{_parameter(arguments.vararg, None)}")
    elif arguments.kwonlyargs:
        parts.append("*")
    parts += [_parameter(*each) for each in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    if arguments.kwarg:
        parts.append(f"**{_parameter(arguments.kwarg, None)}")
    line = f"({', '.join(parts)})"
    if len(line) + around <= WIDTH:
        return line
    return "(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    annotation = f": {_annotation(argument.annotation)}" if argument.annotation else ""
    return f"{argument.arg}{annotation}" + (f" = {ast.unparse(default)}" if default else "")


def _annotation(node: ast.expr | None) -> str:
    """A type as it is written, without the quotes of those that are not imported."""
    if node is None:
        return ""
    return re.sub(r"'([\w.]+)'", r"\1", ast.unparse(node))


def _fields(node: ast.ClassDef) -> Iterator[str]:
    """Public fields of a record, each with the string that stands below it."""
    for field, below in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) and below.value.value
            yield _row(field.target.id, field.annotation, str(text or ""))


def _is_property(node: ast.FunctionDef) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "property" for each in node.decorator_list)


def _property(node: ast.FunctionDef) -> str:
    return _row(node.name, node.returns, ast.get_docstring(node) or "")


def _row(name: str, annotation: ast.expr | None, meaning: str) -> str:
    kind = _annotation(annotation).replace(" | ", "` or `")
    return f"| `{name}` | `{kind}` | {' '.join(meaning.split())} |"


def main() -> None:
    """Print the page."""
    lines = [HEAD]
    for title, objects in LISTED.items():
        lines.append(f"\n## {title}")
        for place, members in objects.items():
            lines += section(place, members)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
