"""Raw TikTok API items: `stats.playCount`, nested in JSON or flattened with dots in a table."""

from collections.abc import Iterator
from dataclasses import dataclass

from virality.data.sources.base import Layout, Look, RawRow
from virality.data.sources.files import first_names, read_rows, under

LAYOUT = Layout(
    columns={
        "id": ("id", "aweme_id"),
        "author_id": ("author.id", "author.uniqueId", "authorId", "author"),
        "author_followers": ("authorStats.followerCount", "authorStatsV2.followerCount"),
        "author_following": ("authorStats.followingCount", "authorStatsV2.followingCount"),
        "author_posts": ("authorStats.videoCount", "authorStatsV2.videoCount"),
        "author_likes": (
            "authorStats.heartCount", "authorStats.heart", "authorStatsV2.heartCount",
        ),
        "author_verified": ("author.verified",),
        "posted_at": ("createTime",),
        "caption": ("desc",),
        "hashtags": ("challenges", "hashtags"),
        "location": ("locationCreated",),
        "sound_id": ("music.id",),
        "sound_title": ("music.title",),
        "sound_author": ("music.authorName",),
        "sound_original": ("music.original",),
        "duration_s": ("video.duration",),
        "width": ("video.width",),
        "height": ("video.height",),
        "views": ("stats.playCount", "statsV2.playCount"),
        "likes": ("stats.diggCount", "statsV2.diggCount"),
        "comments": ("stats.commentCount", "statsV2.commentCount"),
        "shares": ("stats.shareCount", "statsV2.shareCount"),
        "saves": ("stats.collectCount", "statsV2.collectCount"),
    },
    constants={"platform": "tiktok"},
    dropped=(
        "author.id", "author.uniqueId", "author.nickname", "author.signature", "author.secUid",
        "author.avatarThumb", "author.avatarMedium", "author.avatarLarger", "author.bioLink.",
        "nickname", "authorSecId", "avatarThumb", "author", "authorId", "music.playUrl",
        "music.coverThumb", "music.coverMedium", "music.coverLarge", "video.playAddr",
        "video.downloadAddr", "video.cover", "video.originCover", "video.dynamicCover",
        "video.shareCover", "video.reflowCover", "video.zoomCover.", "video.bitrateInfo",
        "video.PlayAddrStruct.", "video.subtitleInfos", "video.claInfo.captionInfos", "contents",
        "textExtra", "imagePost.", "statsV2.", "authorStatsV2.",
    ),
)  # fmt: skip

LISTS = (("itemList",), ("items",), ("item_list",), ("data", "itemList"), ("data", "items"))
SINGLE = (("itemInfo", "itemStruct"), ("itemStruct",))


@dataclass(frozen=True)
class TiktokApi:
    """Items of TikTok's own web API, as libraries such as TikTok-Api return them."""

    name: str = "tiktok_api"

    def matches(self, look: Look) -> bool:
        """Tell whether posts have `stats.playCount`, or its twin in `statsV2`."""
        names = first_names(look, _records(look))
        return bool({"stats.playCount", "statsV2.playCount"} & names)

    def layout(self, look: Look) -> Layout:  # noqa: ARG002
        """Return the names of the API."""
        return LAYOUT

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield the items of a list, of an answer of the API, or of a table."""
        return read_rows(look, _records(look))


def _records(look: Look) -> object:
    """Return the list of items in a JSON file, None if the file itself is the list."""
    for keys in LISTS:
        found = under(look.content, *keys)
        if isinstance(found, list):
            return found
    for keys in SINGLE:
        found = under(look.content, *keys)
        if found is not None:
            return [found]
    return [look.content] if under(look.content, "stats") is not None else None
