"""Newer counts of known posts: a second collection, so that growth and fixed ages can be told."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from virality.data.collect import TABLE, Collected, Manners, collect, read_collected
from virality.data.derived import has_values
from virality.data.errors import InputError, StorageError, UsageError
from virality.data.ingest import ingest
from virality.data.overwriting import refuse_model, refuse_overwriting, refuse_part
from virality.data.readings import READINGS, at_age, join_collections
from virality.data.splits import posting_times
from virality.data.table import extra_known, read_posts, write_posts

POSTS = "posts.parquet"
ADDRESSES = {
    "tiktok": "https://www.tiktok.com/@_/video/{id}",
    "youtube": "https://www.youtube.com/watch?v={id}",
}
"""Platform -> address of a post by its id alone."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Recrawl:
    """What a second collection came to.

    Attributes:
        posts: in the table; updated: those with newer counts than before.
        without_address: posts that cannot be asked for.
        at_a_week: posts whose views seven days after posting are known now.
        collected: what was fetched, None if a table was given.
        path: the new table.
    """

    posts: int
    updated: int
    without_address: int
    at_a_week: int
    collected: Collected | None
    path: Path

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        fetched = None if self.collected is None else self.collected.as_json()
        return {**self.__dict__, "collected": fetched, "path": str(self.path)}


def recrawl(
    posts: Path,
    out: Path,
    *,
    newer: Path | None = None,
    collected: Path | None = None,
    manners: Manners | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Recrawl:
    """Write a table of the same posts with newer counts; the older ones become readings.

    What earlier rounds found is kept: the readings of a table that is there already are joined in.

    Args:
        posts: table of posts.
        out: folder for the new table and what is fetched.
        newer: another table of the same posts, in place of fetching.
        collected: folder of `virality collect`, whose table knows the posts' addresses.
        manners: how to fetch; no clips are fetched.
        progress: told `(done, total)`.

    Raises:
        InputError: if no post can be asked for, nothing newer was found, or no post of `newer`
            says when its counts were read.
        UsageError: if yt-dlp is not installed, or the folder holds a table of other posts.
        StorageError: if something cannot be read or written.
    """
    refuse_overwriting([out / POSTS], [posts, newer])
    refuse_part(out / POSTS)
    refuse_model(out)
    known = _with_earlier(read_posts(posts), posts, out / POSTS)
    _make(out)
    urls = {} if newer is not None else addresses(known, collected)
    fetched = None
    if newer is not None:
        second = _dated(read_posts(newer), newer)
    else:
        if not urls:
            raise InputError(
                f"{posts}: no post has an address; name the collection by --collected, or give "
                "newer counts by --from"
            )
        # Each round has a folder of its own: what was fetched before is not newer.
        number = sum(1 for _ in out.glob("round-*")) + 1
        place = out / f"round-{number:03d}"
        fetched = collect(tuple(urls.values()), place, manners=manners, progress=progress)
        if not fetched.fetched:
            raise InputError(f"{posts}: nothing newer could be fetched; reasons in {fetched.table}")
        second = read_posts(ingest(place, place / POSTS, format="ytdlp").path)
    joined = join_collections(known, second)
    write_posts(joined, out / POSTS, extra_known(posts))
    week = int(np.isfinite(at_age(joined, "views", 7)).sum())
    without = len(known) - len(urls) if newer is None else 0
    return Recrawl(len(joined), _updated(known, joined), without, week, fetched, out / POSTS)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{folder}: cannot be made ({error.strerror}); give -o a folder"
        ) from error


def _with_earlier(known: pd.DataFrame, source: Path, table: Path) -> pd.DataFrame:
    """Return posts with the readings of the table that is to be replaced, if it is of these."""
    if not table.exists():
        return known
    earlier = read_posts(table)
    foreign = earlier.loc[~earlier["id"].isin(known["id"]), "id"]
    if len(foreign):
        raise UsageError(
            f"{table}: holds {len(foreign)} post(s) that {source} does not, {foreign.iloc[0]!r} "
            "for one, and would be replaced; give -o another folder"
        )
    return join_collections(known, earlier)


def _dated(posts: pd.DataFrame, source: Path) -> pd.DataFrame:
    """Return the posts, refused if none tells when its counts were read.

    Raises:
        InputError: if so.
    """
    if not (has_values(posts, "collected_at") or has_values(posts, READINGS)):
        raise InputError(
            f"{source}: no post says when its counts were read (`collected_at`), so none can be "
            "taken for newer; add that column"
        )
    return posts


def _updated(before: pd.DataFrame, after: pd.DataFrame) -> int:
    """Return how many posts have counts of a later time than before, or another reading."""
    old = before.get(READINGS, pd.Series([None] * len(before)))
    more = [_number(new) > _number(was) for was, new in zip(old, after[READINGS], strict=True)]
    read = posting_times(_read_at(after))
    was = posting_times(_read_at(before))
    return int((np.array(more, dtype=np.bool_) | (np.isfinite(read) & ~(read <= was))).sum())


def _read_at(posts: pd.DataFrame) -> pd.DataFrame:
    return posts.reindex(columns=["collected_at"]).set_axis(["posted_at"], axis=1)


def _number(readings: Any) -> int:
    return len(readings) if isinstance(readings, tuple | list) else 0


def addresses(posts: pd.DataFrame, collected: Path | None) -> dict[str, str]:
    """Return the address of each post that has one, by id."""
    found: dict[str, str] = {}
    platforms = posts["platform"].astype(object)
    for name, platform in zip(posts["id"].astype(str), platforms, strict=True):
        pattern = ADDRESSES.get(str(platform).lower())
        if (
            pattern is not None
            and name.isascii()
            and name.replace("-", "").replace("_", "").isalnum()
        ):
            found[name] = pattern.format(id=name)
    if collected is not None:
        ids = set(posts["id"].astype(str))
        rows = read_collected(collected / TABLE)
        found |= {row.id: row.url for row in rows if row.status == "ok" and row.id in ids}
    return found
