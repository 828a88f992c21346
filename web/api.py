"""The JSON API."""

import json
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.requests import ClientDisconnect

from virality.data.outcomes import Outcome
from virality.reports.result_page import changed_words, outcome_words
from virality.reports.words import amount, value_words
from virality.web import metrics
from virality.web.intake import take_in, visitor_of
from virality.web.refusal import Refusal
from virality.web.schemas import (
    FORM,
    Changed,
    Health,
    JobId,
    JobView,
    ModelView,
    PredictionId,
    Started,
    Taken,
    Told,
    Trouble,
    WhatIf,
)
from virality.web.turns import WAIT_S
from virality.web.wording import fields_of, state_of
from virality.workflow.console import as_line

if TYPE_CHECKING:
    from virality.web.jobs import Board, Job
    from virality.web.told import Ledger
    from virality.workflow.answer import Answer


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what the document says about answers that refuse."""
    return {status: {"model": Trouble} for status in (400, 401, *statuses)}


router = APIRouter(prefix="/api/v1")
plain = APIRouter()


def board_of(request: Request) -> "Board":
    """Return the jobs of the server that a request came to."""
    board: Board = request.app.state.board
    return board


def ledger_of(request: Request) -> "Ledger":
    """Return the log of the server that a request came to.

    Raises:
        Refusal: if it keeps none.
    """
    ledger = board_of(request).ledger
    if ledger is None:
        raise Refusal(404, "no_log", "this server keeps no log of predictions")
    return ledger


def item_of(job: "Job", item: int) -> "Answer":
    """Return an answer of a job.

    Raises:
        Refusal: if there is none, or none yet.
    """
    if job.state in ("waiting", "running"):
        raise Refusal(409, "not_yet", "the result is not there yet", 1)
    if not 0 <= item < len(job.answers):
        raise Refusal(404, "no_item", "the result has no such candidate")
    return job.answers[item]


def plainly(value: Any) -> Any:
    """Return strict JSON: NaN becomes null."""
    return json.loads(as_line({"value": value}))["value"]


@router.post(
    "/jobs",
    status_code=202,
    response_model=Started,
    responses=refusals(403, 408, 413, 415, 422, 503),
    openapi_extra=FORM,
)
async def start(request: Request, response: Response) -> dict[str, Any]:
    """Send clips and captions; every clip is predicted with every caption."""
    job = await take_in(request, board_of(request))
    response.headers["location"] = f"/api/v1/jobs/{job.id}"
    return {"id": job.id, "state": job.state, "url": f"/api/v1/jobs/{job.id}"}


@router.get("/jobs/{job_id}", response_model=JobView, responses=refusals(404, 422))
async def look(request: Request, job_id: JobId, brief: bool = False) -> JSONResponse:
    """Ask how far a job is; the result is in it when its state is `done`."""
    job = board_of(request).find(job_id)
    view: dict[str, Any] = {**state_of(job), "error": job.error, "items": []}
    if not brief and job.state == "done":
        logged = job.predictions or ("",) * len(job.answers)
        view["items"] = [
            {**answer.as_json(), "prediction_id": number}
            for answer, number in zip(job.answers, logged, strict=True)
        ]
    return JSONResponse(plainly(view))


@router.delete("/jobs/{job_id}", status_code=204, responses=refusals(403, 404, 422))
async def drop(request: Request, job_id: JobId) -> Response:
    """Forget a job and its result."""
    board_of(request).drop(job_id)
    return Response(status_code=204)


@router.post(
    "/jobs/{job_id}/items/{item}/what-if",
    response_model=Changed,
    responses=refusals(403, 404, 408, 409, 413, 422, 503),
)
async def what_if(request: Request, job_id: JobId, item: int, asked: WhatIf) -> JSONResponse:
    """Ask what a candidate's prediction would be with other values."""
    board = board_of(request)
    earlier = item_of(board.find(job_id), item)
    async with board.turns.turn(job_id, WAIT_S):
        if await request.is_disconnected():  # a page that has newer values hangs up
            raise ClientDisconnect
        view = await run_in_threadpool(_changed, board, earlier, asked)
    return JSONResponse(view)


def _changed(board: "Board", earlier: "Answer", asked: WhatIf) -> dict[str, Any]:
    known = fields_of(earlier.known, asked.model_dump(exclude={"levers"}, exclude_none=True))
    with board.aside() as crew:
        made = board.predictor.change(earlier, known, asked.levers, crew)
    target, now, then = board.predictor.model.target, earlier.forecast.as_json(), made.as_json()
    units = {lever.column: lever.unit for lever in board.predictor.levers}
    frame = earlier.features.matrix.frame
    values = {name: float(frame[name].iloc[0]) for name in units} | asked.levers
    words = {
        "prediction": amount(made.prediction, target.unit, target.counts),
        "effect": changed_words(now, then, target),
        "beside": outcome_words(then, target),
        "levers": {name: value_words(value, units[name], name) for name, value in values.items()},
    }
    view: dict[str, Any] = plainly({"forecast": then, "words": words})
    return view


@router.post(
    "/predictions/{prediction_id}/feedback",
    response_model=Taken,
    responses=refusals(403, 404, 408, 413, 422, 503),
)
def tell(request: Request, prediction_id: PredictionId, told: Told) -> dict[str, Any]:
    """Tell what became of a post; what cannot be true is held back with reasons."""
    outcome = Outcome(prediction=prediction_id, **told.model_dump())
    receipt = ledger_of(request).tell(outcome, visitor_of(request, board_of(request)))
    return {"state": receipt.state, "reasons": list(receipt.reasons)}


@router.get("/model", response_model=ModelView, responses=refusals())
async def model(request: Request) -> JSONResponse:
    """Ask what the model is, what can be changed and what the limits are."""
    predictor = board_of(request).predictor
    settings, card = board_of(request).settings, predictor.model.card.as_json()
    view = {name: card[name] for name in ModelView.model_fields if name in card}
    view["outcomes"] = [one.name for one in predictor.model.stack.ratios]
    view["levers"] = [vars(lever) for lever in predictor.levers]
    names = ("clip_bytes", "clips", "captions", "candidates")
    view["limits"] = {name: getattr(settings, name) for name in names}
    return JSONResponse(plainly(view))


@plain.get("/health", response_model=Health, responses={400: {"model": Trouble}})
async def health(request: Request) -> dict[str, Any]:
    """Ask whether the server lives and whether it is warm."""
    return {"status": "ok", "ready": board_of(request).ready.is_set()}


@plain.get("/metrics", response_class=PlainTextResponse, responses=refusals())
async def measured(request: Request) -> PlainTextResponse:
    """Ask for counters in the text format of Prometheus."""
    text = request.app.state.metrics.text()
    return PlainTextResponse(text, media_type=metrics.CONTENT_TYPE)
