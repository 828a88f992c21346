"""The pages of a server: what was asked, how far it is, what came of it, what went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from virality.reports.render import policy_of, render_page
from virality.reports.result_page import ResultPage, heading_of
from virality.reports.strings import STRINGS, counted, say
from virality.reports.words import size_words, tidy, whole

STAGES = ("waiting", "text", "decode", "audio", "frames", "stream", "predict")
FACTS = (
    "followers", "posted_at", "hashtags", "sound_title", "sound_original", "sound", "author",
)  # fmt: skip
"""Fields of the form beside clips and captions."""

SHEETS, SCRIPT = ("report.css", "serve.css"), "serve.js"


@dataclass(frozen=True)
class Page:
    """A page and the content security policy that it needs."""

    html: str
    policy: str


def _page(template: str, **values: Any) -> Page:
    html = render_page(template, (SCRIPT,), SHEETS, **values)
    return Page(html, policy_of(SHEETS, SCRIPT))


@dataclass(frozen=True)
class AskPage:
    """The form: its limits, what the model is, and what was wrong with the last try."""

    clip_bytes: int
    clips: int
    captions: int
    candidates: int
    size: str
    about: str
    local: bool
    trouble: str
    words: Mapping[str, str]
    texts: tuple[str, ...]
    typed: Mapping[str, str]


def render_ask(
    clip_bytes: int,
    clips: int,
    captions: int,
    candidates: int,
    card: Mapping[str, Any],
    local: bool,
    trouble: str,
    beside: Sequence[str] = (),
    typed: Sequence[tuple[str, str]] = (),
) -> Page:
    """Return the form.

    Args:
        clip_bytes: largest clip.
        clips: most of them.
        captions: most of them.
        candidates: most combinations of both.
        card: of the model.
        local: only this computer can reach the server.
        trouble: what was wrong with the last try.
        beside: outcomes that the model predicts beside its target.
        typed: fields of the last try, captions among them; those of other names are left out.
    """
    size = size_words(clip_bytes)
    keys = {
        "big": "script.big", "many": "script.many", "crossed": "script.crossed",
        "nothing": "script.nothing", "gone": "script.gone", "unread": "script.unread",
        "between": "script.between", "lost": "script.lost",
        "refused": "refused", "remove": "ask.remove", "caption": "ask.caption.n",
    }  # fmt: skip
    words = {key: open_string(f"serve.{name}") for key, name in keys.items()}
    texts = [text for name, text in typed if name == "caption" and text.strip()][:captions]
    return _page(
        "serve_ask.html.j2",
        ask=AskPage(
            clip_bytes, clips, captions, candidates, size, _about(card, beside), local,
            _refused(trouble), {**words, "size": size}, tuple(texts) or ("",),
            {name: next((text for key, text in typed if key == name), "") for name in FACTS},
        ),
    )  # fmt: skip


def _refused(trouble: str) -> str:
    return say("serve.refused", why=trouble.rstrip(".")) if trouble else ""


def open_string(key: str) -> str:
    """Return a string with its gaps left open, for a script to fill."""
    return STRINGS[key]


def _about(card: Mapping[str, Any], beside: Sequence[str]) -> str:
    names = [card["unit"], *(say(f"serve.outcome.{name}") for name in beside)]
    facts = {"target": ", ".join(names), "rows": whole(card["rows"])}
    first, last = card["first_posted_at"][:10], card["last_posted_at"][:10]
    if not (first and last and card["authors"]):
        return say("serve.ask.model.bare", **facts)
    facts |= {"authors": whole(card["authors"]), "first": first, "last": last}
    return counted("serve.ask.model", card["authors"], **facts)


@dataclass(frozen=True)
class Stage:
    """One step of the way: past, now or to come."""

    key: str
    label: str
    state: str


@dataclass(frozen=True)
class WaitPage:
    """How far a job is."""

    id: str
    stages: tuple[Stage, ...]
    measured: str
    words: Mapping[str, str]


def render_wait(job: str, stage: str, done: int, total: int, clips: bool, captions: bool) -> Page:
    """Return the page of a job under way.

    Args:
        job: its id.
        stage: what it is at.
        done: clips and captions measured.
        total: all of them.
        clips: whether it has any.
        captions: whether it has any.
    """
    media = ("decode", "audio", "frames", "stream")
    shown = [one for one in STAGES if (clips or one not in media) and (captions or one != "text")]
    now = STAGES.index(stage) if stage in STAGES else len(STAGES)
    states = {
        one: "past" if STAGES.index(one) < now else "now" if one == stage else "" for one in shown
    }
    stages = tuple(Stage(one, say(f"serve.wait.{one}"), states[one]) for one in shown)
    measured = say("serve.wait.measured", done=done, total=total) if total else ""
    words = {
        "measured": open_string("serve.wait.measured"), "lost": open_string("serve.script.lost")
    }  # fmt: skip
    return _page("serve_wait.html.j2", wait=WaitPage(job, stages, measured, words))


@dataclass(frozen=True)
class Urls:
    """Where the forms of a result go; `feedback` is `""` without a log of predictions."""

    what_if: str
    feedback: str = ""


@dataclass(frozen=True)
class Receipt:
    """What became of feedback."""

    words: str
    held: bool


def receipt_of(state: str, reasons: Sequence[str]) -> Receipt:
    """Return what to say about feedback that was taken in, held or known already."""
    why = "; ".join(tidy(reason) for reason in reasons)
    return Receipt(say(f"serve.told.{state}", why=why), state == "quarantined")


def render_result(page: ResultPage, known: Mapping[str, str], urls: Urls) -> Page:
    """Return the page of a result.

    Args:
        page: words, numbers and positions.
        known: caption, hashtags, posted_at and sound_title as the what-if form begins with them.
        urls: where its forms go.
    """
    words = {
        "busy": say("serve.change.busy"), "failed": open_string("serve.refused"),
        "lost": open_string("serve.script.lost"),
    }  # fmt: skip
    return _page(
        "serve_result.html.j2", page=page, known=known, urls=urls, words=words,
        caption=tidy(known["caption"], 400),
    )  # fmt: skip


@dataclass(frozen=True)
class ToldPage:
    """A prediction that was kept, and what is told of it."""

    id: str
    url: str
    made: str
    sentence: str
    receipt: Receipt | None
    trouble: str
    typed: Mapping[str, str]


def render_told(
    prediction: str,
    made_at: datetime,
    sentence: str,
    receipt: Receipt | None,
    trouble: str,
    typed: Mapping[str, str],
) -> Page:
    """Return the page that asks what came of a prediction.

    Args:
        prediction: its id.
        made_at: when it was made, UTC.
        sentence: what was predicted.
        receipt: of feedback that has just been given.
        trouble: what was wrong with the last try.
        typed: its fields.
    """
    made = say("serve.told.made", when=made_at.strftime("%Y-%m-%d %H:%M"))
    page = ToldPage(
        prediction, f"/predictions/{prediction}", made, sentence, receipt, _refused(trouble), typed
    )
    return _page("serve_told.html.j2", told=page)


@dataclass(frozen=True)
class ErrorPage:
    """A request that was not served; `again` says when it may be."""

    status: int
    heading: str
    message: str
    again: str


def render_error(status: int, message: str, retry_s: int = 0) -> Page:
    """Return the page that says why a request was not served.

    Args:
        status: of HTTP.
        message: why.
        retry_s: after how many seconds it may be tried again, 0 if that changes nothing.
    """
    again = say("serve.error.again", seconds=retry_s) if retry_s else ""
    error = ErrorPage(status, heading_of(status), as_sentence(message), again)
    return _page("serve_error.html.j2", error=error)


def as_sentence(message: str) -> str:
    """Return a reason as a sentence of its own.

    >>> as_sentence("the queue is full")
    'The queue is full.'
    """
    return f"{message[:1].upper()}{message[1:].rstrip('.')}."


def render_login(wrong: bool, to: str) -> Page:
    """Return the page that asks for the token.

    Args:
        wrong: whether another one was given just now.
        to: address of the page that comes after it.
    """
    return _page("serve_login.html.j2", login={"wrong": wrong, "to": to})
