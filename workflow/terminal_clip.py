"""How one clip looks in a terminal: sentences, and its curves as rows of blocks."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from virality.reports.clip_lanes import CALM_SPEED, LOWEST_DB
from virality.reports.clip_page import ClipPage, lay_out
from virality.reports.inspection import Curve, Timeline
from virality.reports.strings import say
from virality.workflow.terminal import escaped, say_line

if TYPE_CHECKING:
    from virality.workflow.inspect import Inspected

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH = 60
"""Characters of a curve."""

CUT, RULE = "┊", "─"


def show_inspected(result: "Inspected") -> None:
    """Print what is in a clip, and where its page is."""
    page = lay_out(result.inspection)
    say_line(f"[bold]{escaped(page.name)}[/bold]  {escaped(', '.join(page.facts))}")
    if page.trouble:
        say_line(f"[bold]{say(f'clip.head.{page.status}')}[/bold]")
    for sentence in (*page.trouble, *page.summary):
        say_line(escaped(sentence))
    if result.inspection.timeline is not None:
        _show_curves(result.inspection.timeline)
    _show_hook(page)
    _show_standing(page)
    for note in page.notes:
        say_line(escaped(note))
    say_line(say("clip.features.shows", count=page.count, groups=page.groups))
    say_line(escaped(say("clip.page", page=result.page)))


def _show_curves(line: Timeline) -> None:
    fastest = max(CALM_SPEED, *(line.motion.values if line.motion else (0.0,)))
    rows: tuple[tuple[str, Curve | None, Callable[[float], float]], ...] = (
        ("level", line.level, lambda value: 1 - value / LOWEST_DB),
        ("motion", line.motion, lambda value: value / fastest),
        ("speech", line.speech, lambda value: value),
    )
    name_width = max(len(say(f"clip.lane.{key}")) for key, _, _ in rows)
    for key, curve, share in rows:
        drawn = _blocks(curve, line.end_s, share) if curve else say(f"clip.lane.{key}.none")
        say_line(f"  {say(f'clip.lane.{key}'):<{name_width}}  {drawn}")
    say_line(f"  {say('clip.tile.cuts').capitalize():<{name_width}}  {_marks(line)}")


def _blocks(curve: Curve, end_s: float, share: Callable[[float], float]) -> str:
    """Return a curve as blocks, the highest value of each stretch of time."""
    cells: list[float | None] = [None] * WIDTH
    for at, value in zip(curve.times_s, curve.values, strict=True):
        place = min(WIDTH - 1, int(WIDTH * at / end_s)) if end_s else 0
        cells[place] = max(cells[place] or 0.0, min(1.0, max(0.0, share(value))))
    last = next((cell for cell in cells if cell is not None), 0.0)
    drawn = ""
    for cell in cells:  # frames are further apart than cells in a short clip: the value holds on
        last = cell if cell is not None else last
        drawn += BLOCKS[min(7, int(last * 8))]
    return drawn


def _marks(line: Timeline) -> str:
    places = {min(WIDTH - 1, int(WIDTH * cut / line.end_s)) for cut in line.cuts_s}
    drawn = "".join(CUT if place in places else RULE for place in range(WIDTH))
    return f"{drawn} {line.end_s:.1f} s"


def _show_hook(page: ClipPage) -> None:
    for row in page.hook:
        rest = f", {say('clip.hook.rest')} {row.rest}" if row.rest else ""
        text = f"{row.label}: {say('clip.hook.opening')} {row.opening}{rest}"
        place = f" ({row.place})" if row.place else ""
        say_line(escaped(f"  {text}{place}"))


def _show_standing(page: ClipPage) -> None:
    if page.standing:
        say_line(f"[bold]{say('clip.nav.standing')}[/bold]")
    for one in page.standing:
        say_line(escaped(f"  {one.label}: {one.value} ({one.usual}), {one.place}"))
