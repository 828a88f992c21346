"""What people call the columns of a table of posts: the ground of a suggested mapping."""

import re
from collections.abc import Collection, Iterable, Mapping

ALIASES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "vid id", "video id", "post id", "pid", "item id", "aweme id", "tiktok id"),
    "platform": ("platform", "site", "network", "extractor key"),
    "author_id": (
        "author id", "user id", "uid", "account id", "channel id", "creator id", "owner id",
        "unique id", "author unique id", "author username", "owner username", "author", "user name",
        "username", "author name", "user", "account", "channel", "creator", "handle", "uploader",
        "channel name",
    ),
    "author_followers": (
        "author followers", "followers", "follower count", "followers count", "user nfollower",
        "user followers", "nfollower", "author follower count", "user follower count", "fans",
        "author fans", "subscribers", "subscriber count", "channel follower count",
        "author followercount", "number of subscribers",
    ),
    "author_following": (
        "author following", "following", "following count", "user nfollowing", "user following",
        "nfollowing", "author following count", "user following count", "author followingcount",
    ),
    "author_posts": (
        "author posts", "author video count", "user video count", "video count", "user nvideo",
        "author videos", "user videos", "posts count", "post count", "author videocount",
    ),
    "author_likes": (
        "author likes", "author heart count", "user heart count", "user nlike", "author heart",
        "user likes count", "total likes", "heart count", "author heartcount",
    ),
    "author_verified": ("author verified", "verified", "is verified", "user verified"),
    "posted_at": (
        "posted at", "post time", "posttime", "create time", "created at", "published at", "posted",
        "publish time", "upload time", "timestamp", "upload date", "post date", "create date",
        "creation time", "date posted", "create time iso", "date", "datetime",
    ),
    "collected_at": (
        "collected at", "scrape time", "scrapetime", "scraped at", "crawl time", "crawled at",
        "fetched at", "collected", "collection time", "retrieved at", "epoch",
    ),
    "caption": (
        "caption", "description", "desc", "text", "video description", "title", "content",
        "post content", "post text", "video caption",
    ),
    "hashtags": ("hashtags", "hashtag", "tags", "hashtag names", "hashtag list"),
    "mentions": ("mentions", "mentioned users", "mention"),
    "location": (
        "location", "region", "country", "region code", "country code",
        "location created", "locationcreated",
    ),
    "sound_id": ("sound id", "music id", "audio id", "song id"),
    "sound_title": ("sound title", "music title", "music name", "sound name", "song", "track"),
    "sound_author": (
        "sound author", "music author", "music author name", "music authorname", "artist",
    ),
    "sound_original": (
        "sound original", "music original", "music originality", "original sound", "is original",
    ),
    "sound_uses": (
        "sound uses", "music nused", "uses sound count", "music uses", "music use count",
    ),
    "duration_s": (
        "duration s", "duration", "video duration", "length", "video length", "duration sec",
        "video duration sec", "duration seconds", "duration ms",
    ),
    "width": ("width", "video width", "dimensions width"),
    "height": ("height", "video height", "dimensions height"),
    "media": ("media", "media path", "video path", "file", "filename", "file name", "path"),
    "views": (
        "views", "view count", "play count", "plays", "nview", "nviews", "video view count",
        "views count", "playcount", "viewcount", "stats play count",
    ),
    "likes": (
        "likes", "like count", "digg count", "nlike", "nlikes", "video like count", "likes count",
        "hearts", "diggcount", "likecount",
    ),
    "comments": (
        "comments", "comment count", "ncomment", "ncomments", "video comment count",
        "comments count", "commentcount",
    ),
    "shares": (
        "shares", "share count", "nshare", "nshares", "video share count", "shares count",
        "reposts", "repost count", "sharecount",
    ),
    "saves": (
        "saves", "save count", "nsave", "nsaves", "favorites count", "favourites count",
        "collect count", "bookmarks", "favorites", "saved", "collectcount",
    ),
    "popularity": ("popularity", "popularity score", "label"),
}  # fmt: skip
"""Our field -> spellings with the words apart and in lower case, the most telling first."""

PREFIXES = frozenset(("vid", "video", "post", "tiktok"))
"""First words that say nothing: `vid_caption` is a caption."""


def words_of(name: str) -> str:
    """Return a column name as lower-case words: `vid_postTime` -> `vid post time`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.split(r"[^0-9a-zA-Z]+", apart.strip())).strip().lower()


def recognise(names: Iterable[str], besides: Collection[tuple[str, str]] = ()) -> dict[str, str]:
    """Return our field -> their column for the names that are recognised, in our order.

    Args:
        names: of their columns.
        besides: pairs of our field and their column that are known not to be the same.
    """
    names = tuple(names)
    spelled: dict[str, list[str]] = {}
    for name in names:
        spelled.setdefault(words_of(name), []).append(name)
    for name in names:  # a column that is just called so comes before `video_views`
        first, _, rest = words_of(name).partition(" ")
        if rest and first in PREFIXES:
            spelled.setdefault(rest, []).append(name)
    found: dict[str, str] = {}
    for ours, aliases in ALIASES.items():
        known = (name for alias in aliases for name in spelled.get(alias, ()))
        theirs = next((name for name in known if (ours, name) not in besides), None)
        if theirs is not None and theirs not in found.values():
            found[ours] = theirs
    return found


def spelled_alike(names: Iterable[str], name: str) -> tuple[str, ...]:
    """Return the other names that have the words of a name: `Views` of `views`, in their order."""
    words = words_of(name)
    return tuple(other for other in names if other != name and words_of(other) == words)
