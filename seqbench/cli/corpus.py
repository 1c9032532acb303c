"""`seqbench corpus`: corpora without labels, checked and cleaned."""

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqbench.cli.groups import WholeHelps
from seqbench.cli.options import EXIT_PARTIAL, console, load, reporter
from seqbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqbench.core.alphabets import Alphabet
    from seqbench.core.progress import Reporter
    from seqbench.corpora.source import CorpusSource
    from seqbench.curation.check import EncodeLengths
    from seqbench.datasets.dataset import Dataset

CONFIGS = (".yaml", ".yml")
"""Endings of a config, where a corpus may stand."""

app = typer.Typer(
    cls=WholeHelps,
    help="Check and clean corpora: documents without labels.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How documents are written."""

    JSONL = "jsonl"
    TEXT = "text"
    FASTA = "fasta"
    TABLE = "table"
    ARROW = "arrow"


class Letters(StrEnum):
    """What documents are made of."""

    DNA = "dna"
    RNA = "rna"
    PROTEIN = "protein"
    TEXT = "text"


Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="CORPUS...",
        help="JSONL, text (a line a document), FASTA, CSV, TSV, Parquet or Arrow; plain or gzip; or a folder "
        "that the library `datasets` saved.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(help="Key or column of the text. Default: the first of text, seq, sequence."),
]
GroupKey = Annotated[
    str | None,
    typer.Option(help="Key or column of what a document is a part of, such as an article (FASTA: any name)."),
]
FormatOption = Annotated[
    Format | None, typer.Option("--format", help="Default: told by the name's ending, else by the content.")
]


AlphabetOption = Annotated[Letters | None, typer.Option("--alphabet", help="Default: told by the letters.")]


Checked = Annotated[
    list[Path],
    typer.Argument(
        metavar="CORPUS...",
        help="Files of documents, as `corpus build` takes them; or a config, for all corpora of its sections "
        "adapt and likelihood, held against its own data sets.",
    ),
]


@app.command()
def check(
    corpus: Checked,
    key: Key = None,
    group_key: GroupKey = None,
    format_: FormatOption = None,
    alphabet: AlphabetOption = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against",
            metavar="CONFIG|FOLDER",
            help="Look for test items of labelled data sets: those of a config, of a folder of data sets, or "
            "one data set's folder. Repeatable.",
        ),
    ] = None,
    info: Annotated[
        Path | None, typer.Option(help="A datasets_info.yaml that describes a folder's data sets.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Count tokens too: a model's directory or hub id."),
    ] = None,
    near: Annotated[
        float, typer.Option(help="Minimum identity of a near-duplicate; 1 = exact copies only.")
    ] = 0.9,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    fail_on_overlap: Annotated[
        bool, typer.Option("--fail-on-overlap", help="Exit with 3 if a test item stands in a corpus.")
    ] = False,
) -> None:
    """Count documents, letters, repeats and odd letters; find test items that a corpus holds."""
    from seqbench.cli.corpus_table import print_check
    from seqbench.corpora.corpus import open_corpus
    from seqbench.curation.check import check_corpus

    if not 0.5 <= near <= 1:
        raise ConfigError(f"--near: must be from 0.5 to 1, got {near} (1 looks for copies only)")
    told = reporter()
    configs = [path for path in corpus if path.suffix in CONFIGS]
    options = {"--key": key, "--group-key": group_key, "--format": format_, "--alphabet": alphabet}
    if configs and (given := [name for name, value in options.items() if value is not None]):
        raise ConfigError(f"{given[0]}: {configs[0]} says itself how its corpora are read (leave it out)")
    places = [*configs, *(against or ())]
    datasets = [dataset for place in places for dataset in _datasets(place, info, told)]
    found = []
    for source in _checked(corpus, key, group_key, format_, alphabet, told):
        opened = open_corpus(source, told)
        encode = None if model is None else _encoder(model, opened.alphabet)
        checked = check_corpus(opened, datasets, told, near=near, encode=encode, model=model or "")
        found.append(checked)
        if not as_json:
            print_check(checked, console())
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False))
    overlaps = any(each.severity == "red" for checked in found for each in checked.contamination)
    if fail_on_overlap and overlaps:
        raise typer.Exit(EXIT_PARTIAL)


