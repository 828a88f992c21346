"""Turns at what one crew can answer only one after the other.

Whoever waits for a turn holds no thread, of which a server has few: a hundred waiting questions
would keep all else from being answered. And those who ask take turns, so that somebody with one
question does not wait behind all of another's.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from virality.web.refusal import Refusal

WAIT_S = 10.0
"""How long a question waits for those before it."""

Waiting = deque[asyncio.Future[None]]


class Turns:
    """Who may ask next; used from one event loop only."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: dict[str, Waiting] = {}  # whoever's turn is next stands first

    @asynccontextmanager
    async def turn(self, asker: str, wait_s: float) -> AsyncIterator[None]:
        """Wait for a turn and hold it.

        Args:
            asker: whose question it is.
            wait_s: how long to wait for the turn at most.

        Raises:
            Refusal: if the turn does not come in time.
        """
        if self._taken:
            await self._come(asker, wait_s)
        self._taken = True
        try:
            yield
        finally:
            self._pass_on()

    async def _come(self, asker: str, wait_s: float) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(asker, deque()).append(mine)
        try:
            async with asyncio.timeout(wait_s):
                await mine
        except (TimeoutError, asyncio.CancelledError) as error:
            if mine.done() and not mine.cancelled():  # it came just as this gave up
                self._pass_on()
            if isinstance(error, TimeoutError):
                raise Refusal(
                    503, "busy", "too many questions at once; try again soon", 2
                ) from None
            raise

    def _pass_on(self) -> None:
        """Let the next one go on; those of the same asker come after everybody else's."""
        while self._waiting:
            asker = next(iter(self._waiting))
            theirs = self._waiting.pop(asker)
            following = _first_there(theirs)
            if theirs:
                self._waiting[asker] = theirs
            if following is not None:
                following.set_result(None)
                return
        self._taken = False


def _first_there(waiting: Waiting) -> asyncio.Future[None] | None:
    """Take out the first who still waits; who gave up meanwhile is left out."""
    while waiting:
        first = waiting.popleft()
        if not first.done():
            return first
    return None
