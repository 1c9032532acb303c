"""What a report computes from predictions goes into the catalog as it comes, where that can be written."""

import time
from collections.abc import Iterable

from seqbench.catalog import Catalog
from seqbench.catalog.records import Record
from seqbench.core.progress import Reporter
from seqbench.errors import CatalogError

WAIT_SECONDS = 5.0
"""How long recording waits for another process, for example a shell that has the catalog open."""

FLUSH_SECONDS = 5.0
"""What was computed is recorded about this often, so that a killed report does not start anew."""


class ComparisonRecorder:
    """Records now and then, and gives up with a remark where that is not possible."""

    def __init__(self, catalog: Catalog, reporter: Reporter, what: str) -> None:
        """Say what is recorded where.

        Args:
            catalog: Where it goes.
            reporter: Told if it can't be.
            what: What the remark calls it, in the plural.
        """
        self._catalog = Catalog(catalog.path, wait_seconds=WAIT_SECONDS)
        self._reporter = reporter
        self._what = what
        self._pending: list[Record] = []
        self._flushed_at = time.monotonic()
        self._can_write = True

    def add(self, records: Iterable[Record]) -> None:
        """Take in what was computed."""
        self._pending += records
        if time.monotonic() - self._flushed_at > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Record what is pending."""
        if self._pending and self._can_write:
            try:
                self._catalog.append(self._pending)
            except CatalogError as error:
                self._can_write = False
                self._reporter.note(f"{self._what} are not kept, and will be made again next time: {error}")
        self._pending = []
        self._flushed_at = time.monotonic()
