"""How collections look in a terminal."""

from typing import TYPE_CHECKING

from virality.workflow.terminal import escaped, say_line

if TYPE_CHECKING:
    from virality.data.collect import Collected
    from virality.workflow.recrawl import Recrawl


def show_collected(result: "Collected") -> None:
    """Print what was fetched and what was not."""
    say_line(
        f"{result.fetched} fetched, {result.already} there already: {escaped(str(result.folder))}"
    )
    for row in result.rows:
        if row.status != "ok":
            say_line(f"  {row.status}: {escaped(row.url)}: {escaped(row.reason)}")
    if result.left:
        say_line(f"{result.left} left for another time; --max says how many are fetched")


def show_recrawled(result: "Recrawl") -> None:
    """Print how many posts have newer counts."""
    path = escaped(str(result.path))
    say_line(f"{result.updated} of {result.posts} posts have newer counts: {path}")
    say_line(f"views seven days after posting are known of {result.at_a_week}")
    if result.without_address:
        say_line(f"{result.without_address} posts have no address and were left as they are")
    if result.collected is not None:
        show_collected(result.collected)
