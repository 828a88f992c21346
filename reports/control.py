"""What whoever posts can change about a feature, what not, and what is mere context."""

import re

from virality.reports.report import Control
from virality.reports.strings import ALIKE

_CONTEXT = re.compile(r"(^|_)(age|collected|season|month|year|yearday|platform|days?_since)(_|$)")
_GIVEN = re.compile(r"(^|_)(author|followers|following|verified|likes|country|account|local)(_|$)")


def control(feature: str, modality: str, known: str) -> Control:
    """Return whether a feature can be changed before posting.

    Age is exposure, not advice; what is known only afterwards can be no advice either; who the
    author is and what they posted before is given. The record of
    a sound or a hashtag comes with choosing it.

    >>> control("frames_motion__cut_rate", "frames", "pre")
    'can'
    >>> control("metadata_author__followers_log10", "metadata", "asof")
    'cannot'
    >>> control("metadata_time__age_days", "metadata", "post")
    'context'
    """
    name = feature.replace("__", "_").replace(".", "_").lower()
    if known == "post" or _CONTEXT.search(name):
        return "context"
    if modality == "history":
        chosen = re.search(r"(^|_)(sound|hashtag)(_|$)", name) and not feature.startswith(ALIKE)
        return "can" if chosen else "cannot"
    if modality == "metadata" and _GIVEN.search(name):
        return "cannot"
    return "can"
