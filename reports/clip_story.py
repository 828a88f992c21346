"""An inspection in sentences: what a clip is, what its opening does, what stands out."""

from math import isfinite
from typing import NamedTuple

from virality.reports.inspection import Facts, Inspection, Measured, Opposed
from virality.reports.strings import ADJECTIVES, LABELS, STRINGS, say
from virality.reports.words import (
    block_label,
    comparison,
    label,
    percent,
    significant,
    tidy,
    value_words,
)

OUTER = 10.0
"""Percent of posts on either side that count as standing out."""

NEAR_MIDDLE, COMMON = 5.0, 50.0
MOST_STANDING, MOST_OF_A_GROUP = 8, 2
LOUDER_DB, RATIO, SPEECH_SHARE = 1.5, 1.25, 0.1
"""From where on the opening is said to differ from the rest: in dB, as a factor, as a share."""

SQUARE = 0.05
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B"))


class Standing(NamedTuple):
    """One thing that stands out: what it is called, its values, its place among other posts."""

    label: str
    value: str
    usual: str
    place: str
    percentile: float


def clock(seconds: float, digits: int = 1) -> str:
    """Return a moment of a clip: `2.4 s` or `1:05`.

    >>> clock(2.41), clock(65.2)
    ('2.4 s', '1:05')
    """
    if seconds < 60:
        return f"{seconds:.{digits}f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def facts_words(facts: Facts | None) -> tuple[str, ...]:
    """Return what the container says, a few words each; nothing of what it does not say."""
    if facts is None:
        return ()
    parts = []
    if facts.width and facts.height:
        size = say("clip.size", width=facts.width, height=facts.height)
        parts += [size, say(f"clip.shape.{_shape(facts)}")]
        if isfinite(facts.fps) and facts.fps > 0:
            parts.append(say("clip.fps", fps=significant(facts.fps, 3)))
    parts += [name.upper() for name in (tidy(facts.video_codec), tidy(facts.audio_codec)) if name]
    if facts.audio_channels:
        key = facts.audio_channels if facts.audio_channels < 3 else "more"
        parts.append(say(f"clip.channels.{key}", count=facts.audio_channels))
    return (*parts, _bytes(facts.size_bytes))


def _shape(facts: Facts) -> str:
    if abs(facts.width / facts.height - 1) < SQUARE:
        return "square"
    return "upright" if facts.height > facts.width else "wide"


def _bytes(size: int) -> str:
    step, unit = next((one for one in _BYTES if size >= one[0]), _BYTES[-1])
    return say("clip.bytes", size=significant(size / step, 3), unit=unit)


def trouble(clip: Inspection) -> tuple[str, ...]:
    """Return why a clip could not be read whole and what to do; nothing if all is well."""
    if clip.status == "ok":
        return ()
    sentences = [say("clip.why", why=clip.explanation)]
    if f"clip.mend.{clip.reason}" in STRINGS:
        sentences.append(say(f"clip.mend.{clip.reason}"))
    if clip.detail:
        sentences.append(say("clip.detail", detail=tidy(clip.detail, 300)))
    return tuple(sentences)


def summary(clip: Inspection) -> tuple[str, ...]:
    """Return what happens in a clip, in a few sentences."""
    if clip.timeline is None:
        return ()
    sentences = [_cuts(clip) if clip.film else say("clip.say.nopicture")]
    sentences.append(_speech(clip) if clip.timeline.level else say("clip.say.nosound"))
    parts = [words for words in (opposed_words(one) for one in clip.hook) if words]
    if parts:
        sentences.append(say("clip.say.opening", parts=_listed(parts)))
    return tuple(sentences)


def _cuts(clip: Inspection) -> str:
    cuts = clip.timeline.cuts_s if clip.timeline else ()
    if not cuts:
        return say("clip.say.cuts.none")
    key = "clip.say.cuts.one" if len(cuts) == 1 else "clip.say.cuts.many"
    return say(key, count=len(cuts), first=significant(cuts[0], 2))


