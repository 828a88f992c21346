"""How a post is tagged: how many hashtags and mentions, and how many that only ask for reach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from virality.data.clip import FloatArray
from virality.data.matrix import Column, Modality
from virality.data.post import Post
from virality.featurizers.rows import NAN, stack_rows

DISCOVERY_TAGS: frozenset[str] = frozenset(
    (
        *("fyp", "fypage", "fyppage", "fypシ", "fypシ゚viral", "fypdong", "fypgakni", "fy"),
        *("foryou", "foryoupage", "foryoupageofficiall", "4u", "4you", "4youpage"),
        *("viral", "viralvideo", "viraltiktok", "viralvideos", "goviral", "tiktokviral"),
        *("trend", "trending", "trendingvideo", "explore", "explorepage", "xyzbca", "xyzcba"),
        *("parati", "paratii", "paravoce", "foryourpage", "pourtoi", "pourtoii", "perte"),
        *("neiperte", "fürdich", "fuerdich", "xuhuong", "xuhướng", "xh", "berandatiktok"),
        *("рек", "рекомендации", "вреки", "keşfet", "keşfetteyiz", "beniöneçıkart", "추천"),
        *(
            "おすすめ",
            "おすすめにのりたい",
            "推薦",
            "รีเพื่อน",
            "اكسبلور",
            "blowthisup",
            "makemefamous",
        ),
        *("tiktok", "reels", "shorts", "tiktokvn", "tiktokindonesia", "tiktokindia"),
    )
)
"""Tags that say nothing of a post and ask for the discovery feed, in the feed's main languages."""


def _column(name: str, unit: str, meaning: str) -> Column:
    return Column(name, "metadata", unit=unit, meaning=meaning)


COLUMNS: tuple[Column, ...] = (
    _column("count", "hashtags", "hashtags of the post"),
    _column("distinct", "hashtags", "different hashtags, whatever their case"),
    _column("discovery", "hashtags", "tags that only ask for reach, such as fyp or foryou"),
    _column("discovery_share", "share", "hashtags that only ask for reach, among all"),
    _column("topics", "hashtags", "different hashtags that name a topic"),
    _column("length_mean", "characters", "mean length of a hashtag"),
    _column("length_longest", "characters", "longest hashtag"),
    _column("mentions", "mentions", "accounts named in the caption"),
)


@dataclass(frozen=True)
class MetadataHashtag:
    """Counts of tags and mentions, the factors of Zhang et al. 2024 (INFORMS) among them."""

    modality: Modality = "metadata"
    version: str = "1"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it returns, in order."""
        return COLUMNS

    def extract(self, batch: Sequence[Post]) -> FloatArray:
        """Return shape (len(batch), 8); NaN where the tags are unknown, 0 where there are none."""
        return stack_rows((_measure(post) for post in batch), COLUMNS)


def _measure(post: Post) -> Mapping[str, float]:
    mentions = NAN if post.mentions is None else float(len(post.mentions))
    if post.hashtags is None:
        return {"mentions": mentions}
    tags = [bare for tag in post.hashtags if (bare := tag.strip().lstrip("#＃").casefold())]
    discovery = sum(tag in DISCOVERY_TAGS for tag in tags)
    lengths = [len(tag) for tag in tags]
    return {
        "count": len(tags),
        "distinct": len(set(tags)),
        "discovery": discovery,
        "discovery_share": discovery / len(tags) if tags else NAN,
        "topics": len(set(tags) - DISCOVERY_TAGS),
        "length_mean": sum(lengths) / len(lengths) if lengths else NAN,
        "length_longest": max(lengths, default=NAN),
        "mentions": mentions,
    }
