"""Records on their way into the catalog: appended together, as opening the file costs more than a record."""

import time
from collections.abc import Iterable

from seqbench.catalog import Catalog
from seqbench.catalog.records import Record, array_bytes

SECONDS = 1.0
"""Records are appended at most this often; what is pending is what a killed run loses."""
SHARE = 0.1
"""Nor do appends take more of the time than this, on a slow disk or a busy machine."""
MOST_RECORDS = 2_000
MOST_BYTES = 64 << 20
"""Of predictions: more of them are appended sooner."""


class Pending:
    """Collects records, and appends them when there are many or some time has passed."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._records: list[Record] = []
        self._bytes = 0
        self._next_at = 0.0

    def add(self, records: Iterable[Record]) -> None:
        """Take in records.

        Raises:
            CatalogError: They can't be appended; they stay pending.
        """
        for record in records:
            self._records.append(record)
            self._bytes += array_bytes(record)
        is_due = time.monotonic() >= self._next_at
        if is_due or len(self._records) >= MOST_RECORDS or self._bytes >= MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Append what is pending.

        Raises:
            CatalogError: As for `add`.
        """
        if self._records:
            began = time.monotonic()
            self._catalog.append(self._records)
            self._records, self._bytes = [], 0
            now = time.monotonic()
            self._next_at = now + max(SECONDS, (now - began) / SHARE)
