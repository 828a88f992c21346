"""Explained posts -> all that their page shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from virality.reports.report import PostStory
from virality.reports.strings import by_clock, say
from virality.reports.words import whole

if TYPE_CHECKING:
    from virality.modeling.train import Model


@dataclass(frozen=True)
class ExplainPage:
    """A page of explained posts: words, and the target's scale for its figures.

    Attributes:
        log, counts: as of the target.
        notes: what the page lacks, and why.
    """

    title: str
    sub: str
    posts: tuple[PostStory, ...]
    unit: str
    log: bool
    counts: bool
    notes: tuple[str, ...]


def page_of(model: "Model", posts: Sequence[PostStory], *, reference: bool) -> ExplainPage:
    """Return the page of some explained posts.

    Args:
        model: that explained them.
        posts: what it said.
        reference: whether posts to compare with were given.
    """
    one = len(posts) == 1
    told = (reason.feature for post in posts for reason in (*post.up, *post.down))
    clock = f". {say('clock.mixed')}" if by_clock(told) else ""
    rows = whole(model.card.rows)
    return ExplainPage(
        title=say("explain.title_one" if one else "explain.title"),
        sub=say("explain.sub_one" if one else "explain.sub", posts=len(posts), rows=rows) + clock,
        posts=tuple(posts),
        unit=model.target.unit,
        log=model.target.log,
        counts=model.target.counts,
        notes=() if reference else (say("explain.no_reference"),),
    )
