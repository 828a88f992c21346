"""What was found in a table of posts without a model: numbers only, words are the reports' task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from virality.modeling.adjust import Yardstick
from virality.modeling.resample import Effect

Part = Literal["times", "durations", "hashtags", "sounds", "topics", "contrasts"]


@dataclass(frozen=True)
class Window:
    """The newest stretch of posts, which the earlier ones are compared with.

    Attributes:
        first, start, end: ISO dates of the earliest post, the first recent one and the latest.
        earlier, recent: posts in either part.
    """

    first: str
    start: str
    end: str
    earlier: int
    recent: int


@dataclass(frozen=True)
class Slot:
    """Posts of one part of the week or of one range of lengths, and how they did.

    Attributes:
        day: 0 on Monday to 6; -1 for every day.
        low, high: hours of the day, or seconds, low included; both -1 for the whole day.
        posts, authors: posts that could be compared, and their authors.
        effect: mean outcome less that of all, learning scale.
        shrunken: the same pulled towards 0 by how little is known.
    """

    day: int
    low: float
    high: float
    posts: int
    authors: int
    effect: Effect
    shrunken: float


@dataclass(frozen=True)
class Item:
    """A hashtag or a sound.

    Attributes:
        name: as people write it.
        posts, authors: that use it.
        recent, earlier: its share of the posts of either window; NaN without times.
        lift: mean outcome less that of all posts, learning scale.
        shrunken: the same pulled towards 0 by how little is known.
        momentum: log10 of recent over earlier share, both shrunken towards the whole's share.
    """

    name: str
    posts: int
    authors: int
    recent: float
    earlier: float
    lift: Effect
    shrunken: float
    momentum: Effect


@dataclass(frozen=True)
class Topic:
    """A cluster of captions, named by the words that set it apart.

    Attributes:
        words: strongest first.
        shares: of the posts of each period, oldest first.
        item: how often, how it does and where it goes; its `name` is empty.
    """

    words: tuple[str, ...]
    shares: tuple[float, ...]
    item: Item


@dataclass(frozen=True)
class Topics:
    """Captions by what they are about.

    Attributes:
        topics: most posts first.
        captions: with words enough to be put somewhere.
        sampled: captions were sampled down to this many; 0 if all were used.
        silhouette: mean silhouette of the chosen number of clusters.
        tried: number of clusters -> its silhouette.
        starts: ISO date at which each period begins.
    """

    topics: tuple[Topic, ...]
    captions: int
    sampled: int
    silhouette: float
    tried: Mapping[int, float]
    starts: tuple[str, ...]


@dataclass(frozen=True)
class Contrast:
    """One thing that the top tenth of posts does more or less often than the others.

    Attributes:
        key: what, a key of the reports' strings.
        flag: whether it is there or not, so that `top` and `rest` are shares, else medians.
        top, rest: in the top tenth and in all others.
        posts: that have a value.
        effect: chance that a post of the top tenth has more of it than another, less one half.
    """

    key: str
    flag: bool
    top: float
    rest: float
    posts: int
    effect: Effect


@dataclass(frozen=True)
class Found:
    """All that is trending in a table of posts.

    Attributes:
        target, unit, log: the outcome and its scale.
        rows: posts; `labelled` of them have the outcome.
        yardstick: what each post is held against.
        compared, authors: posts that could be held against it, and their authors.
        all_authors: known authors in the whole table.
        window: None where fewer than two times are known.
        zone: clock of posts whose location names no country.
        local: share of the dated posts whose location named one.
        hours: slots of the day; weekdays: of the week; week: both; step: hours a slot.
        too_few: part -> posts there, and how many it takes, where the data cannot say.
    """

    target: str
    unit: str
    log: bool
    counts: bool
    rows: int
    labelled: int
    yardstick: Yardstick
    compared: int
    authors: int
    all_authors: int
    window: Window | None
    zone: str
    local: float
    step: int
    hours: tuple[Slot, ...] = ()
    weekdays: tuple[Slot, ...] = ()
    week: tuple[Slot, ...] = ()
    durations: tuple[Slot, ...] = ()
    hashtags: tuple[Item, ...] = ()
    sounds: tuple[Item, ...] = ()
    topics: Topics | None = None
    contrasts: tuple[Contrast, ...] = ()
    top_posts: int = 0
    too_few: Mapping[Part, tuple[int, int]] = field(default_factory=dict)
    seed: int = 0
