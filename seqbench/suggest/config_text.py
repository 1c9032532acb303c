"""A commented config for a person's data and model."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Final

from seqbench.config.yaml_file import dump_yaml

HEADS_FOLDER: Final = "heads"

TEXT: Final = """\
# {about}
# Relative paths start at this file's folder. `seqbench config schema` prints every key there is.
#   seqbench config check {file}    is it right
#   seqbench plan {file}            what would run
#   seqbench run {file}             extract, probe and report; again, it does only what is missing

models:
  - {{path: {model}, name: {name}}}   # more of a line each; dtype: bfloat16 is half the memory
controls: true             # adds the untrained twin, k-mers, composition (and length), and shuffled labels
datasets:
  root: {root}             # <data set>/{{train,eval,test}}.jsonl
{datasets}store: {{path: embeddings.zarr}}     # pooled hidden states of every layer
probe:
  heads: [linear]          # or mlp, xgb, forest, knn; several side by side: [linear, mlp]
  seeds: [1]               # the linear head is the same for every seed; of others take [1, 2, 3]
  save_heads: {heads}        # trained heads, for `seqbench predict`; null: not kept
catalog: catalog.duckdb    # every score, for `seqbench sql`
report: {{out: report}}      # report/index.html is the page
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a config is written for."""

    file: Path
    """Where it will lie; paths are written as seen from its folder."""
    about: str
    """Its first line."""
    model: str
    """A folder, from here, or a hub id."""
    root: Path
    """Of data sets."""
    names: Sequence[str] | None
    """Data sets to use; None: all that are there."""
    info: Path | None


def config_text(wanted: Wanted) -> str:
    """The config as YAML."""
    folder = wanted.file.parent
    datasets = ""
    if wanted.info is not None:
        datasets += (
            f"  info: {_value(_seen_from(folder, wanted.info))}   # what labels are, and names of classes\n"
        )
    if wanted.names is not None:
        datasets += f"  names: {_value(list(wanted.names))}\n"
    local = Path(wanted.model).is_dir()
    return TEXT.format(
        about=" ".join(wanted.about.split()),
        file=_shown(wanted.file),
        model=_value(_seen_from(folder, Path(wanted.model)) if local else wanted.model),
        name=_value(model_name(wanted.model)),
        root=_value(_seen_from(folder, wanted.root)),
        datasets=datasets,
        heads=HEADS_FOLDER,
    )


def model_name(model: str) -> str:
    """What a model is called in results: the folder's name, or that of the hub id behind its organisation."""
    name = Path(model).absolute().name if Path(model).is_dir() else model.rsplit("/", 1)[-1]
    kept = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "_.+=-") else "-" for letter in name
    )
    return kept.lstrip(".-+=")[:100] or "model"


def _seen_from(folder: Path, path: Path) -> str:
    """A path as a config in `folder` writes it, with ./ where it might be taken for a hub id."""
    found = os.path.relpath(path.absolute(), folder.absolute())
    return found if found.startswith("..") else f"./{found}"


def _shown(path: Path) -> str:
    """The config as a command names it from here."""
    near = path.is_absolute() and Path.cwd() in path.parents
    return quote(os.path.relpath(path) if near else str(path))


def _value(value: object) -> str:
    """A value within the flow of a line, quoted where YAML needs it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return dump_yaml([value]).strip()[1:-1]
