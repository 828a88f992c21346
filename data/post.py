"""Post and its schema: names, types, units and provenance of every field."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from virality.data.matrix import Known

Kind = Literal["string", "strings", "integer", "number", "boolean", "time"]


@dataclass(frozen=True)
class Field:
    """One field of a post: its name, kind, unit, provenance and meaning."""

    name: str
    kind: Kind
    unit: str
    known: Known
    meaning: str


FIELDS: tuple[Field, ...] = (
    Field("id", "string", "", "pre", "identifier of the post on its platform"),
    Field("platform", "string", "", "pre", "where it was posted, in lower case"),
    Field("author_id", "string", "", "pre", "hashed identifier of the account"),
    Field("author_followers", "integer", "accounts", "asof", "accounts that follow the author"),
    Field("author_following", "integer", "accounts", "asof", "accounts that the author follows"),
    Field("author_posts", "integer", "posts", "asof", "posts of the author so far"),
    Field("author_likes", "integer", "likes", "post", "likes of all posts, this one's among them"),
    Field("author_verified", "boolean", "", "asof", "whether the platform verified the account"),
    Field("posted_at", "time", "UTC", "pre", "when it was posted"),
    Field("collected_at", "time", "UTC", "post", "when the outcomes were read"),
    Field("caption", "string", "", "pre", "text that the author wrote"),
    Field("hashtags", "strings", "", "pre", "hashtags without the sign, in order"),
    Field("mentions", "strings", "", "pre", "accounts named in the caption, without the sign"),
    Field("location", "string", "", "pre", "country code (ISO 3166) or place name"),
    Field("sound_id", "string", "", "pre", "identifier of the sound"),
    Field("sound_title", "string", "", "pre", "title of the sound"),
    Field("sound_author", "string", "", "pre", "who made the sound"),
    Field("sound_original", "boolean", "", "pre", "whether the sound was made for this post"),
    Field("sound_uses", "integer", "posts", "asof", "posts that use the sound"),
    Field("duration_s", "number", "s", "pre", "declared length; 0 marks a photo post"),
    Field("width", "integer", "px", "pre", "declared picture width"),
    Field("height", "integer", "px", "pre", "declared picture height"),
    Field("media", "string", "", "pre", "media file, relative to the media folder"),
    Field("views", "integer", "views", "post", "outcome: times played"),
    Field("likes", "integer", "likes", "post", "outcome: likes"),
    Field("comments", "integer", "comments", "post", "outcome: comments"),
    Field("shares", "integer", "shares", "post", "outcome: shares"),
    Field("saves", "integer", "saves", "post", "outcome: saves to favourites"),
    Field("popularity", "number", "log score", "post", "outcome: a ready-made log score (SMP)"),
    Field("readings", "strings", "", "post", "outcomes at other times, each a time and counts"),
)

SCHEMA: Mapping[str, Field] = {field.name: field for field in FIELDS}
OUTCOMES: tuple[str, ...] = ("views", "likes", "comments", "shares", "saves", "popularity")
EXTRA_PREFIX = "extra."
"""Prefix of columns that the schema does not know; `post` until the user says otherwise."""


@dataclass(frozen=True)
class Post:
    """One post as featurizers see it: what it is, never how it did. Missing fields are None."""

    id: str
    platform: str | None = None
    author_id: str | None = None
    author_followers: int | None = None
    author_following: int | None = None
    author_posts: int | None = None
    author_verified: bool | None = None
    posted_at: datetime | None = None
    caption: str | None = None
    hashtags: tuple[str, ...] | None = None
    mentions: tuple[str, ...] | None = None
    location: str | None = None
    sound_id: str | None = None
    sound_title: str | None = None
    sound_author: str | None = None
    sound_original: bool | None = None
    sound_uses: int | None = None
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    media: str | None = None
