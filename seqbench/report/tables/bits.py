"""The table of bits a letter: models on held-out documents of corpora, and gains over their base."""

from seqbench.report.analysis import Analysis
from seqbench.report.bits import CorpusBits, corpora_of
from seqbench.report.tables.table import Cell, Table, TablePart

_COLUMNS = (
    "corpus", "watched", "model", "base", "step", "objective", "symbol", "bits", "low", "high", "gain",
    "gain_low", "gain_high", "p", "token_perplexity", "documents", "letters",
)  # fmt: skip
_PRINTED = ("model", "step", "bits", "low", "high", "gain", "gain_low", "gain_high", "token_perplexity")


def bits_table(analysis: Analysis) -> Table:
    """A row a model, a part for each corpus; no rows where nothing was measured."""
    bits = analysis.results.bits
    parts = [[one for one in bits if one.corpus == corpus] for corpus in corpora_of(bits)]
    return Table(
        name="adaptation",
        title="Bits a letter",
        note="On held-out documents, on letters that are the same for all models; less is better. Gain: bits "
        "fewer than the model that it was adapted from, with the paired interval over documents. Perplexity "
        "a token does not compare across tokenizers.",
        parts=tuple(map(_part, parts)),
    )


def _part(rows: list[CorpusBits]) -> TablePart:
    first = rows[0]
    least = min(one.bits for one in rows)
    return TablePart(
        title=f"{first.corpus}, bits a {first.symbol}{' (watched)' if first.is_watched else ''}",
        columns=_COLUMNS,
        rows=tuple(map(_row, rows)),
        printed=_PRINTED,
        best=frozenset(
            (number, _COLUMNS.index("bits")) for number, one in enumerate(rows) if one.bits == least
        ),
    )


def _row(one: CorpusBits) -> tuple[Cell, ...]:
    gain = one.gain
    gained = (None,) * 4 if gain is None else (gain.difference, gain.low, gain.high, gain.p)
    about = (one.corpus, one.is_watched, one.model, one.base, one.step, one.objective, one.symbol)
    measured = (one.token_perplexity, one.n_documents, one.n_letters)
    return (*about, one.bits, one.low, one.high, *gained, *measured)
