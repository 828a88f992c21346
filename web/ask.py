"""From the fields of a form to candidates: every clip with every caption."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from virality.data.cells import hash_author
from virality.data.numbers import Refused
from virality.data.post_years import bounds, is_of_posts
from virality.data.times import read_iso
from virality.web.refusal import Refusal
from virality.web.settings import Settings
from virality.web.uploads import Form, Upload
from virality.workflow.predict import Known
from virality.workflow.predictor import Candidate

SINGLE = (
    "author", "followers", "posted_at", "hashtags", "sound", "sound_title", "sound_original",
    "utc_offset",
)  # fmt: skip
CAPTION_LENGTH, SHORT, TAGS = 4000, 200, 60
TAGS_LENGTH = 4000
"""Characters of all hashtags together, as of a caption: platforms take them as a part of it."""

MOST_FOLLOWERS = 10**10
CAPTION_NAME = "caption"


def candidates_of(form: Form, settings: Settings) -> tuple[Candidate, ...]:
    """Return what a form asks for.

    Raises:
        Refusal: naming the field that cannot be used and why.
    """
    fields = _single_fields(form)
    captions = [text.strip() for name, text in form.texts if name == "caption" and text.strip()]
    if len(captions) > settings.captions:
        raise Refusal(422, "caption", f"at most {settings.captions} captions are taken")
    known = read_known(fields)
    if not form.clips and not captions:
        raise Refusal(422, "nothing", "give a clip, a caption, or both")
    asked = _crossed(form.clips, [_caption(text) for text in dict.fromkeys(captions)], known)
    if len(asked) > settings.candidates:
        raise Refusal(
            422, "too_many", f"{len(asked)} combinations; at most {settings.candidates} are taken"
        )
    return tuple(asked)


def _crossed(clips: Sequence[Upload], captions: Sequence[str], known: Known) -> list[Candidate]:
    texts: list[str | None] = [*captions] or [None]
    files: list[tuple[str, Upload | None]] = [*zip(_names(clips), clips, strict=True)]
    found = []
    for name, clip in files or [("", None)]:
        for number, caption in enumerate(texts, start=1):
            parts = [name] if clip else []
            if len(texts) > 1 or not clip:
                parts.append(CAPTION_NAME if len(texts) == 1 else f"{CAPTION_NAME} {number}")
            path = clip.path if clip else None
            found.append(Candidate(" · ".join(parts), path, replace(known, caption=caption)))
    return found


def _names(clips: Sequence[Upload]) -> list[str]:
    """Return what clips are called: no endings, no numbers, unless two would be called the same."""
    stems = [clip.name.rpartition(".")[0] or clip.name for clip in clips]
    names = [
        clip.name if stems.count(stem) > 1 else stem
        for clip, stem in zip(clips, stems, strict=True)
    ]
    return [
        f"{name} ({names[: place + 1].count(name)})" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]


def read_known(fields: dict[str, str]) -> Known:
    """Return the facts of a post from text fields; blank ones say nothing.

    Raises:
        Refusal: naming the field.
    """
    given = {name: text.strip() for name, text in fields.items() if text.strip()}
    original = given.get("sound_original")
    if original not in (None, "true", "false"):
        raise Refusal(422, "sound_original", "sound_original is true or false")
    return Known(
        author=_account(given),
        followers=_followers(given.get("followers")),
        posted_at=_moment(given.get("posted_at"), given.get("utc_offset")),
        hashtags=_tags(given.get("hashtags", "")),
        sound=_short(given, "sound"),
        sound_title=_short(given, "sound_title"),
        sound_original=None if original is None else original == "true",
    )


def _single_fields(form: Form) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, text in form.texts:
        if name == "caption":
            continue
        if name not in SINGLE:
            raise Refusal(422, "unknown_field", f"there is no field {name[:40]!r}")
        if name in fields:
            raise Refusal(422, name, f"{name} is given more than once")
        fields[name] = text
    return fields


def _caption(text: str) -> str:
    if len(text) > CAPTION_LENGTH:
        raise Refusal(422, "caption", f"a caption has at most {CAPTION_LENGTH} characters")
    if "\0" in text:
        raise Refusal(422, "caption", "a caption holds no zero bytes")
    return text


def _short(given: dict[str, str], name: str) -> str | None:
    text = given.get(name)
    if text is not None and (len(text) > SHORT or "\0" in text):
        raise Refusal(422, name, f"{name} has at most {SHORT} characters and no zero bytes")
    return text


def _account(given: dict[str, str]) -> str | None:
    """Return an account as it was given, once it is sure that it can be read as one."""
    text = _short(given, "author")
    try:
        hash_author(text)
    except Refused as reason:
        raise Refusal(422, "author", f"author {text!r} {reason}") from None
    return text


def _followers(text: str | None) -> int | None:
    if text is None:
        return None
    digits = "".join(text.split()).replace(",", "")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 11:
        raise Refusal(422, "followers", "followers is a whole number, 0 or more")
    if int(digits) > MOST_FOLLOWERS:
        raise Refusal(422, "followers", "nobody has that many followers")
    return int(digits)


def _moment(text: str | None, offset: str | None) -> datetime | None:
    """Return a time; one without a zone is UTC, or the browser's that sent its offset."""
    if text is None:
        return None
    try:
        moment = read_iso(text)
        ahead = timedelta(minutes=int(offset)) if offset else timedelta(0)
        if not abs(ahead) <= timedelta(hours=16):
            raise ValueError(offset)
        if moment.tzinfo is None:
            moment = (moment - ahead).replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refusal(422, "posted_at", "posted_at is a time such as 2026-05-01T18:00") from None
    if not is_of_posts(moment):
        raise Refusal(422, "posted_at", f"posted_at lies {bounds()}")
    return moment


def _tags(text: str) -> tuple[str, ...]:
    """Return hashtags written with or without signs, between blanks or commas."""
    if len(text) > TAGS_LENGTH:
        raise Refusal(422, "hashtags", f"hashtags have at most {TAGS_LENGTH} characters together")
    words = [word.lstrip("#") for word in text.replace(",", " ").split()]
    tags = tuple(dict.fromkeys(word for word in words if word))
    if len(tags) > TAGS or any(len(tag) > SHORT for tag in tags) or "\0" in text:
        raise Refusal(422, "hashtags", f"at most {TAGS} hashtags of {SHORT} characters")
    return tags
