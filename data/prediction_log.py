"""The prediction log: every prediction as it was made, and what was reported of the post later.

Nothing in it is ever overwritten: reports and the rulings on them are only added, and triggers
refuse any other change. Features are stored once by their hash, so that a model can learn later
from exactly what was seen when the prediction was made.
"""

import hashlib
import json
import secrets
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from virality.data.database import Database
from virality.data.errors import InputError, StorageError
from virality.data.matrix import Column
from virality.data.outcomes import (
    COUNTS,
    Kept,
    Outcome,
    Prediction,
    Receipt,
    Report,
    RowLayout,
    State,
    moment,
    stamp,
)
from virality.data.quarantine import FLOOD_SPAN, doubts, floods

KIND = 0x56495250
VERSION = 1

_SCHEMA = """
CREATE TABLE layouts (hash TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;;
CREATE TABLE features (
    hash TEXT PRIMARY KEY, layout TEXT NOT NULL REFERENCES layouts, content BLOB NOT NULL) STRICT;;
CREATE TABLE predictions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, made_at TEXT NOT NULL,
    client TEXT NOT NULL, post TEXT NOT NULL, input TEXT NOT NULL,
    features TEXT NOT NULL REFERENCES features, model TEXT NOT NULL, target TEXT NOT NULL,
    prediction REAL, low REAL, high REAL, mean REAL, mean_low REAL, mean_high REAL,
    expected_error REAL, facts TEXT NOT NULL, seal TEXT NOT NULL) STRICT;;
CREATE INDEX predictions_by_post ON predictions (post);;
CREATE TABLE reports (
    number INTEGER PRIMARY KEY AUTOINCREMENT, digest TEXT NOT NULL UNIQUE, post TEXT NOT NULL,
    prediction TEXT NOT NULL, recorded_at TEXT NOT NULL, observed_at TEXT NOT NULL,
    client TEXT NOT NULL, views INTEGER, likes INTEGER, comments INTEGER, shares INTEGER,
    saves INTEGER) STRICT;;
CREATE INDEX reports_by_post ON reports (post);;
CREATE INDEX reports_by_client ON reports (client, recorded_at);;
CREATE TABLE rulings (
    number INTEGER PRIMARY KEY AUTOINCREMENT, report INTEGER NOT NULL REFERENCES reports,
    at TEXT NOT NULL, state TEXT NOT NULL, reasons TEXT NOT NULL) STRICT;;
CREATE INDEX rulings_by_report ON rulings (report);;
"""
_KEPT = ("predictions", "reports", "rulings", "features", "layouts")
_TRIGGERS = ";;".join(
    f"CREATE TRIGGER {table}_{change} BEFORE {change} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} are only added'); END"
    for table in _KEPT
    for change in ("UPDATE", "DELETE")
)
Ruling = Literal["accepted", "rejected"]
RELEASED, REJECTED = "released by the owner", "rejected by the owner"
"""Last reason of a report that the owner has ruled on."""
_DECIDED: Mapping[Ruling, str] = {"accepted": RELEASED, "rejected": REJECTED}

_NUMBERS = ("prediction", "low", "high", "mean", "mean_low", "mean_high", "expected_error")
_STORED = (
    *("id", "made_at", "client", "post", "input", "features", "model", "target"),
    *(*_NUMBERS, "facts"),
)
_REPORT = f"""
SELECT r.number, r.post, r.prediction, r.recorded_at, r.observed_at, r.client,
    {", ".join(f"r.{name}" for name in COUNTS)}, l.state, l.reasons, r.digest
FROM reports r JOIN rulings l
    ON l.number = (SELECT max(number) FROM rulings WHERE report = r.number)
"""


