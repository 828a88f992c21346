"""How fast an upload must come, on a clock that the tests turn themselves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace

import pytest

from virality.data.errors import UsageError
from virality.web.refusal import Refusal
from virality.web.settings import Settings
from virality.web.uploads import receive_form

PART = b'--xyz\r\nContent-Disposition: form-data; name="clip"; filename="a.mp4"\r\n\r\n'
END = b"\r\n--xyz--\r\n"
SETTINGS = Settings()
EVERY_S = SETTINGS.idle_s


class Clockwork(asyncio.SelectorEventLoop):
    """An event loop whose time passes while everybody waits, and then at once."""

    def __init__(self) -> None:
        super().__init__()
        self._passed, look = 0.0, self._selector.select

        def select(timeout: float | None) -> list:
            self._passed += timeout or 0.0
            return look(0)

        self._selector.select = select

    def time(self) -> float:
        return self._passed


async def received(folder, pieces: Iterator[tuple[float, int]], settings: Settings):
    """What becomes of a clip that comes in pieces, each a pause and a number of bytes."""

    async def stream() -> AsyncIterator[bytes]:
        yield PART
        for pause_s, size in pieces:
            await asyncio.sleep(pause_s)
            yield b"x" * size
        yield END

    headers = {"content-type": "multipart/form-data; boundary=xyz"}
    request = SimpleNamespace(headers=headers, stream=stream)
    loop = asyncio.get_running_loop()
    try:
        return await receive_form(request, folder, settings), loop.time()
    except Refusal as refusal:
        return refusal, loop.time()


def upload(folder, *pieces: tuple[float, int], settings: Settings = SETTINGS):
    with asyncio.Runner(loop_factory=Clockwork) as runner:
        return runner.run(received(folder, iter(pieces), settings))


PHONE = [(1.0, 2500)] * 200
TUNNEL = [*([(0.1, 20_000)] * 10), (EVERY_S - 1, 20_000)] * 6


@pytest.mark.parametrize("pieces", [PHONE, TUNNEL], ids=["a slow phone", "a tunnel now and then"])
def test_who_is_slow_but_goes_on_is_waited_for(tmp_path, pieces):
    form, _ = upload(tmp_path, *pieces)
    assert form.bytes == sum(size for _, size in pieces)


DRIPS = {
    "a byte before the silence is too long": [(EVERY_S - 1, 1)] * 100,
    "a byte a second": [(1.0, 1)] * 1000,
    "nearly enough": [(1.0, 1900)] * 1000,
    "much at first, then a drip": [(0.0, 1_000_000), *([(1.0, 1)] * 1000)],
}


@pytest.mark.parametrize("name", DRIPS)
def test_a_drip_is_given_up_as_soon_as_silence(tmp_path, name):
    refusal, after = upload(tmp_path, *DRIPS[name])
    assert (refusal.status, refusal.code) == (408, "too_slow")
    assert after == pytest.approx(EVERY_S, abs=0.1)


def test_the_whole_has_its_time_too(tmp_path):
    refusal, after = upload(tmp_path, *[(1.0, 20_000)] * 1000)
    assert refusal.status == 408
    assert after == pytest.approx(SETTINGS.upload_s, abs=0.1)


def test_a_server_may_ask_for_less_or_more(tmp_path):
    drip = [(EVERY_S - 1, 1)] * 20
    form, _ = upload(tmp_path, *drip, settings=Settings(min_rate=0))
    assert form.bytes == 20
    (tmp_path / "more").mkdir()
    refusal, _ = upload(tmp_path / "more", *PHONE, settings=Settings(min_rate=3000.0))
    assert refusal.status == 408
    with pytest.raises(UsageError, match="min_rate"):
        Settings(min_rate=-1.0)
