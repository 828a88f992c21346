"""Every bundle that was ever trained, and which of them is in use.

A registry is a folder: `bundles/<hash>/` holds models, `facts/<hash>.json` what they were trained
on, `current` is a link to the bundle in use and `history.json` says when and why it was moved. The
link is replaced in one step, and whoever loads `registry/current` follows it once, so that all that
is read is of one bundle. The link says what is in use: a move that stands in the history and did
not reach the link, because a kill came between, has not been made.
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from virality.data.errors import InputError, StorageError
from virality.data.outcomes import stamp
from virality.data.store import write_atomically
from virality.modeling.bundle import bundle_hash, load_marked, save_model
from virality.modeling.bundle_folder import check_place, settled
from virality.modeling.learned import mark_post
from virality.modeling.train import Model

SHORT = 16
"""Hexadecimal digits that name a bundle's folder."""

CURRENT, HISTORY = "current", "history.json"


@dataclass(frozen=True)
class Entry:
    """One bundle of a registry.

    Attributes:
        hash: SHA-256 of its manifest.
        added_at: when it came.
        target: what it predicts.
        trained_on: marks of the posts that it was trained on, see `modeling.learned`.
        params: of its recipe's study, to start the next one from.
        against: hash of the bundle that it was not better than, empty if it was or never tried.
        tried_with: marks of the posts that were new to that bundle then.
    """

    hash: str
    added_at: str
    target: str
    trained_on: tuple[str, ...]
    params: dict[str, Any]
    against: str = ""
    tried_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class Move:
    """One move of the pointer: `promoted` or `rolled back` to a hash, when and why."""

    at: str
    action: str
    hash: str
    why: str


