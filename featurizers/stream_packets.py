"""How the bytes are spread over time: an encoder spends them where something happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from virality.data.clip import FloatArray, Stream
from virality.data.matrix import Column, Modality
from virality.featurizers.rows import NAN, stack_rows

START_S = 3.0
QUANTILES = (10, 25, 50, 75, 90, 99)
SAME_TIME_S = 0.001
LONGEST_S = 24 * 3600
"""Times beyond a day are damage: they would ask for one sum a second up to there."""


def _column(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "stream", unit, meaning=meaning)


COLUMNS: tuple[Column, ...] = (
    _column("mean_packet_log10", "log10", "mean bytes of a picture's packet"),
    *(
        _column(f"quantile_{q}_ratio", "ratio", f"{q}th percentile of packet sizes over their mean")
        for q in QUANTILES
    ),
    _column("largest_ratio", "ratio", "largest packet over the mean"),
    _column("variation_ratio", "ratio", "deviation of packet sizes over their mean"),
    _column("gini_share", "share", "inequality of packet sizes: 0 if all are alike"),
    _column("start_ratio", "ratio", "bytes a second in the first three seconds over the rest"),
    _column("trend", "-1 to 1", "rank correlation of bytes a second with time"),
    _column("second_variation_ratio", "ratio", "deviation of bytes a second over their mean"),
    _column("keyframe_rate", "1/s", "keyframes a second"),
    _column("keyframes", "count", "keyframes"),
    _column("longest_gap_s", "s", "longest time between keyframes"),
    _column("keyframe_bytes_share", "share", "picture bytes in keyframes"),
)


@dataclass(frozen=True)
class StreamPackets:
    """Packet sizes and keyframe places, which demuxing alone gives.

    Sizes are relative to their mean, so that they speak of the content and not of the bitrate.
    """

    modality: Modality = "stream"
    version: str = "1"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Stream]) -> FloatArray:
        """Return shape (len(batch), 17); NaN without a picture."""
        return stack_rows((_measure(stream) for stream in batch), self.columns)


def _measure(stream: Stream) -> Mapping[str, float]:
    sizes = stream.packet_sizes.astype(np.float64)
    if len(sizes) == 0 or sizes.sum() <= 0:
        return {}
    times_s = np.asarray(stream.packet_times_s, dtype=np.float64)
    if not np.isfinite(times_s).all():
        return _profile(sizes)
    return {
        **_profile(sizes),
        **_course(sizes, times_s),
        **_keyframes(stream, sizes, times_s),
    }


def _profile(sizes: npt.NDArray[np.float64]) -> dict[str, float]:
    mean = float(sizes.mean())
    relative = np.sort(sizes) / mean
    ranks = np.arange(1, len(relative) + 1)
    gini = 2 * float((ranks * relative).sum()) / (len(relative) * relative.sum())
    quantiles = np.percentile(relative, QUANTILES)
    return {
        "mean_packet_log10": float(np.log10(mean)),
        **{
            f"quantile_{q}_ratio": float(value)
            for q, value in zip(QUANTILES, quantiles, strict=True)
        },
        "largest_ratio": float(relative[-1]),
        "variation_ratio": float(relative.std()),
        "gini_share": gini - (len(relative) + 1) / len(relative),
    }


def _course(sizes: npt.NDArray[np.float64], times_s: npt.NDArray[np.float64]) -> dict[str, float]:
    """Return how bytes a second change; nothing for clips that are hardly longer than the start."""
    since_s = times_s - times_s.min()
    if since_s.max() > LONGEST_S:
        return {}
    counted = np.bincount(since_s.astype(np.int64), weights=sizes)
    seconds = counted[:-1].astype(np.float64)  # the last second is not a whole one
    course: dict[str, float] = {}
    if len(seconds) >= 2 and seconds.mean() > 0:
        course["second_variation_ratio"] = float(seconds.std() / seconds.mean())
        course["trend"] = _rank_correlation(seconds)
    late = since_s >= START_S
    rest_s = float(since_s.max()) - START_S
    if rest_s >= 1 and sizes[late].sum() > 0:
        rest = float(sizes[late].sum()) / rest_s
        course["start_ratio"] = float(sizes[~late].sum()) / START_S / rest
    return course


def _rank_correlation(values: npt.NDArray[np.float64]) -> float:
    """Return Spearman's correlation of values with their order; NaN if they are all alike."""
    from scipy.stats import rankdata

    ranks = rankdata(values)
    if ranks.std() == 0:
        return NAN
    return float(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1])


def _keyframes(
    stream: Stream, sizes: npt.NDArray[np.float64], times_s: npt.NDArray[np.float64]
) -> dict[str, float]:
    keys_s = np.sort(np.asarray(stream.keyframe_times_s, dtype=np.float64))
    if len(keys_s) == 0:
        return {}
    step_s = float(np.median(np.diff(np.sort(times_s)))) if len(times_s) > 1 else 0.0
    end_s = max(float(times_s.max()) + step_s, float(keys_s[-1]))
    length_s = end_s - float(times_s.min())
    after = np.searchsorted(keys_s, times_s - SAME_TIME_S)
    nearest = np.abs(keys_s[np.minimum(after, len(keys_s) - 1)] - times_s)
    return {
        "keyframes": len(keys_s),
        "keyframe_rate": len(keys_s) / length_s if length_s > 0 else NAN,
        "longest_gap_s": float(np.diff([*keys_s, end_s]).max()),
        "keyframe_bytes_share": float(sizes[nearest < SAME_TIME_S].sum() / sizes.sum()),
    }
