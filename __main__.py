"""Run the command line: `virality`, or `python -m virality`."""

import os
import signal

EXIT_INTERRUPTED = 130


def main() -> None:
    """Run the command line; Ctrl-C ends it quietly while its modules are imported too."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:  # not so in the background
        signal.signal(signal.SIGINT, _leave)
    from virality.cli import main as run

    run(interruptible=ours)


def _leave(*_: object) -> None:
    """Leave at once: nothing has begun, and an exception in an import would be a traceback."""
    os._exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
