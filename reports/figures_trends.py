"""Figures of what is trending: the week, lengths, hashtags, sounds, topics, the top tenth."""

from collections.abc import Callable, Sequence
from math import isfinite

from virality.modeling.resample import Effect
from virality.modeling.trend_values import Found, Item, Slot, Topics
from virality.reports.drawing import (
    Bar,
    Dot,
    Figure,
    Mark,
    Panel,
    Row,
    Rows,
    Rule,
    Shape,
    polyline,
    whisker,
)
from virality.reports.report_trends import Trends
from virality.reports.scales import (
    Axis,
    Scale,
    Tick,
    around,
    effect_axis,
    effect_values,
    effect_words,
    round_values,
    x_axis,
    y_axis,
)
from virality.reports.strings import counted, say
from virality.reports.trends import (
    contrast_values,
    effect_span,
    length_name,
    slot_name,
    topic_name,
)
from virality.reports.words import percent, whole

SHOWN, ENDS = 10, 6
"""Hashtags or sounds of a figure: the best, the worst, and as many that rise and fall."""

UPPER, TALL, ROW_PX = 150.0, 206.0, 30
LIMITS = (0.08, 0.025)
"""Effects from which a cell of the week is strongly and slightly coloured, in decades (or units of
a score, over the standard deviation that these stand for in decades)."""


def trend_figures(trends: Trends) -> tuple[Figure, ...]:
    """Return every figure of part 3 that there is something to draw for, in order of the page."""
    found = trends.found
    figures: list[Figure | None] = [
        _week(found) if found.week else None,
        _slots("hours", found, found.hours, slot_name) if found.hours else None,
        _slots("weekdays", found, found.weekdays, slot_name) if found.weekdays else None,
        _slots("durations", found, found.durations, length_name) if found.durations else None,
    ]
    for part, items in (("hashtags", found.hashtags), ("sounds", found.sounds)):
        if items:
            figures += [_lifts(part, found, items), _moves(part, items)]
    if found.topics:
        figures += [_topics(found, found.topics)]
    if found.contrasts:
        figures.append(_contrasts(found))
    return tuple(figure for figure in figures if figure is not None)


def _figure(name: str, plot: Rows | Panel, head: Sequence[str], rows: Sequence[tuple[str, ...]],
            part: str = "", legend: tuple[tuple[str, str], ...] = ()) -> Figure:  # fmt: skip
    title = f"fig.trends.{part or name}"
    return Figure(
        f"trends-{name}", say(title), say(f"{title}.shows"), say(f"{title}.read"), plot,
        tuple(say(f"col.{one}") for one in head), tuple(rows), legend,
    )  # fmt: skip


def _effect_cells(effect: Effect, log: bool) -> tuple[str, str, str]:
    """Return effect, interval and whether it is clear, as cells of a table."""
    bounds = say("unknown")
    if isfinite(effect.low):
        bounds = say(
            "bounds", low=effect_words(effect.low, log), high=effect_words(effect.high, log)
        )
    return effect_words(effect.value, log), bounds, say("yes" if effect.clear else "no")


EFFECT_HEAD = ("against", "interval", "clear")


