"""One SQLite file that threads and processes share; its faults become errors that say what to do.

Write-ahead logging lets readers go on while one writes; with `synchronous=FULL` a commit is on the
disk when it returns, so that what was acknowledged survives a kill and a power cut
(https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from virality.data.errors import StorageError

WAIT_S = 60.0
"""How long one writer waits for another."""

_ADVICE: Mapping[int, str] = {
    sqlite3.SQLITE_FULL: "the disk is full; make room and run again",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written; mend it and run again",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a copy or give another file",
    sqlite3.SQLITE_NOTADB: "is no prediction log; give another file",
    sqlite3.SQLITE_BUSY: "another process keeps it locked; wait for that and run again",
    sqlite3.SQLITE_READONLY: "may not be written; change its permissions or give another file",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; does its folder exist, and may it be written?",
    sqlite3.SQLITE_PERM: "may not be used; change its permissions or give another file",
}


class Database:
    """An open database of one kind of file; threads may share it.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path, schema: str, kind: int, version: int) -> None:
        """Open a file, made if it is not there.

        Args:
            path: of the file.
            schema: statements that make the tables of an empty file.
            kind: SQLite's application id of such files.
            version: of the schema.

        Raises:
            StorageError: if it is damaged, of another kind or version, or cannot be used.
        """
        self.path = path
        self._lock = threading.RLock()
        if path.is_dir():
            raise StorageError(f"{path}: is a folder; name a file")
        with self._told():
            self._connection = sqlite3.connect(
                path, timeout=WAIT_S, isolation_level=None, check_same_thread=False
            )
        try:
            self._begin(schema, kind, version)
        except StorageError:
            self._connection.close()
            raise

    def _begin(self, schema: str, kind: int, version: int) -> None:
        with self._told():
            self._connection.execute("PRAGMA foreign_keys = ON")
            if self._number("application_id") == 0 and self._is_bare():
                self._make(schema, kind, version)
            if self._number("application_id") != kind:
                raise StorageError(f"{self.path}: is a database of another program; give another")
            if self._number("user_version") != version:
                raise StorageError(
                    f"{self.path}: was written by another version of virality; give another file"
                )
            self._connection.execute("PRAGMA synchronous = FULL")
            if self._switched() != "wal":
                raise StorageError(f"{self.path}: its file system shares no memory; use a disk")
            found = str(self._connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        if found != "ok":
            raise StorageError(f"{self.path}: is damaged ({found.splitlines()[-1]}); restore it")

    def _make(self, schema: str, kind: int, version: int) -> None:
        """Make the tables, unless another process has done so meanwhile."""
        # The switch writes a page before the tables are there: whoever comes in between, or after
        # a kill there, finds a file that is neither empty nor made, hence `_is_bare`.
        self._switched()
        with self.write():
            if self._number("application_id") == kind:
                return
            for statement in schema.split(";;"):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA application_id = {int(kind)}")
            self._connection.execute(f"PRAGMA user_version = {int(version)}")

    def _switched(self) -> str:
        """Switch to write-ahead logging and return the mode that the file is in.

        Two that switch a new file at once would wait for each other, so SQLite refuses one of them
        at once instead of waiting as it does elsewhere.
        """
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                return str(self._connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    def _is_bare(self) -> bool:
        return not self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]

    def _number(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def close(self) -> None:
        """Close the file; it cannot be used after that."""
        with self._lock, self._told():
            self._connection.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """Make all that is executed inside one transaction: kept whole when it ends, or not at all.

        Raises:
            StorageError: if it cannot be written.
        """
        with self._lock, self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Execute one statement and return the number of the row that it inserted, if it did.

        Raises:
            StorageError: if it cannot be done.
        """
        with self._lock, self._told():
            return int(self._connection.execute(statement, tuple(values)).lastrowid or 0)

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows that a query finds.

        Raises:
            StorageError: if it cannot be read.
        """
        with self._lock, self._told():
            return self._connection.execute(query, tuple(values)).fetchall()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite reports into an error that names the file and what to do."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) or 0
            advice = _ADVICE.get(code & 0xFF)  # the rest of the number tells variants apart
            if advice is None:
                advice = f"cannot be used ({error})"
            raise StorageError(f"{self.path}: {advice}") from error
