"""tiktok-scraper JSON: a `collector` list of posts with `authorMeta`, `musicMeta`, `videoMeta`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from virality.data.numbers import is_missing
from virality.data.sources.base import Layout, Look, RawRow
from virality.data.sources.files import first_names, read_rows, under

LAYOUT = Layout(
    columns={
        "id": ("id",),
        "author_id": ("authorMeta.id", "authorMeta.name"),
        "author_followers": ("authorMeta.fans",),
        "author_following": ("authorMeta.following",),
        "author_posts": ("authorMeta.video",),
        "author_likes": ("authorMeta.heart",),
        "author_verified": ("authorMeta.verified",),
        "posted_at": ("createTime", "createTimeISO"),
        "caption": ("text",),
        "hashtags": ("hashtags",),
        "mentions": ("mentions",),
        "location": ("locationCreated",),
        "sound_id": ("musicMeta.musicId",),
        "sound_title": ("musicMeta.musicName",),
        "sound_author": ("musicMeta.musicAuthor",),
        "sound_original": ("musicMeta.musicOriginal",),
        "duration_s": ("videoMeta.duration",),
        "width": ("videoMeta.width",),
        "height": ("videoMeta.height",),
        "views": ("playCount",),
        "likes": ("diggCount",),
        "comments": ("commentCount",),
        "shares": ("shareCount",),
        "saves": ("collectCount",),
    },
    constants={"platform": "tiktok"},
    dropped=(
        "authorMeta.", "covers.", "secretID", "videoUrl", "videoUrlNoWaterMark", "webVideoUrl",
        "imageUrl", "videoApiUrlNoWaterMark", "musicMeta.playUrl", "musicMeta.coverThumb",
        "musicMeta.coverMedium", "musicMeta.coverLarge", "musicMeta.coverMediumUrl",
        "musicMeta.originalCoverMediumUrl", "videoMeta.coverUrl", "videoMeta.originalCoverUrl",
        "videoMeta.downloadAddr", "videoMeta.subtitleLinks", "videoMeta.subtitleLinks.",
        "mediaUrls", "mediaUrls.", "slideshowImageLinks", "slideshowImageLinks.",
        "detailedMentions", "detailedMentions.", "submittedVideoUrl", "input",
    ),
)  # fmt: skip
_WORD = re.compile(r"(hashtags|mentions)\.\d+(?:\.(name|id|title|cover))?")
"""Column of one word of a list, as a CSV has it that Apify wrote."""


@dataclass(frozen=True)
class TiktokScraper:
    """JSON (or CSV) of the tiktok-scraper program and of scrapers that kept its names.

    Apify's CSV joins nested names by slashes and gives each word of a list a column of its own:
    `authorMeta/name`, `hashtags/0/name`.
    """

    name: str = "tiktok_scraper"

    def matches(self, look: Look) -> bool:
        """Tell whether posts have both `playCount` and something of `authorMeta`."""
        found = first_names(look, under(look.content, "collector"))
        names = {name.replace("/", ".") for name in found}
        nested = any(name.startswith(("authorMeta.", "musicMeta.", "videoMeta.")) for name in names)
        return nested and "playCount" in names

    def layout(self, look: Look) -> Layout:  # noqa: ARG002
        """Return the scraper's names."""
        return LAYOUT

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield the posts of the `collector` list, or the rows of a table."""
        for row in read_rows(look, under(look.content, "collector")):
            yield replace(row, values=_nested(row.values))


def _nested(values: Mapping[str, object]) -> Mapping[str, object]:
    """Return a row of Apify's CSV as its JSON would be read, any other row as it is."""
    if not any("/" in name for name in values):
        return values
    nested: dict[str, object] = {}
    lists: dict[str, list[object]] = {}
    for name, value in values.items():
        dotted = name.replace("/", ".")
        word = _WORD.fullmatch(dotted)
        if word is None:
            nested[dotted] = value
        elif word[2] in (None, "name") and not is_missing(value):
            lists.setdefault(word[1], []).append(value)
    return {**nested, **lists}