def _week(found: Found) -> Figure:
    """Return the week as a grid: colour is the shrunken effect, a ring marks what is clear."""
    slots = len(found.hours)
    wide = 100.0 / slots
    spread = max((abs(one.shrunken) for one in found.week), default=0.0)
    strong = max(LIMITS[0], 0.6 * spread)
    marks: list[Mark] = []
    for one in found.week:
        x, y = one.low / found.step * wide, one.day * ROW_PX
        tip = counted(
            "tip.slot", one.posts, name=slot_name(one), posts=whole(one.posts),
            effect=effect_span(one.effect, found.log, found.unit) if one.posts else say("unknown"),
        )  # fmt: skip
        style = _shade(one.shrunken, strong) if one.posts else "empty"
        marks.append(Bar(round(x + 0.1, 2), round(wide - 0.2, 2), y + 1, ROW_PX - 2, style, tip))
        if one.effect.clear:
            marks.append(Dot(round(x + wide / 2, 2), y + ROW_PX / 2, 3.0, "ink"))
    ticks = tuple(
        Tick(round(hour / 24 * 100, 2), f"{hour}:00", hour % 6 != 0) for hour in range(0, 25, 3)
    )
    names = tuple(Tick(day * ROW_PX + ROW_PX / 2, say(f"day.{day}.short")) for day in range(7))
    rows = [
        (slot_name(one), *_effect_cells(one.effect, found.log), whole(one.posts))
        for one in found.week
        if one.posts
    ]
    return _figure(
        "week", Panel(7 * ROW_PX, Axis(_clock(found), ticks), Axis("", names), tuple(marks)),
        ("slot", *EFFECT_HEAD, "count"), rows, legend=tuple(
            (style, say(f"trends.shade.{style}")) for style in ("s0", "even", "s4", "ink")
        ),
    )  # fmt: skip


def _clock(found: Found) -> str:
    key = "axis.hour_local" if found.local > 0.5 else "axis.hour_zone"
    return say(key, zone=found.zone)


def _shade(value: float, strong: float) -> str:
    part = value / strong
    steps = (-0.5, -0.15, 0.15, 0.5)
    shade = sum(part > step for step in steps)
    return "even" if shade == 2 else f"s{shade}"


def _slots(name: str, found: Found, slots: Sequence[Slot], words: Callable[[Slot], str]) -> Figure:
    """Return effects with intervals over ordered groups, and how many posts each has below."""
    log = found.log
    ends = [bound for one in slots for bound in (one.effect.low, one.effect.high, one.effect.value)]
    scale = around(_calm(ends, slots), zero=True)
    wide = 100.0 / len(slots)
    most = max(one.posts for one in slots) or 1
    marks: list[Mark] = [Rule(0.0, scale.y(0.0, UPPER), 100.0, scale.y(0.0, UPPER), "guide")]
    for place, one in enumerate(slots):
        x = round((place + 0.5) * wide, 2)
        tall = round(40.0 * one.posts / most, 1)
        tip = counted(
            "tip.slot", one.posts, name=words(one), posts=whole(one.posts),
            effect=effect_span(one.effect, log, found.unit) if one.posts else say("unknown"),
        )  # fmt: skip
        marks.append(Bar(round(x - wide * 0.4, 2), round(wide * 0.8, 2), TALL - tall, tall, "grid"))
        if isfinite(one.effect.low):
            low, high = (scale.y(v, UPPER) for v in (one.effect.low, one.effect.high))
            marks.append(Rule(x, low, x, high, "whisker"))
        if one.posts:
            style = "up" if one.effect.value > 0 else "down"
            style = style if one.effect.clear else "quiet"
            marks.append(Dot(x, scale.y(one.effect.value, UPPER), 4.5, style, tip))
    axis = x_axis(
        Scale(0.0, float(len(slots))), _clock(found) if name == "hours" else "",
        [place + 0.5 for place in range(len(slots))],
        lambda at: _short(slots[int(at)]),
    )  # fmt: skip
    title = say("axis.factor_usual" if log else "axis.score_usual")
    up = y_axis(scale, title, effect_values(scale, log), lambda v: effect_words(v, log), UPPER)
    rows = [
        (words(one), *_effect_cells(one.effect, log), whole(one.posts), whole(one.authors))
        for one in slots
    ]
    return _figure(
        name, Panel(int(TALL), axis, up, tuple(marks)),
        ("slot", *EFFECT_HEAD, "count", "authors"), rows, legend=clear_legend(),
    )  # fmt: skip


def clear_legend(kind: str = "clear") -> tuple[tuple[str, str], ...]:
    """Return what colours mean: of effects (`clear`), of use (`moving`), of the top (`more`)."""
    return tuple((style, say(f"trends.{kind}.{style}")) for style in ("up", "down", "quiet"))


