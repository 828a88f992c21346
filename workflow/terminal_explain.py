"""How explained posts look in a terminal."""

from typing import TYPE_CHECKING

from virality.data.words import counted
from virality.reports.strings import say
from virality.workflow.terminal import escaped, say_line

if TYPE_CHECKING:
    from virality.reports.report import PostStory
    from virality.workflow.explain import Explanation

CURVES = 5
"""Levers told of each post; all are in the JSON."""


def show_explanation(told: "Explanation") -> None:
    """Print each post: what is predicted, why, what is like it, what would change it."""
    for post in told.posts:
        _show_post(post)
    for note in told.notes:
        say_line(escaped(note))
    if told.left_out:
        left = counted(told.left_out, "post more was", "posts more were")
        say_line(f"{left} left out; ask for more with --most.")
    if told.page:
        say_line(f"Page: {escaped(told.page)}")


def _show_post(post: "PostStory") -> None:
    say_line(f"[bold]{escaped(post.id)}[/bold]  {escaped(post.caption)}")
    if post.clip:
        say_line(f"  [yellow]{escaped(post.clip)}[/yellow]")
    say_line(f"  {escaped(post.sentence)}")
    for other in post.also:
        say_line(f"  {escaped(other.sentence)}")
    for mark, reasons in (("+", post.up), ("-", post.down)):
        for reason in reasons:
            say_line(f"  {mark} {escaped(reason.sentence)}")
    if post.similar is not None:
        _head("similar.head", post.similar.sentence)
        for one in post.similar.posts:
            say_line(
                f"  {escaped(one.posted)} {escaped(one.caption[:60])}: {escaped(one.sentence)}"
            )
    if post.what_if is None:
        say_line("")
        return
    _head("whatif.head", " ".join(post.what_if.notes))
    for curve in post.what_if.curves[:CURVES]:
        say_line(f"  [bold]{escaped(curve.label)}[/bold]: {escaped(curve.sentence)}")
    if post.what_if.suggestions:
        _head("whatif.suggestions")
    for suggestion in post.what_if.suggestions:
        changes = "; ".join(
            say("whatif.change", label=one.label, before=one.before, after=one.after)
            for one in suggestion.changes
        )
        say_line(f"  • {escaped(changes)}")
        say_line(f"    {escaped(' '.join(suggestion.sentences))}")
    say_line("")


def _head(key: str, sentence: str = "") -> None:
    say_line(f"  [bold]{escaped(say(key))}[/bold] {escaped(sentence)}".rstrip())
