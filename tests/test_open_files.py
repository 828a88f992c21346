"""A server where few files may be open: it says so, and a flood does not fill its log."""

import asyncio
import errno
import resource

import pytest

from virality.data.errors import StorageError
from virality.web.open_files import BESIDE, Quiet, allow_files
from virality.web.settings import Settings


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [((40, 4096), (256 + BESIDE, 4096)), ((1024, 1024), None), ((40, 40), "refused")],
)
def test_as_many_files_as_connections_need_are_allowed_or_asked_for(monkeypatch, limits, wanted):
    made = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, bounds: made.append(bounds))
    if wanted == "refused":
        with pytest.raises(StorageError, match=r"only 40 files .* 320 are needed .*ulimit -n"):
            allow_files(Settings())
    else:
        allow_files(Settings())
        assert made == ([wanted] if wanted else [])


def test_connections_that_cannot_be_taken_are_told_once(capsys):
    """asyncio had written 2,048 tracebacks a second."""
    quiet, error = Quiet(), OSError(errno.EMFILE, "Too many open files")

    async def flood() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(quiet)
        for _ in range(2048):
            loop.call_exception_handler(
                {"message": "socket.accept() out of system resource", "exception": error}
            )

    asyncio.run(flood())
    said = capsys.readouterr().err
    assert said.count("no more connections can be taken") == 1
    assert "Traceback" not in said
