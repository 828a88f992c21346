"""Options of targets: `likes=1,comments=3`, `times=5`, `top=0.1,within=month` -> how to measure."""

from collections.abc import Mapping

from virality.data.derived import RESPONSES
from virality.data.errors import UsageError
from virality.modeling.measures import Engagement, Measure
from virality.modeling.yardsticks import Lift, TopShare


def read_options(target: str, text: str) -> tuple[Measure, str]:
    """Return the measure that the options ask for, and the options in one fixed spelling.

    Raises:
        UsageError: if the target has no such option, or a value is impossible.
    """
    pairs = _pairs(target, text)
    if target == "engagement":
        return _engagement(pairs)
    if target == "hit":
        return _hit(pairs)
    raise UsageError(f"target {target!r} has no options; only engagement and hit have")


def _pairs(target: str, text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not (name and equals and value) or name in pairs:
            raise UsageError(f"target {target!r}: {part!r} is not name=value, or stands twice")
        pairs[name] = value
    return pairs


def _number(name: str, text: str, low: float, high: float = 1e9) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise UsageError(f"{name}={text}: give a number from {low:g} to {high:g}")
    return value


def _engagement(pairs: Mapping[str, str]) -> tuple[Measure, str]:
    unknown = [name for name in pairs if name not in RESPONSES]
    if unknown:
        raise UsageError(f"engagement has no {unknown[0]!r}; weigh {', '.join(RESPONSES)}")
    weights = tuple((name, _number(name, pairs[name], 0.0)) for name in RESPONSES if name in pairs)
    if not any(weight for _, weight in weights):
        raise UsageError("engagement: at least one weight must be above 0")
    return Engagement(weights), ",".join(f"{name}={weight:g}" for name, weight in weights)


def _hit(pairs: Mapping[str, str]) -> tuple[Measure, str]:
    if set(pairs) == {"times"}:
        times = _number("times", pairs["times"], 1.0, 1e6)
        return Lift(times), f"times={times:g}"
    if "top" not in pairs or set(pairs) - {"top", "within"}:
        raise UsageError("hit: give times=3, or top=0.2 with within=author or within=month")
    share = _number("top", pairs["top"], 0.001, 0.5)
    within = pairs.get("within", "author")
    if within == "author":
        return TopShare(share, "author"), f"top={share:g},within=author"
    if within == "month":
        return TopShare(share, "month"), f"top={share:g},within=month"
    raise UsageError(f"hit: within={within!r}; choose author or month")
