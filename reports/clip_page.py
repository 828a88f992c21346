"""Inspection -> ClipPage: every word, number and position that the page of one clip shows.

Positions are texts such as `12.5%` and paths in a box of 1000 by 100, so that the page draws its
curves without a script, at any width, in any theme, and on paper.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from typing import Any

from virality.reports.clip_lanes import LOWEST_DB, Lane, draw_lanes, draw_ticks, place
from virality.reports.clip_story import (
    Standing,
    clock,
    facts_words,
    feature_label,
    opposed_words,
    place_words,
    standing_out,
    summary,
    trouble,
)
from virality.reports.inspection import OPENING_S, Curve, Inspection, Measured, Opposed, Timeline
from virality.reports.strings import MODALITIES, STRINGS, say
from virality.reports.words import percent, significant, tidy, value_words

FINE_S = 2.0
"""In shorter clips, times of pictures are told to a hundredth."""

_TILES: Mapping[str, str] = {
    "motion": "frames_motion__speed",
    "loudness": "audio_loudness__integrated_lufs",
    "speech": "audio_speech__speech_share",
}


@dataclass(frozen=True)
class Picture:
    """A picture with its time, its place on the axis and the words for who cannot see it."""

    at_s: float
    at: str
    alt: str
    source: str
    thumb: str
    width: int
    height: int
    x: str
    span: str


@dataclass(frozen=True)
class Tile:
    """A number at a glance: what it is, its unit or more of it, its place among other posts."""

    label: str
    value: str
    note: str
    place: str


@dataclass(frozen=True)
class HookRow:
    """The opening and the rest in one quantity: texts, widths of bars, words, place."""

    label: str
    opening: str
    rest: str
    opening_width: str
    rest_width: str
    words: str
    place: str


@dataclass(frozen=True)
class Row:
    """A feature as a line of a table; `x` is where its dot stands, `""` without a comparison."""

    label: str
    column: str
    unit: str
    meaning: str
    value: str
    usual: str
    x: str
    place: str
    present: bool


@dataclass(frozen=True)
class Group:
    """The features of one featurizer."""

    key: str
    title: str
    count: str
    missing: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Part:
    """The groups of one modality."""

    key: str
    title: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class ClipPage:
    """All that the template may show."""

    name: str
    status: str
    facts: tuple[str, ...]
    caption: str
    trouble: tuple[str, ...]
    summary: tuple[str, ...]
    tiles: tuple[Tile, ...]
    film: tuple[Picture, ...]
    opening: tuple[Picture, ...]
    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[str, str, str], ...]
    cuts: tuple[str, ...]
    hook_ends: str
    hook: tuple[HookRow, ...]
    hook_note: str
    standing: tuple[Standing, ...]
    parts: tuple[Part, ...]
    count: int
    groups: int
    others: int
    compared: int
    shape: str
    notes: tuple[str, ...]
    moments: Mapping[str, Any]


def lay_out(clip: Inspection) -> ClipPage:
    """Return the page of a clip: the same for the same inspection."""
    line = clip.timeline
    end_s = line.end_s if line is not None and line.end_s > 0 else 1.0
    film = [(one.at_s, one.picture, one.thumb, one.width, one.height) for one in clip.film]
    opening = [(one.at_s, one.picture, "", one.width, one.height) for one in clip.opening]
    parts = _parts(clip)
    return ClipPage(
        name=tidy(clip.name),
        status=clip.status,
        facts=facts_words(clip.facts),
        caption=tidy(clip.caption, 600),
        trouble=trouble(clip),
        summary=summary(clip),
        tiles=_tiles(clip),
        film=_pictures(film, "clip.film.alt", end_s),
        opening=_pictures(opening, "clip.hook.alt", end_s),
        lanes=draw_lanes(line, end_s) if line is not None else (),
        ticks=draw_ticks(end_s),
        cuts=tuple(place(cut, end_s) for cut in line.cuts_s) if line is not None else (),
        hook_ends=place(OPENING_S, end_s),
        hook=tuple(_hook_row(one, clip) for one in clip.hook),
        hook_note="" if any(isfinite(one.rest) for one in clip.hook) else say("clip.hook.short"),
        standing=standing_out(clip),
        parts=parts,
        count=len(clip.features),
        groups=sum(len(part.groups) for part in parts),
        others=clip.others,
        compared=sum(one.compared for one in clip.features),
        shape="wide" if film and film[0][3] > film[0][4] else "upright",
        notes=clip.notes,
        moments=_moments(clip, end_s),
    )


def _pictures(
    stills: Sequence[tuple[float, str, str, int, int]], alt: str, end_s: float
) -> tuple[Picture, ...]:
    digits = 1 if end_s >= FINE_S else 2
    ends = [*(still[0] for still in stills[1:]), end_s][: len(stills)]
    return tuple(
        Picture(
            at_s=at_s,
            at=clock(at_s, digits),
            alt=say(alt, at=clock(at_s, digits)),
            source=source,
            thumb=thumb,
            width=width,
            height=height,
            x=place(at_s, end_s),
            span=place(end - at_s, end_s),
        )
        for (at_s, source, thumb, width, height), end in zip(stills, ends, strict=True)
    )  # fmt: skip


def _tiles(clip: Inspection) -> tuple[Tile, ...]:
    line = clip.timeline
    if line is None:
        return ()
    place = _place(clip, "stream_container__duration_s")
    tiles = [Tile(say("clip.tile.length"), clock(line.end_s), "", place)]
    if clip.film:
        place = _place(clip, "frames_motion__cut_rate")
        tiles.append(Tile(say("clip.tile.cuts"), str(len(line.cuts_s)), _shots(clip), place))
    for key, column in _TILES.items():
        one = clip.find(column)
        if one is not None and one.present:
            small = one.value < 0.1 and key == "motion"
            value = (
                significant(one.value, 2) if key == "loudness" else percent(one.value, int(small))
            )
            note = say(f"clip.tile.{key}.note", unit=one.unit)
            tiles.append(Tile(say(f"clip.tile.{key}"), value, note, _place(clip, column)))
    return tuple(tiles)


def _shots(clip: Inspection) -> str:
    longest = clip.find("frames_motion__longest_shot_s")
    if clip.timeline is None or not clip.timeline.cuts_s or longest is None:
        return say("clip.tile.shot.none")
    return say("clip.tile.shot", longest=significant(longest.value, 2))


def _place(clip: Inspection, column: str) -> str:
    return place_words(clip.find(column), "clip.tile.place")


def _hook_row(one: Opposed, clip: Inspection) -> HookRow:
    opening, rest = (_hook_share(one.key, value) for value in (one.opening, one.rest))
    most = 1.0 if one.key in ("level", "speech") else max(opening, rest, 1e-9)
    nothing = f"clip.hook.none.{one.key}" if one.opening == one.rest == 0 else ""
    words = say(nothing) if nothing in STRINGS else opposed_words(one)
    return HookRow(
        label=say(f"clip.hook.{one.key}"),
        opening=_hook_text(one.key, one.opening),
        rest=_hook_text(one.key, one.rest),
        opening_width=f"{100 * opening / most:.1f}%",
        rest_width=f"{100 * rest / most:.1f}%",
        words=words,
        place=_place(clip, one.column),
    )


def _hook_share(key: str, value: float) -> float:
    if not isfinite(value):
        return 0.0
    return (value - LOWEST_DB) / -LOWEST_DB if key == "level" else value


def _hook_text(key: str, value: float) -> str:
    if not isfinite(value):
        return ""
    if key == "motion":
        return say("clip.motion", value=percent(value, 1 if value < 0.1 else 0))
    if key == "level" and value <= LOWEST_DB:
        return say("clip.silent")
    units = {"level": "dB", "cuts": "1/s", "speech": "share"}
    return value_words(float(f"{value:.2g}"), units[key])


def _parts(clip: Inspection) -> tuple[Part, ...]:
    """Return the features by modality, then by featurizer; extras stand with their modality."""
    kinds = list(dict.fromkeys(one.modality for one in clip.features))
    ordered = sorted(clip.features, key=lambda one: kinds.index(one.modality))
    return tuple(
        Part(
            modality,
            MODALITIES.get(modality, modality),
            tuple(
                _group(name, tuple(own), clip.status)
                for name, own in groupby(run, lambda one: one.featurizer)
            ),
        )
        for modality, run in groupby(ordered, lambda one: one.modality)
    )


def _group(name: str, features: tuple[Measured, ...], status: str) -> Group:
    present = sum(one.present for one in features)
    modality = features[0].modality
    lost = status == "failed" and modality not in ("text", "metadata")
    why = "" if present else say(f"clip.missing.{'stream' if lost else modality}")
    key = f"clip.group.{name}"
    title = say(key) if key in STRINGS else tidy(name).replace("_", " ")
    return Group(
        key=name,
        title=title,
        count=say("clip.group.count", present=present, count=len(features)),
        missing=say("clip.features.missing", why=why) if why else "",
        rows=tuple(_row(one) for one in features),
    )


def _row(one: Measured) -> Row:
    title = feature_label(one)
    meaning = tidy(one.meaning)
    value, where = value_words(one.value, one.unit, one.column), place_words(one)
    if one.dimensions > 1:
        value = say("clip.embedding", dimensions=one.dimensions) if one.present else say("missing")
        where = ""
    if one.nearest:
        where = say(
            "clip.embedding.nearest", posts=one.posts, nearest=tidy(one.nearest, 60),
            similarity=significant(one.similarity, 2),
        )  # fmt: skip
    return Row(
        label=title,
        column=one.column,
        unit=one.unit,
        meaning="" if meaning == title else meaning,
        value=value,
        usual=_usual(one, value),
        x=f"{one.percentile:.1f}%" if one.compared else "",
        place=where,
        present=one.present,
    )


def _usual(one: Measured, value: str) -> str:
    if not isfinite(one.usual):
        return ""
    usual = value_words(one.usual, one.unit, one.column)
    return say("clip.as_usual") if usual == value else say("clip.usual", usual=usual)


def _moments(clip: Inspection, end_s: float) -> Mapping[str, Any]:
    """Return what the script reads out at a moment: curves, stretches of speech, words."""
    line = clip.timeline or Timeline(end_s)
    words = ("speaks", "silent", "level", "motion", "at")
    return {
        "end": end_s,
        "level": _points(line.level),
        "motion": _points(line.motion),
        "speech": [list(span) for span in line.spans_s] if line.speech else None,
        "stills": [one.at_s for one in clip.film],
        "words": {word: STRINGS[f"clip.read.{word}"] for word in words},
        "open": say("clip.features.open"),
        "close": say("clip.features.close"),
        "found": STRINGS["clip.features.found"],
    }


def _points(curve: Curve | None) -> list[Sequence[float]] | None:
    return None if curve is None else [curve.times_s, curve.values]
