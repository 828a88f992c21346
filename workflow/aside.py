"""Libraries loaded in a thread while worker processes measure: with two cores it costs no time."""

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module


def load_aside(*names: str) -> None:
    """Begin to import modules in another thread; who needs one sooner waits for it as usual.

    A module that cannot be imported says so where it is needed, not here.
    """
    thread = ThreadPoolExecutor(1, "load-aside")
    for name in names:
        thread.submit(import_module, name)
    thread.shutdown(wait=False)
