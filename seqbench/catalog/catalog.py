"""The catalog: records go in by short transactions, SQL comes out; the file is open only in between.

DuckDB lets nobody else open a file that a process writes to, so no handle is kept: each call opens, does its
part and closes, and whoever comes in between waits for milliseconds. Who has many questions asks them within
`kept_open`.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from seqbench.catalog.audit_records import AuditRecord, CleanRecord
from seqbench.catalog.audits import KNOWN_CLEAN, clean_records, read_audit
from seqbench.catalog.comparisons import KNOWN_COMPARISONS, comparison_of
from seqbench.catalog.connection import LOCK_SECONDS, connect, in_words
from seqbench.catalog.frames import filtered
from seqbench.catalog.migrate import is_current, migrate
from seqbench.catalog.names import current_schema
from seqbench.catalog.query import QueryResult, run_query
from seqbench.catalog.records import ComparisonRecord, Record
from seqbench.catalog.storage import convert, is_newer
from seqbench.catalog.trial_records import TrialRecord
from seqbench.catalog.trial_rows import KNOWN_TRIALS, trial_of
from seqbench.core.atomic import atomic_write, make_folders, scratch_folder, tidy
from seqbench.errors import CatalogError, CatalogNotFoundError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pandas import DataFrame


class Catalog:
    """A catalog by its path; the file is made by the first `append`."""

    def __init__(self, path: str | os.PathLike[str], *, wait_seconds: float = LOCK_SECONDS) -> None:
        """Name a catalog; nothing is opened.

        Args:
            path: The DuckDB file.
            wait_seconds: How long any call waits while another process has the file open.
        """
        self.path = Path(path)
        self._wait_seconds = wait_seconds
        self._kept: ExitStack | None = None
        self._open: DuckDBPyConnection | None = None

    def _is_there(self) -> bool:
        """Whether there is a file.

        Raises:
            CatalogError: Its folder can't be looked into.
        """
        try:
            return self.path.exists()
        except OSError as error:
            raise CatalogError(
                f"catalog {self.path} can't be used: {error.strerror} (mend permissions or name another)"
            ) from error

    def append(self, records: Iterable[Record]) -> None:
        """Add records in one transaction: all of them or, if it fails, none.

        A run, model, data set, embedding, training, trial or comparison takes the place of the one of its
        name, an audit that of the same files. A probe takes the place of one of its spec that failed, and is
        left out if that one is ok, so appending twice does no harm.
        Many records at once are far cheaper than one at a time: opening and closing alone takes 0.05 s.

        Raises:
            CatalogError: The catalog stayed locked, is damaged or of a newer version, or the disk is full.
        """
        from seqbench.catalog.insert import insert

        batch = list(records)
        with self.writing() as connection:
            connection.begin()
            insert(connection, batch)
            connection.commit()

    def query(self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> QueryResult:
        """Run one reading statement: SELECT, WITH, FROM, PIVOT, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN.

        It can neither write nor reach any other file or the network.

        Args:
            sql: The statement; `?` or `$name` stand for parameters.
            parameters: Their values.

        Raises:
            CatalogNotFoundError: There is no file.
            CatalogError: The statement is wrong or refused, or the catalog can't be read.
        """
        if not self._is_there():
            raise _missing(self.path)
        with self._reading() as connection:
            return run_query(connection, sql, parameters)

    def known_spec_hashes(self) -> set[str]:
        """The spec hashes of probes that are ok; empty where there is no catalog yet.

        Raises:
            CatalogError: The catalog can't be read.
        """
        if not self._is_there():
            return set()
        return {row[0] for row in self.query("SELECT spec_hash FROM probes WHERE status = 'ok'").rows}

    def known_comparisons(self, keys: Iterable[str]) -> dict[str, ComparisonRecord]:
        """Those of the wanted comparisons that were made before, by key; none where there is no catalog yet.

        Args:
            keys: As `comparison_key` makes them.

        Raises:
            CatalogError: The catalog can't be read.
        """
        wanted = list(keys)
        if not wanted or not self._is_there():
            return {}
        return dict(map(comparison_of, self.query(KNOWN_COMPARISONS, [wanted]).rows))

    def known_audit(self, dataset: str, sha256: str) -> tuple[AuditRecord, datetime] | None:
        """The audit of a data set, and when it was recorded (UTC); None where there is none of this content.

        Args:
            dataset: Its name.
            sha256: Hash of the files of all splits, as of `Dataset.sha256`.

        Raises:
            CatalogError: The catalog can't be read.
        """
        if not self.path.exists():
            return None
        return read_audit(lambda sql, values: self.query(sql, values).rows, dataset, sha256)

    def known_clean_scores(self, keys: Iterable[str]) -> dict[str, CleanRecord]:
        """Those of the wanted scores on clean items that were made before, by key.

        Args:
            keys: As `clean_key` makes them.

        Raises:
            CatalogError: The catalog can't be read.
        """
        wanted = list(keys)
        if not wanted or not self.path.exists():
            return {}
        return clean_records(self.query(KNOWN_CLEAN, [wanted]).rows)

    def known_trials(self, studies: Iterable[str]) -> dict[str, list[TrialRecord]]:
        """The trials of the wanted studies that were made before, by study and in their order.

        Args:
            studies: As `TrialRecord.study`.

        Raises:
            CatalogError: The catalog can't be read.
        """
        wanted = list(studies)
        found: dict[str, list[TrialRecord]] = {study: [] for study in wanted}
        for row in self.query(KNOWN_TRIALS, [wanted]).rows if wanted and self._is_there() else ():
            record = trial_of(row)
            found[record.study].append(record)
        return found

    def results(self, **filters: object) -> "DataFrame":
        """The view `results` as a data frame: a row a probe and split, a column a metric.

        Args:
            **filters: By column a value, a list of values of which any will do, or None where it is missing:
                `results(dataset="splice", head=["mlp", "knn"], split="test", fold=None)`.

        Raises:
            CatalogNotFoundError: There is no file.
            CatalogError: The view has no such column, the catalog can't be read, or pandas is not installed.
        """
        return self._frame("results", filters)

    def leaderboard(self, **filters: object) -> "DataFrame":
        """The view `leaderboard` as a data frame: a row a model and data set, by data set and place.

        Args:
            **filters: As for `results`.

        Raises:
            CatalogNotFoundError: There is no file.
            CatalogError: As for `results`.
        """
        return self._frame("leaderboard", filters, order=" ORDER BY dataset, place, model")

    def _frame(self, view: str, filters: Mapping[str, object], order: str = "") -> "DataFrame":
        sql, values = filtered(view, current_schema()[view], filters)
        return self.query(sql + order, values).to_pandas()

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Let the queries of a `with` block share one connection, which the first of them opens.

        They all see the same catalog. Nobody can write meanwhile, other objects for the same file included,
        so such a block only reads; writing by this object is possible, and ends the sharing. For one thread;
        blocks may lie within one another.
        """
        if self._kept is not None:
            yield
            return
        try:
            with ExitStack() as self._kept:
                yield
        finally:
            self._kept = self._open = None

    def _let_go(self) -> None:
        """Close what is kept open; the next query opens it again."""
        self._open = None
        if self._kept is not None:
            self._kept.close()

    @contextmanager
    def writing(
        self, folders: Sequence[Path] = (), *, is_passing: bool = False
    ) -> Iterator["DuckDBPyConnection"]:
        """Open the current catalog for a `with` block that writes; it is made where there is none.

        Args:
            folders: Where files beside the catalog may be read and written.
            is_passing: Whether it is a copy that goes again, whose file may stay in a newer DuckDB's format.

        Raises:
            CatalogError: It stayed locked, is damaged or of a newer version, or the disk is full.
        """
        self._let_go()
        tidy(self.path.parent)
        if not self._is_there():
            self._create()
        with connect(
            self.path, read_only=False, wait_seconds=self._wait_seconds, folders=folders
        ) as connection:
            if is_passing or not is_newer(connection):
                migrate(connection)
                yield connection
                return
        convert(self.path, self._wait_seconds)
        with self.writing(folders, is_passing=True) as connection:
            yield connection

    @contextmanager
    def as_it_is(self) -> Iterator["DuckDBPyConnection"]:
        """Open the catalog for a `with` block that reads, whatever its format.

        Raises:
            CatalogNotFoundError: There is no file.
            CatalogError: It stayed locked or is damaged.
        """
        if not self._is_there():
            raise _missing(self.path)
        with connect(self.path, read_only=True, wait_seconds=self._wait_seconds) as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator["DuckDBPyConnection"]:
        if self._kept is None:
            with self._current() as connection:
                yield connection
            return
        if self._open is None:
            self._open = self._kept.enter_context(self._current())
        with in_words(self.path):
            yield self._open

    @contextmanager
    def _current(self) -> Iterator["DuckDBPyConnection"]:
        """Open the catalog for reading, brought up to date where it is older."""
        with connect(self.path, read_only=True, wait_seconds=self._wait_seconds) as connection:
            if is_current(connection):
                yield connection
                return
        with self.writing():
            pass
        with connect(self.path, read_only=True, wait_seconds=self._wait_seconds) as connection:
            yield connection

    def _create(self) -> None:
        """Make an empty catalog beside the path, then link it there: a crash leaves no half of one."""
        try:
            make_folders(self.path.parent)
            with (
                # DuckDB writes a log beside the file it is told.
                scratch_folder(self.path.name, self.path.parent) as folder,
                suppress(FileExistsError),  # another process was faster
                atomic_write(self.path, folder=folder, exclusive=True) as partial,
            ):
                self._start(partial)
        except OSError as error:
            raise CatalogError(
                f"catalog {self.path} can't be made: {error.strerror} (name another place as `catalog`)"
            ) from error

    def _start(self, partial: Path) -> None:
        try:
            with connect(partial, read_only=False, wait_seconds=0) as connection:
                migrate(connection)
        except CatalogError as error:  # the name of a file that is gone tells nobody anything
            raise CatalogError(str(error).replace(str(partial), str(self.path))) from error


def open_catalog(path: str | os.PathLike[str]) -> Catalog:
    """Name a catalog that is there.

    Raises:
        CatalogNotFoundError: There is no file.
    """
    catalog = Catalog(path)
    if not catalog._is_there():
        raise _missing(catalog.path)
    return catalog


def _missing(path: Path) -> CatalogNotFoundError:
    return CatalogNotFoundError(f"there is no catalog at {path}: `seqbench probe` makes it, or name another")
