"""Records of likelihoods as columns of their tables."""

from collections.abc import Sequence

from seqbench.catalog.columns import Columns, integers, numbers, objects, texts, times
from seqbench.catalog.likelihood_records import LikelihoodRecord


def likelihood_columns(records: Sequence[LikelihoodRecord]) -> Columns:
    """The rows of `likelihoods`."""
    return {
        "key": texts(r.key for r in records),
        "run_id": texts(r.run_id for r in records),
        "model": texts(r.model for r in records),
        "fingerprint": texts(r.fingerprint for r in records),
        "base": texts(r.base for r in records),
        "step": integers(r.step for r in records),
        "corpus": texts(r.corpus for r in records),
        "documents_sha256": texts(r.documents_sha256 for r in records),
        "is_watched": integers(int(r.is_watched) for r in records),
        "symbol": texts(r.symbol for r in records),
        "objective": texts(r.objective for r in records),
        "n_documents": integers(len(r.rows_N) for r in records),
        "n_letters": integers(int(r.letters_N.sum()) for r in records),
        "bits": numbers(r.bits for r in records),
        "low": numbers(r.low for r in records),
        "high": numbers(r.high for r in records),
        "n_tokens": integers(r.n_tokens for r in records),
        "token_perplexity": numbers(r.token_perplexity for r in records),
        "seconds": numbers(r.seconds for r in records),
        "device": texts(r.device for r in records),
        "settings": objects(r.settings for r in records),
        "finished_at": times(r.finished_at for r in records),
    }


def document_columns(records: Sequence[LikelihoodRecord]) -> Columns:
    """The rows of `likelihood_documents`."""
    return {
        "key": texts(r.key for r in records for _ in r.rows_N),
        "document": integers(int(row) for r in records for row in r.rows_N),
        "n_letters": integers(int(count) for r in records for count in r.letters_N),
        "bits": numbers(float(bits) for r in records for bits in r.bits_N),
    }
