"""tiktok-scraper JSON: a `collector` list of posts with `authorMeta`, `musicMeta`, `videoMeta`."""

from collections.abc import Iterator
from dataclasses import dataclass

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
        "musicMeta.coverMedium", "musicMeta.coverLarge",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class TiktokScraper:
    """JSON (or CSV) of the tiktok-scraper program and of scrapers that kept its names."""

    name: str = "tiktok_scraper"

    def matches(self, look: Look) -> bool:
        """Tell whether posts have both `playCount` and something of `authorMeta`."""
        names = first_names(look, under(look.content, "collector"))
        nested = any(name.startswith(("authorMeta.", "musicMeta.", "videoMeta.")) for name in names)
        return nested and "playCount" in names

    def layout(self, look: Look) -> Layout:  # noqa: ARG002
        """Return the scraper's names."""
        return LAYOUT

    def read(self, look: Look) -> Iterator[RawRow]:
        """Yield the posts of the `collector` list, or the rows of a table."""
        return read_rows(look, under(look.content, "collector"))
