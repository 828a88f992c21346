"""Taking a request for predictions in: a place in the queue first, then its clips, then the job."""

from typing import TYPE_CHECKING

from fastapi import Request

from virality.data.errors import StorageError
from virality.web.ask import candidates_of
from virality.web.refusal import Refusal
from virality.web.uploads import receive_form

if TYPE_CHECKING:
    from virality.web.jobs import Board, Job
    from virality.web.settings import Settings
    from virality.web.uploads import Form
    from virality.workflow.predictor import Candidate


async def take_in(request: Request, board: "Board") -> "Job":
    """Return the job that a form asks for; whatever goes wrong, nothing of it stays on disk.

    Raises:
        Refusal: if the queue is full or the form cannot be used.
        StorageError: if the disk is full or its folder cannot be written.
        ClientDisconnect: if the other side hangs up.
    """
    try:
        folder = board.reserve()
        try:
            form = await receive_form(request, folder, board.settings)
            candidates = _asked(form, board.settings)
        except BaseException:
            board.release(folder)
            raise
    except OSError as error:
        raise StorageError(board.unkept(error)) from error
    board.metrics.bytes.inc(form.bytes)
    return board.submit(candidates, folder, visitor_of(request, board))


def _asked(form: "Form", settings: "Settings") -> tuple["Candidate", ...]:
    """Return what a form asks for; one that cannot be used is told with what it said."""
    try:
        return candidates_of(form, settings)
    except Refusal as refusal:
        refusal.texts = form.texts
        raise


def visitor_of(request: Request, board: "Board") -> str:
    """Return what the log calls whoever sent a request, `""` if there is no log."""
    address = request.client.host if request.client else ""
    return board.ledger.visitor(address) if board.ledger is not None else ""