class PredictionLog:
    """A prediction log; threads may share it and processes may open the same file."""

    def __init__(self, path: Path) -> None:
        """Open a log, made if it is not there.

        Raises:
            StorageError: if the file is damaged, of another program, or cannot be used.
        """
        self.path = path
        self._database = Database(path, _SCHEMA + _TRIGGERS, KIND, VERSION)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def record(
        self,
        predictions: Sequence[Prediction],
        layout: RowLayout,
        *,
        client: str = "",
        now: datetime | None = None,
    ) -> tuple[str, ...]:
        """Keep predictions, all or none, and return their ids; once returned they are on the disk.

        Args:
            predictions: whose rows are of this layout.
            layout: of the rows.
            client: who asked; `""` is the owner.
            now: when they were made; the clock's time by default.

        Raises:
            StorageError: if they cannot be written.
        """
        body = json.dumps(
            [[asdict(column) for column in layout.columns], dict(layout.versions)], sort_keys=True
        )
        mark, made = hashlib.sha256(body.encode()).hexdigest(), stamp(now or datetime.now(UTC))
        with self._database.write():
            self._database.execute("INSERT OR IGNORE INTO layouts VALUES (?, ?)", (mark, body))
            return tuple(self._record(one, mark, client, made) for one in predictions)

    def _record(self, one: Prediction, layout: str, client: str, made: str) -> str:
        content = np.ascontiguousarray(one.row, dtype="<f4").tobytes()
        features = _row_hash(layout, content)
        self._database.execute(
            "INSERT OR IGNORE INTO features VALUES (?, ?, ?)",
            (features, layout, zlib.compress(content)),
        )
        name = secrets.token_hex(16)
        facts = json.dumps(dict(one.facts), sort_keys=True, ensure_ascii=False)
        values = (
            name, made, client, _storable(one.post), one.input, features, one.model, one.target,
            *(_number(getattr(one, number)) for number in _NUMBERS), _storable(facts),
        )  # fmt: skip
        self._database.execute(
            f"INSERT INTO predictions ({', '.join(_STORED)}, seal) "
            f"VALUES ({', '.join('?' * (len(_STORED) + 1))})",
            (*values, _seal(values)),
        )
        return name

    def prediction(self, name: str) -> Kept | None:
        """Return a prediction by its id, None if there is none."""
        return next(self._predictions("WHERE id = ?", (_storable(name),)), None)

    def predictions(self) -> tuple[Kept, ...]:
        """Return all predictions, in order of recording."""
        return tuple(self._predictions("ORDER BY number", ()))

    def _predictions(self, where: str, values: Sequence[Any]) -> Iterator[Kept]:
        columns = ", ".join(("number", *_STORED, "seal"))
        query = f"SELECT {columns} FROM predictions {where}"
        for number, *stored, seal in self._database.rows(query, values):
            if _seal(stored) != seal:
                raise StorageError(f"{self.path}: is damaged (prediction {number}); restore it")
            kept = dict(zip(_STORED, stored, strict=True))
            kept |= {"made_at": moment(kept["made_at"]), "facts": json.loads(kept["facts"])}
            for name in _NUMBERS:  # SQLite keeps NaN as NULL
                kept[name] = float("nan") if kept[name] is None else kept[name]
            yield Kept(number=number, **kept)

    def rows(self, names: Sequence[str]) -> list[tuple[RowLayout, npt.NDArray[np.float32]]]:
        """Return stored features by their hashes, each with what its numbers mean.

        Raises:
            StorageError: if one is not there or is not what was written.
        """
        layouts: dict[str, RowLayout] = {}
        found: dict[str, tuple[RowLayout, npt.NDArray[np.float32]]] = {}
        for name in dict.fromkeys(names):
            kept = self._database.rows(
                "SELECT layout, content FROM features WHERE hash = ?", (name,)
            )
            if not kept:
                raise StorageError(f"{self.path}: features {name[:12]} are missing; restore it")
            mark, packed = kept[0]
            if mark not in layouts:
                layouts[mark] = self._layout(mark)
            found[name] = layouts[mark], self._unpacked(name, mark, packed)
        return [found[name] for name in names]

    def _layout(self, mark: str) -> RowLayout:
        body = str(self._database.rows("SELECT body FROM layouts WHERE hash = ?", (mark,))[0][0])
        if hashlib.sha256(body.encode()).hexdigest() != mark:
            raise StorageError(f"{self.path}: is damaged (a list of columns); restore it")
        columns, versions = json.loads(body)
        return RowLayout(tuple(Column(**column) for column in columns), versions)

    def _unpacked(self, name: str, layout: str, packed: bytes) -> npt.NDArray[np.float32]:
        try:
            content = zlib.decompress(packed)
        except zlib.error:
            content = b""
        if _row_hash(layout, content) != name:
            raise StorageError(f"{self.path}: is damaged (features {name[:12]}); restore it")
        return np.frombuffer(content, "<f4").astype(np.float32)

    def feedback(
        self, outcome: Outcome, *, client: str = "", now: datetime | None = None
    ) -> Receipt:
        """Keep a report of what became of a post; once returned it is on the disk.

        Args:
            outcome: the report.
            client: who gives it; `""` is the owner.
            now: when it came; the clock's time by default.

        Raises:
            InputError: if it names no prediction of the log, or says nothing that can be kept.
            StorageError: if it cannot be written.
        """
        return self.feedback_table((outcome,), client=client, now=now)[0]

    def feedback_table(
        self, outcomes: Sequence[Outcome], *, client: str = "", now: datetime | None = None
    ) -> tuple[Receipt, ...]:
        """Keep many reports, all or none; see `feedback`."""
        came = now or datetime.now(UTC)
        for outcome in outcomes:
            outcome.check()
        with self._database.write():
            return tuple(self._report(outcome, client, came) for outcome in outcomes)

    def _report(self, outcome: Outcome, client: str, now: datetime) -> Receipt:
        post, posted_at, made_at = self._subject(outcome)
        observed = moment(stamp(outcome.observed_at or now))
        digest = _digest(post, stamp(observed), client, outcome.counts)
        twin = self._database.rows("SELECT number FROM reports WHERE digest = ?", (digest,))
        if twin:
            return Receipt(int(twin[0][0]), "known")
        accepted = [one for one in self.history(post) if one.state == "accepted"]
        reasons = doubts(
            outcome.counts, observed, now=now, posted_at=posted_at, made_at=made_at,
            accepted=accepted,
        )  # fmt: skip
        recent = self._of_client(client, now)
        flood = floods(len(recent), client)
        number = self._database.execute(
            "INSERT INTO reports (digest, post, prediction, recorded_at, observed_at, client, "
            f"{', '.join(COUNTS)}) VALUES ({', '.join('?' * 11)})",
            (digest, post, _storable(outcome.prediction), stamp(now), stamp(observed), client,
             *(getattr(outcome, name) for name in COUNTS)),
        )  # fmt: skip
        for earlier in recent if flood else ():
            if earlier.state == "accepted" and RELEASED not in earlier.reasons:
                self._rule(earlier.number, "quarantined", flood, now)
        held = (*reasons, *flood)
        self._rule(number, "quarantined" if held else "accepted", held, now)
        return Receipt(number, "quarantined" if held else "accepted", held)

    def _subject(self, outcome: Outcome) -> tuple[str, datetime | None, datetime]:
        """Return the post that a report is of, when that was posted and when first predicted."""
        key, value = ("id", outcome.prediction) if outcome.prediction else ("post", outcome.post)
        found = self._database.rows(
            f"SELECT post, facts FROM predictions WHERE {key} = ? ORDER BY number DESC LIMIT 1",
            (_storable(value),),
        )
        if not found:
            what = "prediction" if outcome.prediction else "post"
            raise InputError(
                f"{self.path}: holds no prediction of {what} {value[:80]!r}; "
                "predict with --log before giving feedback"
            )
        post, posted = str(found[0][0]), json.loads(found[0][1]).get("posted_at")
        ((made,),) = self._database.rows(
            "SELECT min(made_at) FROM predictions WHERE post = ?", (post,)
        )
        return post, moment(posted) if posted else None, moment(made)

    def _of_client(self, client: str, now: datetime) -> list[Report]:
        """Return the reports that a client gave of late; none of the owner's."""
        if not client:
            return []
        since = stamp(now - FLOOD_SPAN)
        return list(self._reports("WHERE r.client = ? AND r.recorded_at > ?", (client, since)))

    def _rule(self, report: int, state: State, reasons: Sequence[str], now: datetime) -> None:
        self._database.execute(
            "INSERT INTO rulings (report, at, state, reasons) VALUES (?, ?, ?, ?)",
            (report, stamp(now), state, json.dumps(list(reasons))),
        )

    def history(self, post: str) -> tuple[Report, ...]:
        """Return all reports of a post, in order of recording."""
        return tuple(self._reports("WHERE r.post = ? ORDER BY r.number", (_storable(post),)))

    def reports(self, state: State | None = None) -> tuple[Report, ...]:
        """Return all reports in order of recording, or those of one state."""
        where, values = ("WHERE l.state = ? ", (state,)) if state else ("", ())
        return tuple(self._reports(f"{where}ORDER BY r.number", values))

    def quarantined(self) -> tuple[Report, ...]:
        """Return the reports that are held back."""
        return self.reports("quarantined")

    def _reports(self, where: str, values: Sequence[Any]) -> Iterator[Report]:
        for row in self._database.rows(f"{_REPORT} {where}", values):
            number, post, prediction, recorded, observed, client = row[:6]
            given = dict(zip(COUNTS, row[6:11], strict=True))
            counts = {name: value for name, value in given.items() if value is not None}
            state, reasons, digest = row[11:]
            if _digest(post, observed, client, counts) != digest:
                raise StorageError(f"{self.path}: is damaged (report {number}); restore it")
            yield Report(
                number, post, prediction, moment(recorded), moment(observed), client, counts,
                state, tuple(json.loads(reasons)),
            )  # fmt: skip

    def release(self, number: int, *, now: datetime | None = None) -> Report:
        """Accept a report that was held back or rejected: somebody has looked at it.

        Raises:
            InputError: if there is no such report, or it tells a count below 0.
        """
        return self.decide((number,), "accepted", now=now)[0]

    def reject(self, number: int, *, now: datetime | None = None) -> Report:
        """Never learn from a report, also if it was accepted.

        Raises:
            InputError: if there is no such report.
        """
        return self.decide((number,), "rejected", now=now)[0]

    def decide(
        self, numbers: Sequence[int], state: Ruling, *, now: datetime | None = None
    ) -> tuple[Report, ...]:
        """Release or reject many reports, all or none; see `release` and `reject`."""
        once, at = tuple(dict.fromkeys(numbers)), now or datetime.now(UTC)
        with self._database.write():
            for one in [self._to_rule_on(number, state, len(once)) for number in once]:
                self._rule(one.number, state, (*one.reasons, _DECIDED[state]), at)
        return tuple(self._by_number(number)[0] for number in once)

    def _to_rule_on(self, number: int, state: Ruling, among: int) -> Report:
        """Return a report that may be given a state, among so many."""
        rest = f"; none of these {among} reports was changed" if among > 1 else ""
        if not (found := self._by_number(number)):
            raise InputError(f"{self.path}: holds no report {number}; see --quarantined{rest}")
        below = [name for name, value in found[0].counts.items() if value < 0]
        if below and state == "accepted":
            raise InputError(
                f"{self.path}: report {number} tells {found[0].counts[below[0]]} {below[0]}, "
                f"which no post can have; --reject {number} and report what is true{rest}"
            )
        return found[0]

    def _by_number(self, number: int) -> tuple[Report, ...]:
        return tuple(self._reports("WHERE r.number = ?", (min(number, 2**62),)))


def _row_hash(layout: str, content: bytes) -> str:
    return hashlib.sha256(layout.encode() + content).hexdigest()


def _number(value: float) -> float | None:
    return None if value != value else float(value)


def _seal(values: Sequence[Any]) -> str:
    """Return a checksum of a row: SQLite has none of its own."""
    return hashlib.sha256(json.dumps(list(values)).encode()).hexdigest()


def _digest(post: str, observed: str, client: str, counts: Mapping[str, int]) -> str:
    body = json.dumps([post, observed, client, dict(sorted(counts.items()))])
    return hashlib.sha256(body.encode()).hexdigest()


def _storable(text: str) -> str:
    """Return text that SQLite can hold: half of a surrogate pair has no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
