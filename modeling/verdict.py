"""Differences to the baselines -> one plain sentence."""

from collections.abc import Mapping, Sequence

from virality.data.words import counted
from virality.modeling.metrics import Metric


def judge_lead(split: str, rows: int, differences: Mapping[str, Metric]) -> str:
    """Say plainly which baselines the model beats: those whose paired interval excludes zero."""
    where = say_where(split, rows)
    words = {
        "constant": "a constant",
        "author_median": "the author's median",
        "followers": "followers alone",
    }
    beaten = [words[name] for name, gain in differences.items() if gain.low > 0]
    not_beaten = [words[name] for name, gain in differences.items() if not gain.low > 0]
    if not not_beaten:
        return f"{where} the model beats {_listed(beaten)}; each 95 % interval excludes chance."
    also = f", though it beats {_listed(beaten)}" if beaten else ""
    return f"{where} the model does not clearly beat {_listed(not_beaten)}{also}."


def say_where(split: str, rows: int) -> str:
    """Say which posts were judged, as the beginning of a sentence."""
    posts = counted(rows, "post")
    return {
        "temporal": f"On the newest {posts if rows > 1 else 'post'}",
        "rolling": f"On {posts}, each judged by what was posted before,",
        "author": f"On {posts} of authors held out",
        "random": f"On {posts} held out at random",
    }[split]


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