def _speech(clip: Inspection) -> str:
    spans = clip.timeline.spans_s if clip.timeline else ()
    share = clip.find("audio_speech__speech_share")
    if not spans:
        return say("clip.say.speech.none")
    if share is None or not share.present:  # left out by the user
        spoken = sum(end - start for start, end in spans) / (clip.timeline.end_s or 1.0)  # type: ignore[union-attr]
    else:
        spoken = share.value
    if spans[0][0] < 0.1:
        return say("clip.say.speech.start", share=percent(spoken))
    first = significant(spans[0][0], 2)
    return say("clip.say.speech", share=percent(spoken), first=first)


def opposed_words(one: Opposed) -> str:
    """Return what the opening has against the rest: `more cuts`, or nothing without a rest."""
    if not (isfinite(one.opening) and isfinite(one.rest)):
        return ""
    if one.key in ("cuts", "speech") and one.opening == one.rest == 0:
        return ""
    return say(f"clip.hook.{one.key}.{_direction(one)}")


def _direction(one: Opposed) -> str:
    if one.key in ("level", "speech"):
        step = LOUDER_DB if one.key == "level" else SPEECH_SHARE
        more, less = one.opening > one.rest + step, one.opening < one.rest - step
    else:
        more, less = one.opening > RATIO * one.rest, RATIO * one.opening < one.rest
    return "more" if more else "less" if less else "same"


def _listed(parts: list[str]) -> str:
    """Return `a`, `a and b` or `a, b and c`."""
    if len(parts) == 1:
        return parts[0]
    return say("clip.list.and", first=", ".join(parts[:-1]), last=parts[-1])


def feature_label(one: Measured) -> str:
    """Return a feature's name in plain words."""
    if one.dimensions > 1:
        return block_label(one.column, one.modality)
    return tidy(label(one.column, one.meaning))


def place_words(one: Measured | None, key: str = "clip.place") -> str:
    """Return where a feature lies among other posts: `higher than 83 in 100`; `""` if unknown."""
    if one is None or not one.compared:
        return ""
    same = 100 - one.below - one.above
    if same >= COMMON:
        return say(f"{key}.same", place=round(same))
    if abs(one.percentile - 50) <= NEAR_MIDDLE:
        return say(f"{key}.middle")
    share, side = (one.below, "high") if one.percentile > 50 else (one.above, "low")
    if share == 100:
        return say(f"{key}.{side}est")
    return say(f"{key}.{side}", place=min(99, round(share)))


def standing_out(clip: Inspection) -> tuple[Standing, ...]:
    """Return the features with plain names that lie furthest from the middle, furthest first."""
    found = [
        one for one in clip.features
        if one.compared and one.unit != "0/1" and _is_named(one)
        and not OUTER < one.percentile < 100 - OUTER and one.value != one.usual
    ]  # fmt: skip
    found.sort(key=lambda one: -round(abs(one.percentile - 50), 6))
    kept: list[Standing] = []
    groups: dict[str, int] = {}
    for one in found:
        standing = _standing(one)
        if groups.get(one.featurizer, 0) < MOST_OF_A_GROUP and standing.label not in {
            other.label for other in kept
        }:
            groups[one.featurizer] = groups.get(one.featurizer, 0) + 1
            kept.append(standing)
    return tuple(kept[:MOST_STANDING])


def _is_named(one: Measured) -> bool:
    short = one.column.partition("__")[2]
    return any(name in names for name in (one.column, short) for names in (LABELS, ADJECTIVES))


def _standing(one: Measured) -> Standing:
    above = one.percentile >= 50
    return Standing(
        label=comparison(one.column, above) or feature_label(one),
        value=value_words(one.value, one.unit, one.column),
        usual=say("clip.usual", usual=value_words(one.usual, one.unit, one.column)),
        place=place_words(one),
        percentile=one.percentile,
    )
