"""Taking a request for predictions in: a place in the queue first, then its clips, then the job."""

from typing import TYPE_CHECKING

from fastapi import Request

from virality.web.ask import candidates_of
from virality.web.uploads import receive_form

if TYPE_CHECKING:
    from virality.web.jobs import Board, Job


async def take_in(request: Request, board: "Board") -> "Job":
    """Return the job that a form asks for; whatever goes wrong, nothing of it stays on disk.

    Raises:
        Refusal: if the queue is full or the form cannot be used.
        ClientDisconnect: if the other side hangs up.
    """
    folder = board.reserve()
    try:
        form = await receive_form(request, folder, board.settings)
        candidates = candidates_of(form, board.settings)
    except BaseException:
        board.release(folder)
        raise
    board.metrics.bytes.inc(form.bytes)
    return board.submit(candidates, folder)
