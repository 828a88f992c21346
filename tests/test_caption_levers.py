"""What a caption's levers change besides themselves, held against captions that are so changed."""

import math

import numpy as np
import pandas as pd
import pytest

from virality.data.features import Features
from virality.data.matrix import Column, FeatureMatrix
from virality.data.post import Post
from virality.featurizers.metadata_hashtag import MetadataHashtag
from virality.featurizers.text_shape import TextShape
from virality.modeling.train import train
from virality.reports.levers import LEVERS, moved
from virality.reports.whatif import Ground, predict_changed

pytestmark = pytest.mark.usefixtures("light_recipes")


def measured(caption: str) -> dict[str, float]:
    """Return what is measured of a caption and its hashtags."""
    tags = tuple(word[1:] for word in caption.split() if word.startswith("#"))
    post = Post(id="p", caption=caption, hashtags=tags, mentions=())
    shape, hashtag = TextShape(), MetadataHashtag()
    values = {
        **{c.under("text_shape").name: c.name for c in shape.columns},
        **{c.under("metadata_hashtag").name: c.name for c in hashtag.columns},
    }
    told = [*shape.extract([caption])[0].tolist(), *hashtag.extract([post])[0].tolist()]
    return dict(zip(values, told, strict=True))


PLAIN = "fold a shirt in two seconds"
TAGGED = f"{PLAIN} #howto #shirt #fyp12"


@pytest.mark.parametrize(
    ("lever", "before", "after"),
    [
        ("hashtags", TAGGED, f"{TAGGED} #house #clean"),
        ("hashtags", TAGGED, PLAIN),
        ("hashtags", f"{PLAIN} #fyp #viral", PLAIN),
        ("hashtags", PLAIN, f"{PLAIN} #laundry1 #homework"),
        ("emoji", TAGGED, TAGGED.replace("seconds", "seconds\U0001f602\U0001f602")),
        ("emoji", f"{PLAIN}\U0001f602\U0001f525\U0001f680", f"{PLAIN}\U0001f602"),
        ("questions", TAGGED, TAGGED.replace("seconds", "seconds??")),
        ("questions", f"{PLAIN}???", f"{PLAIN}?"),
        ("caption", TAGGED, TAGGED.replace("two", "two long work days")),
        ("caption", TAGGED, TAGGED.replace("a shirt in two ", "")),
    ],
)
def test_what_goes_along_is_what_the_changed_caption_measures(
    lever: str, before: str, after: str
) -> None:
    one = next(one for one in LEVERS if one.key == lever)
    was, now = measured(before), measured(after)
    changed = moved(was, one, now[one.column], None, {})
    counted = {name for name in changed if now[name] == now[name] and name.endswith("length")}
    for name, value in changed.items():
        if name.endswith("distinct_emoji"):
            continue  # the same emoji again or another one: either may be meant
        most = 1.0 if name in counted or name.endswith("words") else 0.04
        assert value == pytest.approx(now[name], abs=most, nan_ok=True), name
    left = {
        name
        for name, value in now.items()
        if name not in changed and value != pytest.approx(was[name], abs=0.1, nan_ok=True)
    }
    assert not left - {"text_shape__word_length", "text_shape__distinct_words_share"}


def test_hashtags_emoji_and_marks_are_set_before_the_length_of_all_of_it() -> None:
    levers = {one.key: one for one in LEVERS}
    keys = list(levers)
    assert max(map(keys.index, ("hashtags", "emoji", "questions"))) < keys.index("caption")
    row = measured(TAGGED)
    row |= moved(row, levers["hashtags"], 6.0, None, {})
    row |= moved(row, levers["caption"], 90.0, None, {})
    assert row["text_shape__length"] == 90.0
    assert row["metadata_hashtag__count"] == 6.0
    assert row["text_shape__plain_length"] < 90.0 - 6 * 6


def test_a_caption_that_was_not_measured_whole_changes_as_far_as_it_was() -> None:
    levers = {one.key: one for one in LEVERS}
    row = {"text_shape__questions": 0.0, "text_shape__punctuation_share": 0.1}
    assert moved(row, levers["questions"], 1.0, None, {}) == {
        "text_shape__questions": 1.0,
        "text_shape__punctuation_share": 0.1,
    }
    empty = measured("")
    for key in ("questions", "hashtags", "emoji", "caption"):
        now = moved(empty, levers[key], 3.0, None, {})
        assert all(value >= 0 for value in now.values() if not math.isnan(value))


def test_a_post_without_hashtags_has_none_that_did_anything() -> None:
    draw = np.random.default_rng(0)
    rows = 200
    tags = [("hit", "food")[: draw.integers(0, 3)] for _ in range(rows)]
    count = np.array([len(one) for one in tags])
    ids = [f"p{i}" for i in range(rows)]
    column = Column("metadata_hashtag__count", "metadata", "hashtags", "pre", "", "hashtags")
    other = Column("metadata_author__followers_log10", "metadata", "log10", "asof", "", "followers")
    followers = draw.normal(4, 0.8, rows)
    frame = pd.DataFrame(
        np.column_stack([count, followers]).astype(np.float32),
        pd.Index(ids, name="id", dtype=object),
        columns=[column.name, other.name],
    )
    matrix = FeatureMatrix(
        frame,
        {column.name: column, other.name: other},
        {"metadata_hashtag": "1", "metadata_author": "1"},
    )
    posts = pd.DataFrame({"id": ids, "author_id": [f"a{i % 40}" for i in range(rows)]})
    posts = posts.astype({"id": "string", "author_id": "string"})
    posts["hashtags"] = pd.Series(tags, dtype=object)
    posts["posted_at"] = pd.date_range("2025-01-01", periods=rows, freq="9h", tz="UTC")
    score = 1 + 1.5 * (count > 0) + 0.5 * followers + draw.normal(0, 0.2, rows)
    posts["views"] = (10**score).astype(np.int64)
    status = pd.DataFrame({"id": ids, "status": "ok", "reason": "", "detail": "", "seconds": 0.0})
    model = train(matrix, posts)
    ground = Ground(model, Features(matrix, posts, status.assign(source_sha256="")))
    post = next(ids[i] for i in range(150, rows) if count[i] == 2)

    said = predict_changed(ground, matrix, posts, post, [{"hashtags": 0.0}]).mean[0]

    bare = frame.loc[[post]].assign(**{column.name: np.float32(0)})
    alone = posts[posts["id"] == post].reset_index(drop=True)
    alone["hashtags"] = pd.Series([()], dtype=object)
    edited = FeatureMatrix(bare, matrix.columns, matrix.versions)
    assert said == model.predict(edited, alone).mean[0]
    assert said < model.predict(matrix.rows([post]), posts).mean[0]
