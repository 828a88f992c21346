"""What the top tenth of posts does differently from the others, property by property."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.modeling.metrics import top_share
from virality.modeling.resample import Resampler, Spread, judge
from virality.modeling.trend_values import Contrast

Floats = npt.NDArray[np.float64]

TOP = 0.1
LEAST_TOP = 15
EVENING = (18.0, 23.0)
FLAGS = frozenset({"question", "exclamation", "digits", "emoji", "evening", "weekend", "original"})
_EMOJI = "[\U0001f300-\U0001faff\u2600-\u27bf]"


def properties(posts: pd.DataFrame, hour: Floats, day: Floats) -> Mapping[str, Floats]:
    """Return what the table itself says of each post, float64 (n,) each, NaN where unknown."""
    captions = posts["caption"].astype("string")
    seconds = _numbers(posts["duration_s"])
    found = {
        "caption_length": _numbers(captions.str.len()),
        "hashtag_count": _lengths(posts["hashtags"]),
        "mention_count": _lengths(posts["mentions"]),
        "question": _numbers(captions.str.contains("[?？؟]", regex=True)),
        "exclamation": _numbers(captions.str.contains("[!！]", regex=True)),
        "digits": _numbers(captions.str.contains(r"\d", regex=True)),
        "emoji": _numbers(captions.str.contains(_EMOJI, regex=True)),
        "duration": np.where(seconds > 0, seconds, np.nan),
        "original": _numbers(posts["sound_original"]),
        "sound_uses": _numbers(posts["sound_uses"]),
        "evening": _flag((hour >= EVENING[0]) & (hour < EVENING[1]), hour),
        "weekend": _flag(day >= 5, day),
        "followers": _numbers(posts["author_followers"]),
    }
    return {name: values for name, values in found.items() if _varies(values)}


def find_contrasts(
    values: Floats, measured: Mapping[str, Floats], resampler: Resampler
) -> tuple[tuple[Contrast, ...], int]:
    """Return how the top tenth differs, clearest first, and how many posts it has.

    The effect is the chance that one post of the top tenth has more of a property than one of the
    others (ties count half), less one half: Mann and Whitney's statistic over its largest value.

    Args:
        values: float64 (n,), outcomes against the yardstick, NaN where there is none.
        measured: name -> float64 (n,), NaN where unknown.
        resampler: of the posts.
    """
    compared = np.flatnonzero(np.isfinite(values))
    if TOP * len(compared) < LEAST_TOP:
        return (), int(TOP * len(compared))
    top = np.zeros(len(values))
    top[compared] = np.round(top_share(values[compared], TOP))
    names = list(measured)
    spreads = [_superiority(measured[name], top, compared, resampler) for name in names]
    known = [i for i, one in enumerate(spreads) if one is not None]
    if not known:
        return (), int(top.sum())
    joined = Spread(*(np.array([getattr(spreads[i], part) for i in known])
                      for part in ("value", "error", "clusters")))  # fmt: skip
    found = [
        _contrast(names[i], measured[names[i]], top, compared, effect)
        for i, effect in zip(known, judge(joined), strict=True)
    ]
    order = sorted(found, key=lambda one: (not one.effect.clear, -abs(one.effect.value), one.key))
    return tuple(order), int(top.sum())


def _contrast(name: str, values: Floats, top: Floats, compared: object, effect: object) -> Contrast:
    rows = np.asarray(compared)[np.isfinite(values[np.asarray(compared)])]
    middle = np.mean if name in FLAGS else np.median
    best = values[rows][top[rows] > 0]
    rest = values[rows][top[rows] == 0]
    return Contrast(
        name,
        name in FLAGS,
        float(middle(best)),
        float(middle(rest)),
        len(rows),
        effect,  # type: ignore[arg-type]
    )


def _superiority(
    values: Floats, top: Floats, compared: npt.NDArray[np.int64], resampler: Resampler
) -> Spread | None:
    """Return the chance less one half, its error and the authors of the top posts."""
    from scipy.stats import rankdata

    rows = compared[np.isfinite(values[compared])]
    best = top[rows] > 0
    if best.sum() < LEAST_TOP or (~best).sum() < LEAST_TOP or np.ptp(values[rows]) == 0:
        return None
    rank = rankdata(values[rows]) / len(rows)
    spread = resampler.differences(rows, best, rank)
    # Resamples of top posts that all lack a property never vary. Were the top drawn from all posts,
    # the difference of mean ranks would vary by this much: no less is believed.
    sizes = np.array([best.sum(), (~best).sum()])
    least = float(np.sqrt(rank.var(ddof=1) * (1.0 / sizes).sum()))
    return Spread(spread.value[0], np.fmax(spread.error[0], least), spread.clusters[0])


def _numbers(column: "pd.Series[Any]") -> Floats:
    return np.asarray(column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan))


def _lengths(column: "pd.Series[Any]") -> Floats:
    return np.array(
        [len(v) if isinstance(v, tuple | list | np.ndarray) else np.nan for v in column],
        dtype=np.float64,
    )


def _flag(is_so: npt.NDArray[np.bool_], of: Floats) -> Floats:
    return np.where(np.isfinite(of), is_so.astype(np.float64), np.nan)


def _varies(values: Floats) -> bool:
    there = values[np.isfinite(values)]
    return bool(len(there) and there.min() < there.max())
