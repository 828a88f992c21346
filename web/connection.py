"""Connections with clocks: whoever has one must soon say why, and read what is answered."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from virality.web.settings import Settings


class Prompt(H11Protocol):
    """Uvicorn's connection, closed where no request begins in time, or no answer is read.

    Uvicorn's own clock between requests ends with the first byte, whatever that begins; and without
    one for answers, whoever reads none would hold a connection for good, with all that waits in it.

    Attributes:
        settings: how long either may take.
    """

    settings: Settings
    _clock: asyncio.TimerHandle
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wind()

    def handle_events(self) -> None:
        """Take what came; a request that begins stops the clock."""
        super().handle_events()
        # The rest of a body whose answer is complete is no request, however slowly it comes.
        if self.cycle is not None and not self.cycle.response_complete:
            self._clock.cancel()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._clock.cancel()
        self._wind()
        super().on_response_complete()  # the next request may be there, and begins in this

    def pause_writing(self) -> None:
        """Begin to wait for a reader: more is unread than is kept for anybody."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Go on: enough was read."""
        super().resume_writing()
        self._leave_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all clocks."""
        self._clock.cancel()
        self._leave_reader()
        super().connection_lost(exc)

    def _wind(self) -> None:
        self._clock = self.loop.call_later(self.settings.header_s, self._close)

    def _close(self) -> None:
        self.transport.close()
        self._watch_reader()  # closing waits until all is read

    def _watch_reader(self) -> None:
        self._leave_reader()
        left = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(self.settings.idle_s, self._judge_reader, left)

    def _judge_reader(self, before: int) -> None:
        read = before - self.transport.get_write_buffer_size()
        if read < max(self.settings.min_rate * self.settings.idle_s, 1):
            self.transport.abort()
        else:
            self._watch_reader()

    def _leave_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None


def prompt(settings: Settings) -> type[Prompt]:
    """Return the connections of a server."""
    return type("Prompt", (Prompt,), {"settings": settings})
