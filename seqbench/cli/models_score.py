"""`seqbench models score`: what a language model makes of sequences, without any training."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqbench.cli.options import reporter
from seqbench.errors import ConfigError, DataError

if TYPE_CHECKING:
    from seqbench.core.progress import Reporter
    from seqbench.corpora.source import CorpusSource
    from seqbench.likelihood.scorer import LetterScorer

FORMATS = (".tsv", ".jsonl")


def score(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A language model's directory or hub id.")],
    sequences: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Sequences or texts: FASTA, JSONL, text, CSV, TSV, Parquet; plain or gzip."
        ),
    ],
    out: Annotated[Path, typer.Option(help="File to write: .tsv or .jsonl.")],
    key: Annotated[
        str | None, typer.Option(help="Key or column of the text. Default: the first of text, seq, sequence.")
    ] = None,
    id_key: Annotated[
        str | None, typer.Option(help="Key or column of names; of FASTA they are the headers' first words.")
    ] = None,
    together: Annotated[
        float,
        typer.Option(
            help="Share of the letters that are hidden at once from a masked model, until each was once; "
            "0 = one at a time, which is exact and slow."
        ),
    ] = 0.15,
    adapter: Annotated[Path | None, typer.Option(help="Directory of a LoRA adapter saved by peft.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit, tag or branch of a hub id.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code shipped with the model.")
    ] = False,
) -> None:
    """Write the bits that a language model pays for each sequence: minus its (pseudo-)log-likelihood."""
    from seqbench.cli.one_model import one_model
    from seqbench.corpora.corpus import open_corpus
    from seqbench.corpora.source import CorpusSource, format_of
    from seqbench.likelihood.scorer import open_scorer
    from seqbench.models.checkpoint import Checkpoint
    from seqbench.stages.workspace import Workspace

    if not 0 <= together < 1:
        raise ConfigError(f"--together: must be at least 0 and less than 1, got {together}")
    if out.suffix not in FORMATS:
        raise ConfigError(f"--out {out}: must end in {' or '.join(FORMATS)}")
    told = reporter()
    source = CorpusSource(name=sequences.name, path=sequences, key=key, group_key=id_key)
    if format_of(source) == "fasta":
        source = CorpusSource(name=sequences.name, path=sequences, key=key, group_key="name")
    corpus = open_corpus(source, told)
    options = {
        "adapter": adapter and adapter.absolute(),
        "revision": revision,
        "trust_remote_code": trust_remote_code or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    workspace = Workspace(one_model(model, given), told)
    checkpoint = workspace.source(workspace.entries.names[0])
    if not isinstance(checkpoint, Checkpoint):
        raise ConfigError(f"{model}: is no language model")
    scorer = open_scorer(checkpoint, corpus.alphabet)
    n_written = _write(
        out, _scored(source, scorer, corpus.alphabet, together, corpus.facts.n_characters, told)
    )
    told.note(f"{n_written:,} sequences scored: {out}")


def _scored(
    source: "CorpusSource",
    scorer: "LetterScorer",
    alphabet: Any,
    together: float,
    total: int,
    told: "Reporter",
) -> Iterator[dict[str, object]]:
    """A row a sequence, in the order of the file."""
    from seqbench.core.atomic import scratch_folder
    from seqbench.corpora.documents import read_documents
    from seqbench.datasets.importing.inputs import Inputs
    from seqbench.likelihood.sequences import sequence_likelihood

    with (
        scratch_folder("seqbench-score") as scratch,
        told.task(f"score {source.name}", total, "letters") as advance,
    ):
        for document in read_documents(source, Inputs(scratch, lambda _: None)):
            found = sequence_likelihood(scorer, document.text, alphabet, together) if document.text else None
            advance(len(document.text))
            n_letters, bits = (0, 0.0) if found is None else (found.n_letters, found.bits)
            yield {
                "number": document.place.number,
                "id": document.group or "",
                "letters": n_letters,
                "bits": round(bits, 6),
                "bits_per_letter": round(bits / n_letters, 6) if n_letters else None,
            }


def _write(out: Path, rows: Iterator[dict[str, object]]) -> int:
    from seqbench.core.atomic import atomic_write
    from seqbench.core.spreadsheet import escape_formula

    n_written = 0
    try:
        with atomic_write(out) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            table: Any = None
            for row in rows:
                n_written += 1
                if out.suffix == ".jsonl":
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    continue
                if table is None:
                    table = csv.DictWriter(file, list(row), delimiter="\t", lineterminator="\n")
                    table.writeheader()
                table.writerow({**row, "id": escape_formula(str(row["id"]))})
    except OSError as error:
        raise DataError(f"{out}: can't be written: {error.strerror or error}") from error
    return n_written