class Registry:
    """A folder of bundles and the pointer to the one in use."""

    def __init__(self, folder: Path) -> None:
        """Open a registry, made if it is not there.

        Raises:
            StorageError: if it cannot be made or is damaged.
        """
        self.folder = folder
        try:
            for name in ("bundles", "facts"):
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{folder}: cannot be made ({error.strerror})") from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the registry for one writer; the lock goes with the process, however it ends.

        Raises:
            StorageError: if another process holds it, or it cannot be written.
        """
        path = self.folder / ".lock"
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StorageError(f"{path}: cannot be written ({error.strerror})") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise StorageError(f"{self.folder}: another run trains here; wait for it") from error
        finally:
            os.close(descriptor)

    def check_room(self) -> None:
        """Refuse a folder that no bundle can be added to or put into use; call it before training.

        Raises:
            StorageError: naming what is in the way.
        """
        check_place(self._fresh)
        if os.path.lexists(self.current) and not self.current.is_symlink():
            raise StorageError(
                f"{self.current}: is no link and cannot be moved; make it a link to a folder of "
                "`bundles` again"
            )

    @property
    def _fresh(self) -> Path:
        return self.folder / "bundles" / f"new-{os.getpid()}"

    def add(
        self,
        model: Model,
        posts: Iterable[str],
        *,
        now: datetime,
        params: dict[str, Any] | None = None,
        against: str = "",
        tried_with: Iterable[str] = (),
    ) -> Entry:
        """Keep a model; it is not in use yet.

        Args:
            model: to keep.
            posts: ids of the posts that it was trained on.
            now: when.
            params: of its study.
            against: hash of the bundle that it was tried against and is not better than.
            tried_with: ids of the posts that were new to that bundle then.

        Raises:
            StorageError: if it cannot be written.
        """
        fresh = self._fresh
        save_model(model, fresh)
        mark = self._settle(fresh)
        trained, tried = _marks(posts), _marks(tried_with)
        entry = Entry(mark, stamp(now), model.target.name, trained, params or {}, against, tried)
        return self._write(entry)

    def adopt(self, bundle: Path, posts: Iterable[str], *, now: datetime) -> Entry:
        """Keep a copy of a bundle from elsewhere, under the hash that it has.

        Raises:
            BundleError, StorageError: if it cannot be loaded, or not written.
        """
        model, mark = load_marked(bundle)
        fresh = self._fresh
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(settled(bundle), fresh)
        except OSError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            why = error.args[0][0][-1] if isinstance(error, shutil.Error) else error.strerror
            raise StorageError(f"{fresh}: cannot be written ({why})") from error
        if bundle_hash(fresh) != mark:
            shutil.rmtree(fresh, ignore_errors=True)
            raise StorageError(f"{bundle}: was replaced while it was copied; run again")
        recipe = model.recipe
        names = ("dims", "terms", "categories", "ridge", "near", "half_life")
        chosen = {name: getattr(recipe, name) for name in names}
        params = {**recipe.params, **chosen}
        mark = self._settle(fresh)
        return self._write(Entry(mark, stamp(now), model.target.name, _marks(posts), params))

    def _settle(self, fresh: Path) -> str:
        """Give a new bundle its name, which is returned."""
        mark = bundle_hash(fresh)
        place = self.bundle(mark)
        try:
            if place.exists():
                shutil.rmtree(fresh)
            else:
                os.replace(fresh, place)
        except OSError as error:
            raise StorageError(f"{place}: cannot be written ({error.strerror})") from error
        return mark

    def _write(self, entry: Entry) -> Entry:
        """Write the facts of a bundle that has its name."""
        write_atomically(self._facts(entry.hash), json.dumps(asdict(entry), indent=1).encode())
        return entry

    def tried(self, mark: str) -> frozenset[str]:
        """Return marks of the posts with which challengers of a bundle were tried and not better.

        Raises:
            StorageError: if facts are damaged.
        """
        facts = sorted((self.folder / "facts").glob("*.json"))
        entries = [_read_entry(path) for path in facts]
        return frozenset(
            one for entry in entries if entry.against == mark for one in entry.tried_with
        )

    def bundle(self, mark: str) -> Path:
        """Return the folder of a bundle."""
        return self.folder / "bundles" / mark[:SHORT]

    def _facts(self, mark: str) -> Path:
        return self.folder / "facts" / f"{mark[:SHORT]}.json"

    @property
    def current(self) -> Path:
        """The link to the bundle in use; load models from here."""
        return self.folder / CURRENT

    def in_use(self) -> Entry | None:
        """Return the bundle in use, None if there is none yet.

        Raises:
            StorageError: if the pointer leads nowhere, or a bundle is not what was written.
        """
        if not os.path.lexists(self.current):
            return None
        return self.entry(bundle_hash(self.current))

    def entry(self, mark: str) -> Entry:
        """Return what is known of a bundle.

        Raises:
            StorageError: if that is missing or damaged.
        """
        path = self._facts(mark)
        entry = _read_entry(path)
        if entry.hash != mark:
            raise StorageError(f"{path}: speaks of another bundle; restore it")
        return entry

    def promote(self, mark: str, why: str, *, now: datetime) -> None:
        """Put a bundle into use.

        Raises:
            StorageError: if it is not there, or the pointer cannot be moved.
        """
        self._move(Move(stamp(now), "promoted", self.entry(mark).hash, why))

    def roll_back(self, *, now: datetime) -> Entry:
        """Put the bundle into use again that was replaced last, and return it.

        Raises:
            InputError: if none was replaced.
        """
        stack: list[str] = []
        for move in self.history():
            if move.action == "promoted":
                stack.append(move.hash)
            elif stack:
                stack.pop()
        if len(stack) < 2:
            raise InputError(f"{self.folder}: no earlier bundle to roll back to")
        why = f"rolled back from {stack[-1][:SHORT]}"
        self._move(Move(stamp(now), "rolled back", self.entry(stack[-2]).hash, why))
        return self.entry(stack[-2])

    def _move(self, move: Move) -> None:
        """Write down a move, then make it; until then `history` leaves it out."""
        place = self.bundle(move.hash)
        if not place.is_dir():
            raise StorageError(f"{place}: the bundle is gone; restore it")
        moves = [asdict(one) for one in (*self.history(), move)]
        temporary = self.folder / f".{CURRENT}-{os.getpid()}"
        write_atomically(self.folder / HISTORY, json.dumps(moves, indent=1).encode())
        try:
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(place.relative_to(self.folder), target_is_directory=True)
            os.replace(temporary, self.current)
        except OSError as error:
            raise StorageError(f"{self.current}: cannot be moved ({error.strerror})") from error

    def history(self) -> tuple[Move, ...]:
        """Return all moves of the pointer, the oldest first; not a last one that was cut off.

        Raises:
            StorageError: if the history is damaged.
        """
        path = self.folder / HISTORY
        try:
            read = json.loads(path.read_text(encoding="utf-8"))
            moves = tuple(Move(**move) for move in read)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError) as error:
            raise StorageError(f"{path}: is damaged; restore it") from error
        return moves[:-1] if self._was_cut_off(moves) else moves

    def _was_cut_off(self, moves: tuple[Move, ...]) -> bool:
        """Tell whether the last move was written down and not made: the link is at the one before.

        A link that somebody moved by hand is at neither, or is none; then all moves were made.
        """
        if not moves:
            return False
        if not os.path.lexists(self.current):
            return len(moves) == 1
        at = Path(os.path.realpath(self.current)).name
        last, before = (self.bundle(move.hash).name for move in (moves[-1], moves[-2:][0]))
        return at == before != last


def _marks(posts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({mark_post(post) for post in posts}))


def _read_entry(path: Path) -> Entry:
    """Return what a file of facts says.

    Raises:
        StorageError: if it is missing or damaged.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        lists = {name: tuple(facts.get(name, ())) for name in ("trained_on", "tried_with")}
        return Entry(**{**facts, **lists})
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise StorageError(f"{path}: is missing or damaged; restore it") from error