def _short(slot: Slot) -> str:
    if slot.day >= 0:
        return say(f"day.{slot.day}.short")
    return f"{slot.low:.0f}+" if slot.high == float("inf") else f"{slot.low:.0f}"


def _calm(ends: Sequence[float], slots: Sequence[Slot]) -> list[float]:
    """Return the ends that the scale must hold: few posts must not flatten all others."""
    values = [one.effect.value for one in slots if one.posts]
    reach = 2.5 * max((abs(v) for v in values if isfinite(v)), default=1.0)
    return [max(-reach, min(reach, one)) for one in ends if isfinite(one)]


def _lifts(part: str, found: Found, items: Sequence[Item]) -> Figure | None:
    """Return the items that do best and worst against the yardstick."""
    known = [one for one in items if isfinite(one.lift.low)]
    order = sorted(known, key=lambda one: (-one.shrunken, one.name))
    chosen = order if len(order) <= SHOWN + ENDS else [*order[:SHOWN], *order[-ENDS:]]
    if not chosen:
        return None
    return _item_rows(
        f"{part}-lift", f"{part}.lift", chosen, [one.lift for one in chosen], found.log,
        [
            say("trends.row.lift", effect=effect_words(one.lift.value, found.log),
                posts=whole(one.posts))
            for one in chosen
        ],
    )  # fmt: skip


def _moves(part: str, items: Sequence[Item]) -> Figure | None:
    """Return the items whose use rises and falls most."""
    known = [one for one in items if isfinite(one.momentum.low)]
    order = sorted(known, key=lambda one: (not one.momentum.clear, -abs(one.momentum.value)))
    half = (SHOWN + ENDS) // 2
    up = [one for one in order if one.momentum.value > 0][:half]
    down = [one for one in order if one.momentum.value < 0][:half]
    chosen = sorted([*up, *down], key=lambda one: (-one.momentum.value, one.name))
    if not chosen:
        return None
    return _item_rows(
        f"{part}-moves", f"{part}.moves", chosen, [one.momentum for one in chosen], True,
        [
            say("trends.row.moves", recent=percent(one.recent, 1), earlier=percent(one.earlier, 1))
            for one in chosen
        ],
    )  # fmt: skip


def _item_rows(
    name: str,
    part: str,
    items: Sequence[Item],
    effects: Sequence[Effect],
    log: bool,
    notes: Sequence[str],
) -> Figure:
    ends = [max(-3 * abs(e.value) - 0.3, e.low) for e in effects]
    ends += [min(3 * abs(e.value) + 0.3, e.high) for e in effects]
    scale = around([*ends, *(e.value for e in effects)], zero=True)
    rows = tuple(
        Row(
            item.name, note,
            (*whisker(scale, effect.low, effect.high, 22),
             Dot(scale.x(effect.value), 11.0, 5.0, _style(effect),
                 say("tip.item", name=item.name, effect=effect_span(effect, log, ""),
                     posts=whole(item.posts), authors=whole(item.authors)))),
        )
        for item, effect, note in zip(items, effects, notes, strict=True)
    )  # fmt: skip
    table = [
        (item.name, *_effect_cells(effect, log), whole(item.posts), whole(item.authors),
         percent(item.recent, 1), percent(item.earlier, 1))
        for item, effect in zip(items, effects, strict=True)
    ]  # fmt: skip
    moves = part.endswith("moves")
    return _figure(
        name, Rows(rows, effect_axis_of(scale, log, part), guides=(scale.x(0.0),)),
        ("name", "change" if moves else EFFECT_HEAD[0], *EFFECT_HEAD[1:], "count", "authors",
         "recent", "earlier"), table, part, clear_legend("moving" if moves else "clear"),
    )  # fmt: skip