@app.command()
def build(
    corpus: Files,
    out: Annotated[Path, typer.Option(help="Output folder; must not exist.")],
    step: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=VALUE]",
            help="A cleaning step, done in the order given: strip, collapse_blanks, upper, drop_short=20, "
            "windows=1000, dedupe, dedupe_near=0.9, hold_out=0.05. Repeatable.",
        ),
    ] = None,
    key: Key = None,
    group_key: GroupKey = None,
    format_: FormatOption = None,
    alphabet: AlphabetOption = None,
) -> None:
    """Clean corpora by named steps and write one JSONL file, with a manifest that counts after each step."""
    from seqbench.cli.corpus_table import print_built
    from seqbench.curation.build import build_corpus
    from seqbench.curation.steps import read_step

    steps = [read_step(text) for text in step or ()]
    built = build_corpus(_sources(corpus, key, group_key, format_, alphabet), steps, out, reporter())
    print_built(built, console())


def _checked(
    corpora: "Sequence[Path]",
    key: str | None,
    group_key: str | None,
    format_: Format | None,
    alphabet: Letters | None,
    told: "Reporter",
) -> "list[CorpusSource]":
    """Files as they are, and each corpus that a config names, once."""
    found: list[CorpusSource] = []
    for path in corpora:
        if path.suffix in CONFIGS:
            found += _named_in(path, told)
        else:
            found += _sources([path], key, group_key, format_, alphabet)
    return list(dict.fromkeys(found))


def _named_in(path: Path, told: "Reporter") -> "list[CorpusSource]":
    """The corpora of a config: trained on, files of held-out documents, watched.

    Raises:
        ConfigError: It can't be read, or names none.
    """
    from seqbench.corpora.source import CorpusSource

    config = load(path, None, told)
    named = [each for entry in config.adapt for each in entry.corpora]
    named += config.likelihood.watch if config.likelihood is not None else ()
    if not named:
        raise ConfigError(f"{path}: names no corpora (its sections adapt and likelihood.watch do)")
    return [
        CorpusSource(
            name=each.name if file is each.path else f"{each.name}, held out",
            path=file,
            key=each.key,
            group_key=each.group_key,
            format=each.format,
        )
        for each in named
        for file in (each.path, each.eval)
        if file is not None
    ]


def _sources(
    files: "Sequence[Path]",
    key: str | None,
    group_key: str | None,
    format_: Format | None,
    alphabet: Letters | None,
) -> "list[CorpusSource]":
    from seqbench.corpora.source import CorpusSource

    return [
        CorpusSource(
            name=path.name,
            path=path,
            key=key,
            group_key=group_key,
            format=None if format_ is None else format_.value,
            alphabet=None if alphabet is None else alphabet.value,
        )
        for path in files
    ]


def _datasets(place: Path, info: Path | None, told: "Reporter") -> "list[Dataset]":
    """Opened data sets of a config or a folder, or the one in a folder.

    Raises:
        ConfigError: There is no such config or folder.
        DataError: A data set is at fault.
    """
    from seqbench.datasets.dataset import open_dataset
    from seqbench.datasets.registry import resolve

    if place.is_dir():
        whole = place.absolute()
        is_one = (whole / "train.jsonl").exists()
        specs = resolve(whole.parent if is_one else whole, info, [whole.name] if is_one else None).specs
    else:
        config = load(place, None, told).datasets
        specs = resolve(config.root, config.info, config.names).specs
    return [open_dataset(spec, reporter=told) for spec in specs]


def _encoder(model: str, alphabet: "Alphabet") -> "EncodeLengths":
    """What counts the tokens that a model makes of texts."""
    import numpy as np

    from seqbench.cli.one_model import one_model
    from seqbench.core.progress import Silent
    from seqbench.models.tokens import Tokens
    from seqbench.models.transformer import Transformer
    from seqbench.stages.workspace import Workspace

    workspace = Workspace(one_model(model, {}), Silent())
    loaded = workspace.source(workspace.entries.names[0]).load()
    if not isinstance(loaded, Transformer):
        raise ConfigError(f"--model {model}: has no tokenizer")
    tokens = Tokens(loaded.tokenizer, limit=None, overlong="truncate", alphabet=alphabet)
    del loaded

    def lengths(texts: "Sequence[str]") -> tuple[list[int], int]:
        encoded = tokens.encode(texts)
        unknown = tokens.unknown_id
        n_unknown = 0 if unknown is None else sum(int(np.count_nonzero(ids == unknown)) for ids in encoded)
        return [len(ids) for ids in encoded], n_unknown

    return lengths
