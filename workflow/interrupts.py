"""Ctrl-C: it ends a command with 130, whatever the interpreter is doing when it comes."""

import atexit
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from types import TracebackType

EXIT_INTERRUPTED = 130


@dataclass
class Interrupts:
    """What became of Ctrl-C in this process.

    Attributes:
        pressed: whether it came.
        told: whether the user was told that it ended the command.
    """

    pressed: bool = False
    told: bool = False

    def take(self) -> None:
        """Make Ctrl-C unwind the command from now on."""
        signal.signal(signal.SIGINT, self._unwind)
        sys.excepthook, sys.unraisablehook = self._uncaught, self._swallowed
        atexit.register(self._settle)  # what libraries register later runs before

    def tell(self) -> None:
        """Say that the command was interrupted, which gives it its exit code."""
        print("interrupted; the same command goes on from here", file=sys.stderr)
        self.told = True

    def _unwind(self, *_: object) -> None:
        """Unwind at the first Ctrl-C; leave at once at the second, which workers then do too."""
        self.pressed = True
        signal.signal(signal.SIGINT, lambda *_: os._exit(EXIT_INTERRUPTED))
        raise KeyboardInterrupt

    def _uncaught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Tell of Ctrl-C where a library or an import made another error of it."""
        if self.pressed:
            self.tell()
        else:
            sys.__excepthook__(kind, error, trace)

    def _swallowed(self, unraisable: "sys.UnraisableHookArgs") -> None:
        """Leave at once where Ctrl-C came in a callback of Python's own, which would go on."""
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            os._exit(EXIT_INTERRUPTED)
        sys.__unraisablehook__(unraisable)

    def _settle(self) -> None:
        """Keep the exit code of what has ended; the last that runs of ours.

        Python gives Ctrl-C back to the system while it shuts down, where it would turn the code
        into a death by signal. It makes one of its own accord where Ctrl-C came in code that a
        library made of a text, as dataclasses are.
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if self.told:
            with contextlib.suppress(OSError, ValueError):  # closed, or nobody reads
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(EXIT_INTERRUPTED)
