"""A table of posts that this package wrote: read again, checked again, merged again."""

from collections.abc import Iterator
from dataclasses import dataclass

from virality.data.post import EXTRA_PREFIX, SCHEMA
from virality.data.sources.base import Layout, Look, RawRow


@dataclass(frozen=True)
class Posts:
    """Our own table; names and provenance stay as they are."""

    name: str = "posts"

    def matches(self, look: Look) -> bool:
        """Tell whether this package wrote the file."""
        return look.form == "posts"

    def layout(self, look: Look) -> Layout:
        """Return our own names and the declared provenance of the extra ones."""
        from virality.data.table import extra_known

        known = {
            name.removeprefix(EXTRA_PREFIX): known for name, known in extra_known(look.path).items()
        }
        columns = {name: (name,) for name in SCHEMA}
        # What was missing stays missing: hashtags were looked for when the post was first read.
        return Layout(columns, known=known, marked_captions=False)

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield the posts as plain values."""
        from virality.data.table import plain_values, read_posts

        posts = read_posts(look.path)
        names = [str(name).removeprefix(EXTRA_PREFIX) for name in posts]
        columns = [plain_values(posts[name]) for name in posts]
        for number, values in enumerate(zip(*columns, strict=True), start=1):
            yield RawRow(look.path.name, number, dict(zip(names, values, strict=True)))
