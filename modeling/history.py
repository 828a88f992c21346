"""What this author, sound and hashtags did strictly before the post.

An author's earlier outcomes are the strongest honest signal wherever authors recur (Pinto et al.,
https://doi.org/10.1145/2433396.2433443). Means are shrunken toward the mean of all earlier posts
(Efron and Morris 1975: a mean of few is mostly noise), and every number for a post counts training
posts that are *strictly earlier*, so nothing that happens later can change it.

An earlier post's outcome was often collected after the new post went up: the number is then a
proxy for what was known at the time, and `docs/method.md` says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from virality.data.matrix import Column
from virality.data.splits import IntArray, posting_times

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]

RECENT = 5
"""How many of the latest posts make up the recent mean."""

LATELY = 15.0
"""How many posts of the author ago a post counts half in the fading mean."""

STRENGTH = {"author": 2.0, "sound": 4.0, "hashtag": 8.0}
"""Weight of the overall mean, in posts: how many posts it takes to believe a mean of its own."""

DAY_S = 86_400.0
HOUR_S = 3_600.0

MOVED = "hours_moved"
"""Column of a posts table: by how many hours a post is thought to go up later. What was before it
stays, and only its distance from the author's usual hour is another: were the time itself moved, a
training post would count its own outcome among the earlier ones."""


def _column(name: str, unit: str, meaning: str) -> Column:
    return Column(f"history__{name}", "history", unit, "asof", "", meaning)


COLUMNS: Mapping[str, Column] = {
    column.name: column
    for column in (
        _column("author_count", "posts", "earlier posts of the author with a known outcome"),
        _column("author_mean", "score", "shrunken mean outcome of the author's earlier posts"),
        _column("author_recent", "score", "shrunken mean of the author's five latest posts"),
        _column("author_lately", "score", "shrunken mean of the author's posts, older ones fading"),
        _column("author_trend", "score", "the five latest against all earlier ones"),
        _column("author_last", "score", "outcome of the author's latest post"),
        _column("author_spread", "score", "how much the author's earlier outcomes vary"),
        _column("author_gap_days", "days", "time since the author's latest post"),
        _column("author_hour_gap", "hours", "how far the hour is from the author's usual hour"),
        _column("author_cold", "0/1", "no earlier post of the author is known"),
        _column("sound_count", "posts", "earlier posts with this sound"),
        _column("sound_mean", "score", "shrunken mean outcome of earlier posts with this sound"),
        _column("sound_recent", "score", "shrunken mean of the five latest posts with this sound"),
        _column("sound_trend", "score", "the sound's five latest against all earlier ones"),
        _column("sound_cold", "0/1", "no earlier post with this sound is known"),
        _column("hashtag_count", "posts", "earlier posts with the most used of the hashtags"),
        _column("hashtag_mean", "score", "mean over hashtags of their shrunken earlier outcomes"),
        _column("hashtag_best", "score", "the best of the hashtags' shrunken earlier outcomes"),
        _column("hashtag_trend", "score", "the hashtags' five latest against all earlier ones"),
        _column("hashtag_cold", "0/1", "no earlier post with any of these hashtags is known"),
    )
}
COLD = "history__author_cold"


@dataclass(frozen=True)
class Ledger:
    """Training outcomes sorted by key and time, so that "strictly earlier" is one binary search.

    Attributes:
        keys: the k different keys, sorted.
        place: int64 (m,), ascending: key number x (number of instants + 1) + instant number.
        time: float64 (m,), seconds, in that order.
        value: float64 (m,), outcomes, in that order.
    """

    keys: Texts
    place: IntArray
    time: Floats
    value: Floats

    @classmethod
    def fit(cls, keys: Texts, times: Floats, values: Floats, clock: Floats) -> "Ledger":
        """Sort entries; `clock` holds the different training instants, ascending."""
        names, codes = np.unique(keys, return_inverse=True)
        place = codes * (len(clock) + 1) + np.searchsorted(clock, times, side="left")
        order = np.argsort(place, kind="stable")
        return cls(names, place[order].astype(np.int64), times[order], values[order])

    def before(self, keys: Texts, times: Floats, clock: Floats) -> tuple[IntArray, IntArray]:
        """Return for each query the half-open range of its key's strictly earlier entries."""
        nothing = np.zeros(len(keys), dtype=np.int64)
        if not len(self.keys):
            return nothing, nothing
        code = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        known = self.keys[code] == keys
        width = len(clock) + 1
        start = np.searchsorted(self.place, code * width, side="left")
        instant = np.searchsorted(clock, times, side="left")
        end = np.searchsorted(self.place, code * width + instant, side="left")
        return np.where(known, start, 0), np.where(known, end, 0)

    @property
    def sums(self) -> Floats:
        """Running sums of the outcomes, one longer than the entries."""
        return np.concatenate([[0.0], np.cumsum(self.value)])

    @property
    def squares(self) -> Floats:
        """Running sums of the squared outcomes."""
        return np.concatenate([[0.0], np.cumsum(self.value**2)])

    def faded(self, start: IntArray, end: IntArray, half_life: float) -> tuple[Floats, Floats]:
        """Return sum and count of each range, every entry weighing less than the one after it.

        Args:
            start: int64 (n,), first entry of each range.
            end: int64 (n,), one past its last.
            half_life: entries after which one counts half.
        """
        keep = 0.5 ** (1.0 / half_life)
        fading = pd.Series(self.value).ewm(halflife=half_life).sum().to_numpy()
        running = np.concatenate([[0.0], fading])
        left = keep ** (end - start).astype(np.float64)
        return running[end] - left * running[start], (1.0 - left) / (1.0 - keep)

    def joined(self, later: "Ledger", width: int, clock: Floats) -> "Ledger":
        """Return one ledger of these entries and later ones.

        Args:
            later: entries of its own clock.
            width: instants of this ledger's clock.
            clock: instants of both.
        """
        mine = self.keys[self.place // (width + 1)]
        theirs = later.keys[later.place // (len(clock) - width + 1)]
        return Ledger.fit(
            np.concatenate([mine, theirs]),
            np.concatenate([self.time, later.time]),
            np.concatenate([self.value, later.value]),
            clock,
        )


@dataclass(frozen=True)
class History:
    """Earlier outcomes of the training posts, by author, sound and hashtag.

    Attributes:
        clock: float64, different instants of the training posts, ascending.
        means: float64, mean outcome of all training posts strictly before each instant and, last,
            of all of them; NaN before the first.
        ahead: int64, how many posts each of `means` is of.
        authors, sounds, hashtags: the ledgers.
    """

    clock: Floats
    means: Floats
    ahead: IntArray
    authors: Ledger
    sounds: Ledger
    hashtags: Ledger

    @classmethod
    def fit(cls, posts: pd.DataFrame, y: Floats) -> "History":
        """Learn from training posts (n rows) and their outcomes on the learning scale (n,)."""
        times = posting_times(posts)
        usable = np.flatnonzero(np.isfinite(times) & np.isfinite(y))
        posts, times, y = posts.iloc[usable], times[usable], y[usable]
        clock, instant = np.unique(times, return_inverse=True)
        count = np.bincount(instant, minlength=len(clock))
        total = np.bincount(instant, weights=y, minlength=len(clock))
        ahead = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.concatenate([[0.0], np.cumsum(total)]) / ahead
        ledgers = []
        for keys in (author_keys(posts), sound_keys(posts)):
            has = np.flatnonzero(keys != "")
            ledgers.append(Ledger.fit(keys[has], times[has], y[has], clock))
        row, tag = hashtag_pairs(posts)
        ledgers.append(Ledger.fit(tag, times[row], y[row], clock))
        return cls(clock, means, ahead, ledgers[0], ledgers[1], ledgers[2])

    def extended(self, posts: pd.DataFrame, y: Floats) -> "History":
        """Return a history that holds later posts too.

        Args:
            posts: n posts; those not posted after every post known so far are left out, as they
                may be the same.
            y: float64 (n,), their outcomes on the learning scale.
        """
        times = posting_times(posts)
        newest = self.clock[-1] if len(self.clock) else -np.inf
        new = np.flatnonzero((times > newest) & np.isfinite(y))
        if not new.size:
            return self
        later = History.fit(posts.iloc[new], y[new])
        clock = np.concatenate([self.clock, later.clock])
        total = self.ahead[-1] * np.nan_to_num(self.means[-1])
        ahead = self.ahead[-1] + later.ahead
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (total + later.ahead * np.nan_to_num(later.means)) / ahead
        authors, sounds, hashtags = (
            getattr(self, name).joined(getattr(later, name), len(self.clock), clock)
            for name in ("authors", "sounds", "hashtags")
        )
        return History(
            clock,
            np.concatenate([self.means[:-1], means]),
            np.concatenate([self.ahead[:-1], ahead]),
            authors,
            sounds,
            hashtags,
        )

    def transform(self, posts: pd.DataFrame) -> pd.DataFrame:
        """Return float32 (n, len(COLUMNS)), index id; NaN where time or key is unknown."""
        times = posting_times(posts)
        dated = np.isfinite(times)
        when = np.where(dated, times, -np.inf)
        overall = self.means[np.searchsorted(self.clock, when, side="left")]
        thought = when + HOUR_S * posts[MOVED].to_numpy() if MOVED in posts.columns else when
        out = {
            **self._of_author(author_keys(posts), when, overall, thought),
            **self._of_sound(sound_keys(posts), when, overall),
            **self._of_hashtags(posts, when, overall),
        }
        values = np.column_stack([out[name.removeprefix("history__")] for name in COLUMNS])
        cold = [name.endswith("_cold") for name in COLUMNS]
        values[np.ix_(~dated, ~np.array(cold))] = np.nan
        index = pd.Index(posts["id"].astype(object), name="id")
        return pd.DataFrame(values.astype(np.float32), index=index, columns=list(COLUMNS))

    def _of_author(
        self, keys: Texts, when: Floats, overall: Floats, thought: Floats
    ) -> dict[str, Floats]:
        start, end = self.authors.before(keys, when, self.clock)
        count, mean, recent = _shrunken(self.authors, start, end, overall, STRENGTH["author"])
        faded, weight = self.authors.faded(start, end, LATELY)
        lately = (faded + STRENGTH["author"] * mean) / (weight + STRENGTH["author"])
        last = np.maximum(end - 1, 0)
        has = count > 0
        value = _taken(self.authors.value, last, has)
        gap = (when - _taken(self.authors.time, last, has)) / DAY_S
        unknown = keys == ""
        return {
            "author_count": np.where(unknown, np.nan, count),
            "author_mean": np.where(unknown, np.nan, mean),
            "author_recent": np.where(has, recent, np.nan),
            "author_lately": np.where(unknown, np.nan, lately),
            "author_trend": np.where(has, recent - mean, np.nan),
            "author_last": value,
            "author_spread": _spread(self.authors, start, end),
            "author_gap_days": gap,
            "author_hour_gap": np.where(has, self._hour_gap(start, end, thought), np.nan),
            "author_cold": (~has).astype(np.float64),
        }

    def _hour_gap(self, start: IntArray, end: IntArray, when: Floats) -> Floats:
        """Return hours (0 to 12) between a post's hour and the mean direction of earlier ones.

        Hours lie on a circle, so their mean is that of their directions (Fisher 1993, Statistical
        Analysis of Circular Data); NaN where earlier posts point nowhere, as noon and midnight do.
        """
        angle = 2.0 * np.pi * (self.authors.time % DAY_S) / DAY_S
        east, north = (
            np.concatenate([[0.0], np.cumsum(part)]) for part in (np.cos(angle), np.sin(angle))
        )
        up, right = north[end] - north[start], east[end] - east[start]
        usual = np.where(np.hypot(up, right) > 1e-6, np.arctan2(up, right), np.nan)
        with np.errstate(invalid="ignore"):
            own = 2.0 * np.pi * (np.where(np.isfinite(when), when, 0.0) % DAY_S) / DAY_S
        apart = np.abs((own - usual + np.pi) % (2.0 * np.pi) - np.pi)
        return np.asarray(apart * 12.0 / np.pi)

    def _of_sound(self, keys: Texts, when: Floats, overall: Floats) -> dict[str, Floats]:
        start, end = self.sounds.before(keys, when, self.clock)
        count, mean, recent = _shrunken(self.sounds, start, end, overall, STRENGTH["sound"])
        unknown = keys == ""
        return {
            "sound_count": np.where(unknown, np.nan, count),
            "sound_mean": np.where(unknown, np.nan, mean),
            "sound_recent": np.where(count > 0, recent, np.nan),
            "sound_trend": np.where(count > 0, recent - mean, np.nan),
            "sound_cold": (count == 0).astype(np.float64),
        }

    def _of_hashtags(self, posts: pd.DataFrame, when: Floats, overall: Floats) -> dict[str, Floats]:
        row, tag = hashtag_pairs(posts)
        start, end = self.hashtags.before(tag, when[row], self.clock)
        count, mean, recent = _shrunken(
            self.hashtags, start, end, overall[row], STRENGTH["hashtag"]
        )
        n = len(posts)
        tags = np.bincount(row, minlength=n).astype(np.float64)
        best, most = np.full(n, -np.inf), np.zeros(n)
        np.fmax.at(best, row, mean)
        np.maximum.at(most, row, count)
        with np.errstate(invalid="ignore", divide="ignore"):
            average = np.bincount(row, weights=mean, minlength=n) / tags
            known = np.bincount(row, weights=count > 0, minlength=n)
            moved = np.where(count > 0, recent - mean, 0.0)
            trend = np.bincount(row, weights=moved, minlength=n) / known
        none = tags == 0
        return {
            "hashtag_count": np.where(none, np.nan, most),
            "hashtag_mean": np.where(none, np.nan, average),
            "hashtag_best": np.where(np.isinf(best), np.nan, best),
            "hashtag_trend": np.where(known > 0, trend, np.nan),
            "hashtag_cold": (most == 0).astype(np.float64),
        }


def _shrunken(
    ledger: Ledger, start: IntArray, end: IntArray, overall: Floats, strength: float
) -> tuple[Floats, Floats, Floats]:
    """Return count, shrunken mean and shrunken mean of the latest few, of each range."""
    sums = ledger.sums
    count = (end - start).astype(np.float64)
    mean = (sums[end] - sums[start] + strength * overall) / (count + strength)
    near = np.maximum(start, end - RECENT)
    recent = (sums[end] - sums[near] + mean) / (end - near + 1.0)
    return count, mean, recent


def _spread(ledger: Ledger, start: IntArray, end: IntArray) -> Floats:
    """Return the standard deviation of each range, NaN below two entries."""
    count = np.maximum(end - start, 1)
    sums, squares = ledger.sums, ledger.squares
    mean = (sums[end] - sums[start]) / count
    variance = np.maximum((squares[end] - squares[start]) / count - mean**2, 0.0)
    return np.where(end - start >= 2, np.sqrt(variance), np.nan)


def _taken(values: Floats, index: IntArray, has: npt.NDArray[np.bool_]) -> Floats:
    if not len(values):
        return np.full(len(index), np.nan)
    return np.where(has, values[index], np.nan)


def texts(posts: pd.DataFrame, name: str) -> Texts:
    """Return a column as text, empty where missing or absent."""
    if name not in posts.columns:
        return np.full(len(posts), "", dtype=np.str_)
    return posts[name].astype(object).where(posts[name].notna(), "").to_numpy().astype(np.str_)


def author_keys(posts: pd.DataFrame) -> Texts:
    """Return author identifiers as text (n,), empty where unknown."""
    return texts(posts, "author_id")


def sound_keys(posts: pd.DataFrame) -> Texts:
    """Return the sound's identifier, else its title and author."""
    ids, titles = texts(posts, "sound_id"), texts(posts, "sound_title")
    named = np.char.add(np.char.add(titles, "\x1f"), texts(posts, "sound_author"))
    return np.where(ids != "", ids, np.where(titles != "", named, ""))


def hashtag_pairs(posts: pd.DataFrame) -> tuple[IntArray, Texts]:
    """Return (row, hashtag in lower case) of every different hashtag of every post."""
    empty = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.str_)
    if "hashtags" not in posts.columns:
        return empty
    lists = posts["hashtags"].to_numpy(dtype=object)
    pairs = [
        (row, tag)
        for row, tags in enumerate(lists)
        if isinstance(tags, (tuple, list, np.ndarray))
        for tag in dict.fromkeys(str(tag).lower() for tag in tags)
        if tag
    ]
    if not pairs:
        return empty
    rows, tags = zip(*pairs, strict=True)
    return np.array(rows, dtype=np.int64), np.array(tags, dtype=np.str_)
