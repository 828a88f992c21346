"""What is known of a post besides its clip, and posts tables made of that."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from virality.data.errors import InputError, UsageError

CAPTION_ID = "caption"
"""Id of a post that is not a file."""


@dataclass(frozen=True)
class Known:
    """What the user knows of clips that come without a table of posts.

    Attributes:
        caption: its hashtags and mentions are read from it.
        author: name or id of the account, or its hash as in a table that ingest wrote.
        followers: of that account.
        posted_at: when the post goes out; in UTC if it names no zone.
        hashtags: those that the caption does not spell.
        sound: id of the sound.
        sound_title: its title.
        sound_original: whether the sound was made for this post.
    """

    caption: str | None = None
    author: str | None = None
    followers: int | None = None
    posted_at: datetime | None = None
    hashtags: tuple[str, ...] = ()
    sound: str | None = None
    sound_title: str | None = None
    sound_original: bool | None = None


OPTIONS = {"sound_original": "--original-sound"}
"""Options that are not called like the fact that they state."""


def refuse_facts(known: Known, posts: str) -> None:
    """Refuse facts beside posts that tell their own: they would do nothing.

    Args:
        known: what was given.
        posts: what the posts are, in words.

    Raises:
        UsageError: naming the options.
    """
    given = [
        OPTIONS.get(one.name, f"--{one.name.replace('_', '-')}")
        for one in fields(known)
        if getattr(known, one.name) not in (None, ())
    ]
    if given:
        raise UsageError(
            f"{', '.join(given)}: for clips and captions; {posts} tells such facts itself, so "
            "leave that out or change it there"
        )


def refuse_media(media: Path | None, reason: str) -> None:
    """Refuse a folder of clips where none is looked for: it would do nothing.

    Raises:
        UsageError: saying why not.
    """
    if media is not None:
        raise UsageError(f"--media {media}: for a table of posts; {reason}, so leave it out")


def posts_of_clips(inputs: Sequence[Path], known: Known) -> tuple[pd.DataFrame, Path]:
    """Return a posts table of bare clips with what is known of them, and their folder.

    Raises:
        InputError: if a path does not exist or there is no media file.
    """
    from virality.data.media import posts_of_media

    posts, root = posts_of_media(inputs)
    return with_known(posts, known), root


def post_of_caption(known: Known) -> pd.DataFrame:
    """Return a posts table of one post that has no clip.

    Raises:
        InputError: if nothing is known of it.
    """
    if known == Known():
        raise InputError("nothing to predict: give clips, a table of posts, or a caption")
    return with_known(pd.DataFrame({"id": pd.array([CAPTION_ID], dtype="string")}), known)


def with_known(posts: pd.DataFrame, known: Known) -> pd.DataFrame:
    """Return posts with the same facts in each.

    Raises:
        InputError: if the author is no name and no id.
    """
    from virality.data.cells import clean, hashtags_in, mentions_in
    from virality.data.signs import compose
    from virality.data.table import conform

    spelled = hashtags_in(known.caption) if known.caption else None
    facts: dict[str, Any] = {
        "caption": known.caption and compose(known.caption),
        "hashtags": _all_hashtags(spelled, known.hashtags),
        "mentions": mentions_in(known.caption) if known.caption else None,
        "author_id": _hashed(known.author),
        "author_followers": known.followers,
        "posted_at": _in_utc(known.posted_at),
        "sound_id": known.sound,
        "sound_title": known.sound_title and compose(known.sound_title),
        "sound_original": known.sound_original,
    }
    for name, value in facts.items():
        if isinstance(value, str):
            posts[name] = [clean(value)] * len(posts)
        elif isinstance(value, tuple):
            posts[name] = [tuple(map(clean, value))] * len(posts)
        elif value is not None:
            posts[name] = [value] * len(posts)
    return conform(posts)


def _hashed(author: str | None) -> str | None:
    """Return an account as ingest writes it, else its own posts would be a stranger's."""
    from virality.data.cells import hash_author
    from virality.data.numbers import Refused

    try:
        return hash_author(author)
    except Refused as reason:
        raise InputError(f"author {author!r} {reason}") from reason


def _all_hashtags(
    spelled: tuple[str, ...] | None, named: tuple[str, ...]
) -> tuple[str, ...] | None:
    """Return what the caption spells and then what was named besides; None if nothing is known."""
    from virality.data.signs import compose

    if not named:
        return spelled
    bare = dict.fromkeys(compose(tag).strip().lstrip("#＃").strip() for tag in named)
    return (*(spelled or ()), *(tag for tag in bare if tag and tag not in (spelled or ())))


def _in_utc(moment: datetime | None) -> pd.Timestamp | None:
    if moment is None:
        return None
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
