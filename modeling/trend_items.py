"""Hashtags and sounds: which do better than usual, and which come and go."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.splits import IntArray
from virality.modeling.resample import LEAST_CLUSTERS, Resampler, Spread, deviation, judge, shrink
from virality.modeling.trend_values import Item

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEAST_POSTS = 10
MOST_ITEMS = 300
PRIOR_POSTS = 5.0
"""Posts, spread over the windows like all posts, that are added to each item's own."""

ORIGINAL = (
    *("original sound", "originalton", "son original", "sonido original", "som original"),
    *("suono originale", "oorspronkelijk geluid", "orijinal ses", "nhạc nền", "suara asli"),
    *(
        "оригинальный звук",
        "oryginalny",
        "الصوت الأصلي",
        "เสียงต้นฉบับ",
        "オリジナル楽曲",
        "原聲",
        "原声",
    ),
)
"""How titles begin that the platform gives by itself: without a maker they name no one sound."""


def hashtag_entries(posts: pd.DataFrame) -> tuple[IntArray, "pd.Series[str]"]:
    """Return (row, hashtag in lower case) of every different hashtag of every post."""
    tags = posts["hashtags"].reset_index(drop=True).explode().dropna()
    names = tags.astype(str).str.strip().str.lstrip("#＃").str.casefold()
    table = pd.DataFrame({"row": names.index, "name": names.to_numpy()})
    table = table[table["name"] != ""].drop_duplicates()
    return table["row"].to_numpy(dtype=np.int64), table["name"]


def sound_entries(posts: pd.DataFrame) -> tuple[IntArray, "pd.Series[str]", dict[str, str]]:
    """Return (row, sound) of every post that names one, and what each sound is called.

    A sound is its identifier, else its title and author; a title such as "original sound" alone
    says nothing and is left out.
    """
    ids = posts["sound_id"].astype("string").fillna("")
    titles = posts["sound_title"].astype("string").fillna("").str.strip()
    makers = posts["sound_author"].astype("string").fillna("")
    own = posts["sound_original"].astype("boolean").fillna(False)
    own |= titles.str.casefold().str.startswith(ORIGINAL)
    named = (titles != "") & ((makers != "") | ~own)
    keys = ids.where(ids != "", (titles + "\x1f" + makers).where(named, ""))
    table = pd.DataFrame({"key": keys, "title": titles, "maker": makers}).reset_index(drop=True)
    table = table[table["key"] != ""]
    first = table.drop_duplicates("key")
    shown = first["title"].where(first["title"] != "", first["key"].str.split("\x1f").str[0])
    shown = shown.where(first["maker"] == "", shown + " · " + first["maker"])
    names = dict(zip(first["key"].astype(str), shown.astype(str), strict=True))
    return table.index.to_numpy(dtype=np.int64), table["key"].astype(str), names


