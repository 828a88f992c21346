"""Shapes of the JSON API, for its document and for what comes in."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from virality.data.outcomes import LARGEST
from virality.data.post_years import bounds
from virality.web.ask import CAPTION_LENGTH, MOST_FOLLOWERS, SHORT, TAGS_LENGTH

JobId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{32}$", description="id of a job")]
PredictionId = Annotated[
    str, Field(pattern=r"^[0-9a-f]{32}$", description="id of a prediction in the log")
]
TEXT = r"^[^\x00]*$"
MOMENT = r"^20\d\d-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?$"


def _no_truth(value: Any) -> Any:
    """Refuse true and false, which would be taken for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("a number, not true or false")
    return value


Whole = Annotated[int, BeforeValidator(_no_truth)]
Number = Annotated[float, BeforeValidator(_no_truth)]


class Problem(BaseModel):
    """Why a request was not served."""

    code: str = Field(description="one word for programs")
    message: str = Field(description="one sentence for people")


class Trouble(BaseModel):
    """The body of every answer that refuses."""

    error: Problem


class Started(BaseModel):
    """A job that was taken in."""

    id: str = Field(description="cannot be guessed; whoever knows it may read the result")
    state: str
    url: str = Field(description="where to look")


class Item(BaseModel):
    """What is said about one candidate."""

    name: str
    status: str = Field(description="of the extraction: ok, partial, failed or no_media")
    reason: str
    explanation: str
    forecast: dict[str, Any] = Field(description="as `virality predict --json` prints it")
    parts: list[dict[str, Any]] = Field(description="every base's own prediction and its weight")
    niche: dict[str, Any] | None = Field(description="standing among the most similar posts")
    gains: list[dict[str, Any]] = Field(description="changes that would raise the prediction")
    prediction_id: str = Field("", description="id in the log of predictions, if there is one")


class JobView(BaseModel):
    """How far a job is, and what came of it."""

    id: str
    state: str = Field(description="waiting, running, done or failed")
    stage: str
    done: int
    total: int
    error: str = ""
    items: list[Item] = []


class WhatIf(BaseModel):
    """Changed values of a candidate: what is left out stays, an empty text means nothing."""

    model_config = ConfigDict(extra="forbid")

    caption: str | None = Field(None, max_length=CAPTION_LENGTH, pattern=TEXT)
    hashtags: str | None = Field(None, max_length=TAGS_LENGTH, pattern=TEXT)
    author: str | None = Field(None, max_length=SHORT, pattern=TEXT)
    followers: Whole | None = Field(None, ge=0, le=MOST_FOLLOWERS)
    posted_at: str | None = Field(None, max_length=40, description="ISO 8601, UTC if it says none")
    sound: str | None = Field(None, max_length=SHORT, pattern=TEXT)
    sound_title: str | None = Field(None, max_length=SHORT, pattern=TEXT)
    sound_original: bool | None = None
    levers: dict[str, Number] = Field({}, max_length=12, description="column -> value")


class Told(BaseModel):
    """What became of a post: at least one count."""

    model_config = ConfigDict(extra="forbid")

    views: Whole | None = Field(None, ge=-LARGEST, le=LARGEST)
    likes: Whole | None = Field(None, ge=-LARGEST, le=LARGEST)
    comments: Whole | None = Field(None, ge=-LARGEST, le=LARGEST)
    shares: Whole | None = Field(None, ge=-LARGEST, le=LARGEST)
    saves: Whole | None = Field(None, ge=-LARGEST, le=LARGEST)
    observed_at: AwareDatetime | None = Field(
        None,
        description=f"when the counts were read, with its offset from UTC, {bounds()}; "
        "now if left out",
    )


class Taken(BaseModel):
    """What became of feedback."""

    state: str = Field(description="accepted, known (sent before) or quarantined")
    reasons: list[str] = Field(description="why it is held, as sentences")


class Changed(BaseModel):
    """The forecast with changed values."""

    forecast: dict[str, Any]
    words: dict[str, Any] = Field(description="the same for people")


class ModelView(BaseModel):
    """What the model is."""

    target: str
    unit: str
    outcomes: list[str] = Field(description="what is predicted beside it, together with it")
    rows: int
    authors: int
    first_posted_at: str
    last_posted_at: str
    featurizers: dict[str, str]
    weights: dict[str, float]
    licences: list[str]
    levers: list[dict[str, Any]]
    limits: dict[str, int]


class Health(BaseModel):
    """Whether the server lives, and whether its workers are warm."""

    status: str
    ready: bool


FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "clip": {
                            "type": "array",
                            "maxItems": 6,
                            "items": {"type": "string", "format": "binary"},
                            "description": "media files",
                        },
                        "caption": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": 6,
                            "items": {
                                "type": "string",
                                "minLength": 1,
                                "maxLength": CAPTION_LENGTH,
                            },
                            "description": "captions; every clip is tried with every caption",
                        },
                        "hashtags": {"type": "string", "maxLength": TAGS_LENGTH},
                        "author": {"type": "string", "maxLength": SHORT},
                        "followers": {"type": "string", "pattern": "^[0-9]{1,10}$"},
                        "posted_at": {"type": "string", "pattern": MOMENT},
                        "sound": {"type": "string", "maxLength": SHORT},
                        "sound_title": {"type": "string", "maxLength": SHORT},
                        "sound_original": {"type": "string", "enum": ["true", "false"]},
                    },
                    "description": "at least one clip or caption, and no more combinations of both "
                    "than `limits.candidates` of the model says",
                }
            }
        },
    }
}
