"""The pages: the form, the way, the result, and what went wrong."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from virality.modeling.targets import find_target
from virality.reports import serve_page
from virality.reports.result_page import lay_out_result, told
from virality.web.api import board_of, item_of, ledger_of
from virality.web.intake import take_in, visitor_of
from virality.web.refusal import Refusal
from virality.web.told import outcome_of
from virality.web.uploads import receive_form
from virality.web.wording import texts_of

if TYPE_CHECKING:
    from virality.web.jobs import Board, Job

router = APIRouter(include_in_schema=False)

PAGE_HERE = re.compile(r"/(?!/)[!-\[\]-~]*")
"""No `//host`, and no backslash or blank, of which browsers make one."""


def shown(page: serve_page.Page, status: int = 200) -> HTMLResponse:
    """Return an answer that shows a page under its own content policy."""
    return HTMLResponse(page.html, status, {"content-security-policy": page.policy})


@router.get("/")
async def ask(request: Request) -> HTMLResponse:
    """Show the form.

    Browsers keep a page with the chosen files and all that was typed for whoever comes back to it,
    unless its answer forbids to store it. This one holds nothing of anybody.
    """
    page = ask_again(board_of(request), "", 200)
    page.headers["cache-control"] = "private, no-cache"
    return page


def ask_again(
    board: "Board", trouble: str, status: int, texts: Sequence[tuple[str, str]] = ()
) -> HTMLResponse:
    """Show the form with what was wrong and what was typed; browsers give no file back."""
    settings, card = board.settings, board.predictor.model.card.as_json()
    page = serve_page.render_ask(
        settings.clip_bytes, settings.clips, settings.captions, settings.candidates, card,
        settings.local, trouble, [one.name for one in board.predictor.model.stack.ratios], texts,
    )  # fmt: skip
    return shown(page, status)


@router.get("/predict")
async def begin_again() -> RedirectResponse:
    """Lead to the form whoever comes back to the address of a refused one."""
    return RedirectResponse("/", 303)


@router.post("/predict")
async def predict(request: Request) -> Response:
    """Take the form of a browser without scripts."""
    try:
        job = await take_in(request, board_of(request))
    except Refusal as refusal:
        if refusal.status == 422:
            return ask_again(board_of(request), refusal.message, 422, refusal.texts)
        raise
    return RedirectResponse(f"/results/{job.id}", 303)


@router.get("/results/{job_id}")
async def result(request: Request, job_id: str, item: int | None = None) -> HTMLResponse:
    """Show how far a job is, or what came of it."""
    job = board_of(request).find(job_id)
    if job.state in ("waiting", "running"):
        clips = any(one.clip is not None for one in job.candidates)
        captions = any(one.known.caption for one in job.candidates)
        return shown(
            serve_page.render_wait(job.id, job.stage, job.done, job.total, clips, captions)
        )
    if job.state == "failed":
        return shown(serve_page.render_error(500, job.error), 500)
    return shown(result_page(board_of(request), job, best_of(job) if item is None else item))


def best_of(job: "Job") -> int:
    """Return which candidate is predicted to go furthest."""
    places = range(len(job.answers))
    read = [i for i in places if job.answers[i].status != "failed"] or list(places)
    return max(read, key=lambda i: (job.answers[i].forecast.prediction, -i))


def result_page(board: "Board", job: "Job", item: int) -> serve_page.Page:
    """Return the page of one candidate."""
    one, predictor = item_of(job, item), board.predictor
    frame = one.features.matrix.frame
    levers = [
        {**vars(lever), "value": value}
        for lever in predictor.levers
        if (value := float(frame[lever.column].iloc[0])) == value
    ]
    page = lay_out_result(
        [answer.as_json() for answer in job.answers],
        item,
        predictor.model.target,
        hit_threshold=predictor.model.card.hit_threshold,
        top_fifth=predictor.model.stack.bar is None,
        unbeaten=predictor.unbeaten,
        gains=[gain.as_json() for gain in one.gains],
        levers=levers,
    )
    path = f"{job.id}/items/{item}"
    kept = f"/predictions/{job.predictions[item]}" if job.predictions else ""
    urls = serve_page.Urls(f"/api/v1/jobs/{path}/what-if", kept)
    return serve_page.render_result(page, texts_of(one.known), urls)


@router.get("/predictions/{prediction}")
def prediction(request: Request, prediction: str) -> HTMLResponse:
    """Show what was predicted once, and ask what came of it."""
    return told_page(request, prediction)


@router.post("/predictions/{prediction}")
async def tell(request: Request, prediction: str) -> HTMLResponse:
    """Take what came of a prediction and say what is done with it."""
    board, ledger = board_of(request), ledger_of(request)
    form = await receive_form(request, None, board.settings)
    try:
        outcome = outcome_of(prediction, dict(form.texts))
        receipt = await run_in_threadpool(ledger.tell, outcome, visitor_of(request, board))
    except Refusal as refusal:
        if refusal.status != 422:
            raise
        page = await run_in_threadpool(
            told_page, request, prediction, trouble=refusal.message, typed=dict(form.texts)
        )
        page.status_code = 422
        return page
    words = serve_page.receipt_of(receipt.state, receipt.reasons)
    return await run_in_threadpool(told_page, request, prediction, receipt=words)


def told_page(
    request: Request,
    name: str,
    receipt: serve_page.Receipt | None = None,
    trouble: str = "",
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """Return the page of a prediction that was kept."""
    kept = ledger_of(request).find(name)
    target = find_target(kept.target)  # of the model that made it: another may be served by now
    sentence = told({"prediction": kept.prediction, "low": kept.low, "high": kept.high}, target)
    page = serve_page.render_told(name, kept.made_at, sentence, receipt, trouble, typed or {})
    return shown(page)


@router.get("/login")
async def login(to: str = "/") -> HTMLResponse:
    """Ask for the token before a page that was asked for."""
    return shown(serve_page.render_login(False, page_here(to)))


def page_here(to: str) -> str:
    """Return the address of a page of this server, the first one if it is none: links may lie."""
    return to if PAGE_HERE.fullmatch(to) else "/"


@router.post("/login")
async def let_in(request: Request) -> Response:
    """Check the token and give the browser something to show from now on."""
    board = board_of(request)
    form = await receive_form(request, None, board.settings)
    fields = dict(form.texts)
    told, to = fields.get("token", "").strip(), page_here(fields.get("to", "/"))
    if not board.settings.token or not board.settings.knows(told):
        return shown(serve_page.render_login(True, to), 401)
    answer = RedirectResponse(to, 303)
    answer.set_cookie(
        board.settings.cookie_name, board.settings.cookie, httponly=True, samesite="strict"
    )
    return answer
