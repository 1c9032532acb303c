"""Write docs/config.md: every key of a config with type, default and meaning, from the schema itself."""

import sys
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from seqbench.config import (
    METRIC_NAMES,
    ByIdModel,
    Config,
    HuggingFaceModel,
    KmerModel,
    OneHotModel,
    PositionModel,
    PrecomputedModel,
    RandomInitModel,
    json_schema,
)

KINDS = (
    HuggingFaceModel, RandomInitModel, KmerModel, OneHotModel, PositionModel, PrecomputedModel, ByIdModel,
)  # fmt: skip
HEAD = """# Config reference

Made from the schema by `make docs`; `seqbench config schema` prints it as JSON schema for editors.

Unknown keys are errors that say which key was probably meant. Any key can be overridden on the command line:
`--set probe.seeds=[1,2] --set models.0.dtype=float32`. Relative paths start at the config file's folder.
Only `models` and `datasets.root` are needed:

```yaml
models: [{path: checkpoints/dna-bert}, {kind: kmer, k: 4}]
datasets: {root: data}
```
"""
METRIC = "[metric](catalog.md#the-metrics)"
"""Stands for the list of all metrics."""


def rows(model: type[BaseModel], prefix: str) -> list[str]:
    """One table row a key; sections are left to their own tables."""
    properties = properties_of(model)
    found = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            continue
        default = (
            "required" if field.is_required() else default_text(field.get_default(), field.default_factory)
        )
        meaning = (field.description or "").replace("|", "\\|")
        found.append(f"| `{prefix}{name}` | {kind(properties[name])} | {default} | {meaning} |")
    return found


def properties_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a section's keys."""
    found: dict[str, Any] = json_schema()["$defs"].get(model.__name__, json_schema())["properties"]
    return found


def default_text(default: Any, factory: Any) -> str:
    """How a default reads in a table."""
    if factory is not None or default is PydanticUndefined:
        return "see meaning"
    if default is None:
        return "`null`"
    return f"`{flow(default)}`"


def flow(value: Any) -> str:
    """A value as YAML writes it in one line."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(flow, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def kind(schema: dict[str, Any]) -> str:
    """A type as a person would say it."""
    if "const" in schema:
        return f"`{schema['const']}`"
    if set(schema.get("enum", ())) == set(METRIC_NAMES):
        return METRIC
    if "enum" in schema:
        return " \\| ".join(f"`{value}`" for value in schema["enum"])
    if "$ref" in schema:
        return kind(json_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(kind(each) for each in schema[key]))
    if schema.get("type") == "array":
        inner = kind(schema.get("items", {}))
        return f"list of ({inner})" if " or " in inner else f"list of {inner}"
    return {"null": "null", "object": "mapping"}.get(schema.get("type", ""), str(schema.get("type", "value")))


def sections(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Tables of a section and of those inside it."""
    lines = []
    if mine := [row for row in rows(model, prefix) if not row.startswith("| `models`")]:
        title = prefix.rstrip(".") or "Top level"
        lines += [f"\n## {title}\n", (model.__doc__ or "").strip() + "\n", *table(mine)]
    for name, field in model.model_fields.items():
        if name != "models":
            for inner, is_listed in inner_sections(field.annotation):
                lines += sections(inner, f"{prefix}{name}.{'0.' if is_listed else ''}")
    return lines


def inner_sections(annotation: Any, is_listed: bool = False) -> list[tuple[type[BaseModel], bool]]:
    """The sections that a key holds: itself, or one that may be null, or as entries of a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(annotation, is_listed)]
    is_listed = is_listed or get_origin(annotation) is tuple
    return [found for inner in get_args(annotation) for found in inner_sections(inner, is_listed)]


def table(body: list[str]) -> list[str]:
    """A Markdown table of keys."""
    head = ["| key | type | default | meaning |", "|---|---|---|---|"]
    return ['<div class="keys" markdown>\n', *head, *body, "\n</div>"]


def main() -> None:
    """Print the page."""
    lines = [HEAD, "## models\n", "A list of models and controls; `kind` says what each is.\n"]
    for model in KINDS:
        lines += [
            f"\n### {model.model_fields['kind'].annotation.__args__[0]}\n",
            (model.__doc__ or "") + "\n",
        ]
        lines += table(rows(model, ""))
    sys.stdout.write("\n".join([*lines, *sections(Config)]) + "\n")


if __name__ == "__main__":
    main()
