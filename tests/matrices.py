"""Seeded matrices and posts with a planted rule, for the tests of modeling."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from virality.data.matrix import Column, FeatureMatrix
from virality.modeling import recipe
from virality.modeling.train import Model, train

START_S = 1_700_000_000.0
PLANTED = (
    "metadata_author__followers_log",
    "frames_motion__cut_rate",
    "audio_loudness__first_db",
)
BLOCK = "text_embedding__sentence"


def make_case(n: int = 120, seed: int = 0, authors: int = 30, noise: float = 0.2, wide: int = 40):
    """Return a matrix (3 planted columns, 12 of noise, one embedding) and posts with views."""
    rng = np.random.default_rng(seed)
    author = rng.integers(0, authors, n)
    followers = rng.normal(4.0, 1.0, authors)[author]
    pace, loud = rng.uniform(0.1, 2.0, n), rng.uniform(-40.0, -8.0, n)
    values = {PLANTED[0]: followers, PLANTED[1]: pace, PLANTED[2]: loud}
    for i in range(12):
        values[f"{('audio', 'frames', 'metadata', 'text')[i % 4]}_x__noise{i}"] = rng.normal(size=n)
    hidden = rng.normal(size=(n, 3))
    sentence = hidden @ rng.normal(size=(3, wide)) + rng.normal(size=(n, wide))
    y = 3 + 0.7 * (followers - 4) + 0.6 * (pace - 1) + 0.04 * (loud + 24)
    y = y + 0.4 * hidden[:, 0] + rng.normal(0, noise, n)
    frame = pd.DataFrame(values)
    dims = [f"{BLOCK}{i}" for i in range(wide)]
    frame = pd.concat([frame, pd.DataFrame(sentence, columns=dims)], axis=1).astype(np.float32)
    frame.index = pd.Index([f"post{i:05d}" for i in range(n)], name="id")
    columns = {
        name: Column(name, name.split("_")[0], "", "pre", BLOCK if name in dims else "")
        for name in frame.columns
    }
    times = START_S + np.sort(rng.uniform(0, 8e6, n))
    tags = np.array(["cats", "dance", "food", "news"])
    posts = pd.DataFrame(
        {
            "id": pd.array(frame.index, dtype="string"),
            "author_id": pd.array([f"author{a}" for a in author], dtype="string"),
            "author_followers": pd.array((10**followers).astype(int), dtype="Int64"),
            "posted_at": pd.to_datetime(times, unit="s", utc=True).astype("datetime64[ms, UTC]"),
            "hashtags": [tuple(tags[rng.random(4) < 0.5]) for _ in range(n)],
            "sound_id": pd.array([f"sound{s}" for s in rng.integers(0, 8, n)], dtype="string"),
            "views": pd.array(np.maximum(10**y - 1, 0).astype(int), dtype="Int64"),
        }
    )
    return FeatureMatrix(frame, columns, {"text_embedding": "1", "frames_motion": "3"}), posts


@contextmanager
def light() -> Iterator[None]:
    """Let models of few posts be cheap to fit, where the test is of what is done with them."""
    cheap = replace(recipe._small_recipe(), rounds=60, patience=10, folds=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "_small_recipe", lambda: cheap)
        patch.setattr(recipe, "FOREST_TREES", 20)
        yield


@lru_cache(maxsize=1)
def small_model() -> Model:
    """Return a model of the default case, trained once for all tests."""
    with light():
        return train(*make_case(), target="views")


PACE = 1
"""Column that decides how often a view becomes a like here."""


def respond(matrix, posts, seed=1):
    """Add likes (up to one a view, by pace and author) and comments that not all posts have."""
    rng = np.random.default_rng(seed)
    views = posts["views"].to_numpy(float)
    pace = matrix.frame.iloc[:, PACE].to_numpy()
    warmth = 0.2 * (posts["author_id"].str.removeprefix("author").astype(int).to_numpy() % 3)
    rate = 10 ** (-1.6 + 0.5 * pace + warmth + rng.normal(0, 0.15, len(posts)))
    likes = np.floor(views * np.minimum(rate, 1.0)).astype(int)
    comments = np.floor(views * 0.02 * 10 ** rng.normal(0, 0.3, len(posts)))
    comments[rng.random(len(posts)) < 0.3] = np.nan
    return posts.assign(
        likes=pd.array(likes, dtype="Int64"),
        comments=pd.Series(comments).astype("Int64"),
        saves=pd.array([3] * 20 + [pd.NA] * (len(posts) - 20), dtype="Int64"),
    )


def quick(model: Model, rounds: int = 20, folds: int = 2) -> Model:
    """Return the model with a recipe that is cheap to fit again: what is tested is the judging."""
    small = replace(model.recipe, rounds=rounds, folds=folds, dims=2, forest=rounds)
    return replace(model, stack=replace(model.stack, recipe=small))