def effect_axis_of(scale: Scale, log: bool, part: str) -> Axis:
    """Return the axis of lifts, or of how a share has changed."""
    axis = effect_axis(scale, log)
    title = "axis.change" if part.endswith("moves") else "axis.factor_usual"
    return Axis(say(title if log else "axis.score_usual"), axis.ticks)


def _style(effect: Effect) -> str:
    if not effect.clear:
        return "quiet"
    return "up" if effect.value > 0 else "down"


def _topics(found: Found, topics: Topics) -> Figure:
    """Return a line a topic: its share of the captions over time."""
    tall = 40
    most = max((share for topic in topics.topics for share in topic.shares), default=0.0) or 1.0
    scale, count = Scale(0.0, most), len(topics.starts)
    xs = [100.0 * (place + 0.5) / max(1, count) for place in range(count)]
    rows, table = [], []
    for topic in topics.topics:
        name, item = topic_name(topic.words), topic.item
        ys = [scale.y(share, tall - 6, 3) for share in topic.shares]
        style = _style(item.momentum)
        marks: list[Mark] = [Shape(polyline(xs, ys, tall), style)] if count > 1 else []
        marks += [
            Dot(round(x, 2), y, 3.0, style, say("tip.topic", name=name, start=start,
                share=percent(share, 1)))
            for x, y, share, start in zip(xs, ys, topic.shares, topics.starts, strict=True)
        ]  # fmt: skip
        note = say(
            "trends.row.topic", posts=whole(item.posts),
            effect=effect_words(item.lift.value, found.log) if isfinite(item.lift.value) else "",
            moved=effect_words(item.momentum.value, True) if count > 1 else say("unknown"),
        )  # fmt: skip
        rows.append(Row(name, note, tuple(marks)))
        table.append(
            (name, *_effect_cells(item.lift, found.log), *_effect_cells(item.momentum, True),
             whole(item.posts), whole(item.authors))
        )  # fmt: skip
    ticks = tuple(
        Tick(round(x, 2), start, place % 3 != 0)
        for place, (x, start) in enumerate(zip(xs, topics.starts, strict=True))
        if place % 2 == 0
    )
    return _figure(
        "topics", Rows(tuple(rows), Axis(say("axis.posted"), ticks), tall),
        ("topic", *EFFECT_HEAD, "change", "interval", "clear", "count", "authors"), table,
        legend=clear_legend("moving"),
    )  # fmt: skip


def _contrasts(found: Found) -> Figure:
    """Return how the top tenth differs: how often one of it has more than one of the others."""
    ends = [0.5 + bound for one in found.contrasts for bound in (one.effect.low, one.effect.high)]
    scale = around([e for e in ends if isfinite(e)] or [0.4, 0.6])
    rows = tuple(
        Row(
            say(f"trends.prop.{one.key}"), contrast_values(one),
            (*whisker(scale, 0.5 + one.effect.low, 0.5 + one.effect.high, 22),
             Dot(scale.x(0.5 + one.effect.value), 11.0, 5.0, _style(one.effect),
                 say("tip.contrast", share=percent(0.5 + one.effect.value),
                     low=percent(0.5 + one.effect.low), high=percent(0.5 + one.effect.high)))),
        )
        for one in found.contrasts
    )  # fmt: skip
    table = [
        (say(f"trends.prop.{one.key}"), contrast_values(one), percent(0.5 + one.effect.value),
         say("bounds", low=percent(0.5 + one.effect.low), high=percent(0.5 + one.effect.high)),
         say("yes" if one.effect.clear else "no"), whole(one.posts))
        for one in found.contrasts
    ]  # fmt: skip
    axis = x_axis(scale, say("axis.more"), round_values(scale.low, scale.high), percent)
    return _figure(
        "contrasts", Rows(rows, axis, guides=(scale.x(0.5),)),
        ("property", "top_rest", "more", "interval", "clear", "count"), table,
        legend=clear_legend("more"),
    )  # fmt: skip