def find_items(
    rows: IntArray,
    names: "pd.Series[str]",
    values: Floats,
    recent: Flags,
    dated: Flags,
    resampler: Resampler,
) -> tuple[Item, ...]:
    """Return the items that enough posts of enough authors use, most used first.

    Args:
        rows: of each entry, the post.
        names: of each entry, an item that the post uses.
        values: float64 (n,), outcomes against the yardstick, NaN where there is none.
        recent: bool (n,), in the newest window.
        dated: bool (n,), a time is known.
        resampler: of the posts.
    """
    codes, different = pd.factorize(names)
    used = np.bincount(codes, minlength=len(different))
    order = np.lexsort((np.asarray(different, dtype=str), -used))
    kept = order[used[order] >= LEAST_POSTS]
    if not len(kept):
        return ()
    wide = resampler.authors(rows, codes.astype(np.int64), len(different))
    kept = kept[wide[kept] >= LEAST_CLUSTERS][:MOST_ITEMS]
    place = np.full(len(different), -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    inside = place[codes] >= 0
    found = measure(rows[inside], place[codes[inside]], len(kept), values, recent, dated, resampler)
    return tuple(
        replace(item, name=str(different[code])) for item, code in zip(found, kept, strict=True)
    )


def measure(
    rows: IntArray,
    items: IntArray,
    count: int,
    values: Floats,
    recent: Flags,
    dated: Flags,
    resampler: Resampler,
) -> tuple[Item, ...]:
    """Return lift and momentum of `count` groups of posts, unnamed; arguments as `find_items`."""
    if not count:
        return ()
    spread = resampler.means(rows, items, values, count)
    lifts, pulled = judge(spread), shrink(spread)
    moving, shares = _momentum(rows, items, count, recent, dated, resampler)
    posts = np.bincount(items, minlength=count)
    authors = resampler.authors(rows, items, count)
    return tuple(
        Item("", int(posts[i]), int(authors[i]), float(shares[0][i]), float(shares[1][i]),
             lifts[i], float(pulled[i]), moving[i])
        for i in range(count)
    )  # fmt: skip


def _momentum(
    rows: IntArray, items: IntArray, count: int, recent: Flags, dated: Flags, resampler: Resampler
) -> tuple[tuple, tuple[Floats, Floats]]:  # type: ignore[type-arg]
    """Return log10 of recent over earlier share, and both shares."""
    every = np.flatnonzero(dated)
    whole = np.zeros(len(every), dtype=np.int64)
    now = recent.astype(np.float64)
    kept = dated[rows]
    rows, items = rows[kept], items[kept]
    used = [resampler.sums(rows, items, flag[rows], count) for flag in (now, 1.0 - now)]
    posts = [resampler.sums(every, whole, flag[every], 1) for flag in (now, 1.0 - now)]
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = tuple(u.sum(axis=0) / p.sum() for u, p in zip(used, posts, strict=True))
        value = _ratio(*(one.sum(axis=0) for one in (*used, *posts)))
        drawn = _ratio(*(resampler.weights @ one for one in (*used, *posts)))
    authors = resampler.authors(rows, items, count)
    usual = float(now[every].mean()) if len(every) else 0.0
    uses = np.bincount(items, minlength=count).astype(np.float64)
    error = np.fmax(deviation(drawn), _least_error(uses, usual))
    exact = _by_chance(rows, items, count, now, usual, resampler)
    return judge(Spread(value, error, authors), exact), (shares[0], shares[1])


def _least_error(uses: Floats, usual: float) -> Floats:
    """Return how much `_ratio` varies by chance alone, float64 (count,).

    Resamples of an item that nobody used lately never vary, however few its posts are.

    Args:
        uses: posts of each item.
        usual: share of all posts that are recent.
    """
    total = np.zeros(len(uses))
    for share in (max(usual, 1e-9), max(1.0 - usual, 1e-9)):
        total += uses * share / (uses * share + PRIOR_POSTS * share) ** 2
    return np.asarray(np.sqrt(total) / np.log(10.0), dtype=np.float64)


def _by_chance(
    rows: IntArray,
    items: IntArray,
    count: int,
    now: Floats,
    usual: float,
    resampler: Resampler,
) -> Floats:
    """Return the exact two-sided chance of as many recent authors of each item, float64 (count,).

    Each author of an item counts once, by the share of that author's posts with it that is recent,
    rounded towards what is usual; that many of them are recent by a binomial law.
    """
    from scipy.stats import binom

    width = int(resampler.author.max(initial=0)) + 1
    pairs, place = np.unique(items * width + resampler.author[rows], return_inverse=True)
    share = np.bincount(place, weights=now[rows]) / np.bincount(place)
    of = (pairs // width).astype(np.int64)
    authors = np.bincount(of, minlength=count)
    recent = np.bincount(of, weights=share, minlength=count)
    whole = np.where(recent > usual * authors, np.floor(recent), np.ceil(recent))
    tails = binom.cdf(whole, authors, usual), binom.sf(whole - 1.0, authors, usual)
    return np.asarray(np.minimum(1.0, 2.0 * np.minimum(*tails)), dtype=np.float64)


def _ratio(recent: Floats, earlier: Floats, posts_recent: Floats, posts_earlier: Floats) -> Floats:
    """Return log10 of two shares, each with `PRIOR_POSTS` that are spread like all posts."""
    share = posts_recent / (posts_recent + posts_earlier)
    now = (recent + PRIOR_POSTS * share) / posts_recent
    before = (earlier + PRIOR_POSTS * (1.0 - share)) / posts_earlier
    return np.asarray(np.log10(now / before), dtype=np.float64)
