"""What a person or a program sees: results on stdout, progress and notes on stderr."""

import codecs
import errno
import io
import json
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virality.data.errors import UsageError, more_files

if TYPE_CHECKING:
    from virality.workflow.tables import Remarks

Progress = Callable[[int, int], None]

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""What a full or broken disk says; it can say so at any call, of any library."""
PLACES = (
    errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EACCES, errno.EPERM,
    errno.ELOOP,
)  # fmt: skip
"""What a file system says of a name, of the user's mostly, that it does not take."""

PLAIN_LINE_EVERY_S = 2.0
"""Without a terminal, progress is a line now and then rather than a moving bar."""

PLAIN = str.maketrans({
    "\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2500": "-", "\u250a": "|", "\u00d7": "x",
    "\u00f7": "/", "\u00b1": "+-", "\u00b7": ".", "\u2022": "*", "\u2192": "->",
    **{chr(0x2581 + level): str(level + 1) for level in range(8)},
})  # fmt: skip
"""Signs that the output uses, in ASCII: the minus of a number must not be lost."""


def refused_by_system(error: OSError) -> str:
    """Return what the system refused and what to do, `""` where only a bug can be the reason."""
    if error.errno in DISK:
        return (
            f"{error.filename or 'a file or stdout'}: {error.strerror}; make room and run it again"
        )
    if advice := more_files(error):
        return f"{error.filename or 'a file'}: {error.strerror}{advice}"
    if error.errno in PLACES and error.filename:
        return (
            f"{error.filename}: {error.strerror}; give another name, or mend it, and run it again"
        )
    return ""


def refuse_stripped() -> None:
    """Refuse a Python that strips docstrings: the help is made of them, and XGBoost needs its own.

    Raises:
        UsageError: saying what to leave out.
    """
    if sys.flags.optimize > 1:
        raise UsageError(
            "Python runs without docstrings, of which the help is made and without which XGBoost "
            "cannot be imported; leave out -OO, or set PYTHONOPTIMIZE to 1 or nothing"
        )


def misspelt(arguments: Sequence[str]) -> str:
    """Return the first argument that is no text, as the name of a file may be; `""` if none is."""
    return next((one for one in arguments if any("\ud800" <= c <= "\udfff" for c in one)), "")


def open_streams() -> None:
    """Give streams that the caller has closed somewhere to lead to: nowhere.

    Otherwise the next file opened would get the number of the closed one, and what a library
    prints would be written into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115 - as long as we run
            setattr(sys, name, stream)


def fit_stdout() -> None:
    """Let stdout write what is like a character where its encoding lacks it, instead of failing.

    Terminals and pipes without UTF-8 are rare, and are no reason to end with half a result.
    """
    codecs.register_error("alike", _alike)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="alike")


def _alike(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_ascii, error.object[error.start : error.end])), error.end


def _ascii(char: str) -> str:
    like = unicodedata.normalize("NFKD", char.translate(PLAIN))
    return like.encode("ascii", "ignore").decode() or "?"


@dataclass(frozen=True)
class Console:
    """How a command speaks: as JSON or for people, with or without progress."""

    json: bool = False
    quiet: bool = False

    def emit(self, value: Mapping[str, Any], people: Callable[[], None] | None = None) -> None:
        """Write a result: one JSON object on a line, or whatever `people` prints."""
        if self.json or people is None:
            line = as_line(value)
            try:
                line.encode(sys.stdout.encoding or "utf-8")
            except UnicodeEncodeError:  # JSON can say every character in ASCII
                line = json.dumps(json.loads(line)) + "\n"
            sys.stdout.write(line)
            sys.stdout.flush()
        else:
            people()

    def note(self, text: str) -> None:
        """Write a line for people to stderr, unless they asked for quiet."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def note_kept(self, folder: Path) -> None:
        """Say what lies in the folder of a new model and is not of it."""
        from virality.modeling.bundle_folder import strangers

        kept = strangers(folder)
        if kept:
            self.note(
                f"{folder}: kept what is not of the model: {', '.join(kept)}; what it says may be "
                "of the model that was there"
            )

    def warn(self, text: str) -> None:
        """Write a line to stderr that says why not all was done: quiet does not silence it."""
        print(f"warning: {text}", file=sys.stderr, flush=True)

    def remark(self, remarks: "Remarks") -> None:
        """Write what has to be said of posts as they were read."""
        for warning in remarks.warnings:
            self.warn(warning)
        for note in remarks.notes:
            self.note(note)

    @contextmanager
    def progress(self, label: str) -> Iterator[Progress]:
        """Give a callback `(done, total)` that shows how far a long step has come."""
        if self.quiet:
            yield lambda _done, _total: None
        elif sys.stderr.isatty():
            yield from _bar(label)
        else:
            yield _plain(label)


def as_line(value: Mapping[str, Any]) -> str:
    """Return a value as one line of strict JSON; NaN becomes null."""
    return json.dumps(_strict(value), ensure_ascii=False, allow_nan=False) + "\n"


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not (abs(value) < float("inf")):
        return None
    return value


def _bar(label: str) -> Iterator[Progress]:
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=RichConsole(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _plain(label: str) -> Progress:
    last = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PLAIN_LINE_EVERY_S:
            last = now
            of_all = f" of {total}" if total else ""  # 0 while that is unknown
            print(f"{label}: {done}{of_all}", file=sys.stderr, flush=True)

    return show
