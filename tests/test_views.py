"""Views: more rows of the same posts, which nobody counts and no fold parts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from clips import make_clip as make_media
from hypothesis import given, settings
from hypothesis import strategies as st

from virality.data.clip import Audio, Clip
from virality.data.errors import InputError, UsageError
from virality.data.features import Features, read_features, write_features
from virality.data.matrix import Column, FeatureMatrix
from virality.data.splits import author_folds, random_folds, temporal_split
from virality.data.table import conform
from virality.featurizers.extract import extract
from virality.featurizers.samples import make_frames, sample_streams
from virality.featurizers.variation import Variation, draw_variation, vary, vary_audio, vary_frames
from virality.modeling.augment import stack_learned, stack_views
from virality.modeling.blocks import BlockSpec
from virality.modeling.evaluate import evaluate
from virality.modeling.inputs import fit_projector
from virality.modeling.rows import arrange
from virality.modeling.train import train

pytestmark = pytest.mark.usefixtures("light_recipes")

N = 60
COLUMNS = {
    "frames_colour__light": Column("frames_colour__light", "frames", meaning="light"),
    "audio_loudness__level": Column("audio_loudness__level", "audio", meaning="level"),
    **{
        f"frames_embedding__mean_{i}": Column(
            f"frames_embedding__mean_{i}", "frames", block="frames_embedding__mean", meaning="it"
        )
        for i in range(6)
    },
}


def make_posts(count=N, seed=0):
    rng = np.random.default_rng(seed)
    posts = pd.DataFrame(
        {
            "id": [f"p{i}" for i in range(count)],
            "author_id": [f"a{i}" for i in rng.integers(0, 12, count)],
            "posted_at": pd.date_range("2024-01-01", periods=count, freq="6h", tz="UTC"),
            "views": rng.lognormal(6, 1, count).round(),
        }
    )
    return conform(posts)


def make_matrix(posts, views=2, seed=0, without=()):
    """Return a matrix; the posts `without` have no views, as if they had no clip."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(len(posts), len(COLUMNS))).astype(np.float32)
    values[:, 0] += np.log1p(posts["views"].to_numpy(float)) / 2
    ids = pd.Index(posts["id"].astype(object), name="id")
    frame = pd.DataFrame(values, index=ids, columns=list(COLUMNS))
    if not views:
        return FeatureMatrix(frame, COLUMNS, {"frames_colour": "1"})
    kept = [i for i, post in enumerate(ids) if post not in without]
    copies = pd.concat([frame.iloc[kept]] * views)
    noise = rng.normal(0, 0.1, copies.shape).astype(np.float32)
    return FeatureMatrix(frame, COLUMNS, {"frames_colour": "1"}, copies + noise)


def make_rows(views=2, seed=0, without=()):
    posts = make_posts(seed=seed)
    return arrange(make_matrix(posts, views, seed, without), posts, tuple(COLUMNS))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    views=st.integers(1, 3),
    kind=st.sampled_from(["temporal", "author", "random"]),
    lacking=st.sets(st.integers(0, N - 1), max_size=20),
)
def test_no_fold_parts_the_views_of_a_post(seed, views, kind, lacking):
    rows = make_rows(views, seed % 7, {f"p{i}" for i in lacking})
    plain = rows.views.plain[:, 0].tolist()
    owner = dict(zip(plain, rows.posts["id"].iloc[rows.views.owner], strict=True))
    splits = {
        "temporal": lambda: [temporal_split(rows.posts)],
        "author": lambda: author_folds(rows.posts, 4, seed),
        "random": lambda: random_folds(rows.posts, 4, seed),
    }[kind]()
    for split in splits:
        sides = [rows.take(split.train), rows.take(split.test)]
        seen = []
        for side in sides:
            there = side.posts["id"].iloc[side.views.owner].tolist()
            assert there == [owner[value] for value in side.views.plain[:, 0].tolist()]
            seen.append(set(there))
            expected = set(side.posts["id"]) - {f"p{i}" for i in lacking}
            assert set(there) == expected
            assert len(there) == views * len(expected)
        assert not seen[0] & seen[1]


def test_a_post_weighs_the_same_however_many_views_it_has():
    rows = make_rows(3, without={"p0", "p7"})
    y = np.arange(N, dtype=float)
    projector, inputs = fit_projector(rows, y, BlockSpec(4, 5))
    learned = stack_learned(projector, rows, inputs)
    assert len(learned.values) == N + 3 * (N - 2)
    weight = np.bincount(learned.owner, weights=learned.weights)
    assert weight == pytest.approx(np.ones(N))
    assert learned.params("lightgbm", {"min_data_in_leaf": 10})["min_data_in_leaf"] == 39
    assert learned.params("xgboost", {"min_data_in_leaf": 10})["min_data_in_leaf"] == 10


def test_a_view_learns_the_outcome_of_its_post_no_better_than_the_post():
    rows = make_rows(2)
    rng = np.random.default_rng(3)
    y = rng.normal(size=N)  # nothing to be learned: any agreement would be a leak
    projector, inputs = fit_projector(rows, y, BlockSpec(4, 5))
    learned = stack_learned(projector, rows, inputs)
    names = [column.name for column in inputs.columns]
    ridge = names.index("frames_embedding__mean#ridge")
    assert np.array_equal(learned.values[N:, ridge], inputs.values[rows.views.owner, ridge])
    first = names.index("frames_embedding__mean#pc1")
    assert not np.array_equal(learned.values[N:, first], inputs.values[rows.views.owner, first])
    history = [i for i, name in enumerate(names) if name.startswith("history__")]
    same = inputs.values[rows.views.owner][:, history]
    assert np.array_equal(learned.values[N:, history], same, equal_nan=True)


def test_a_view_of_an_unknown_authors_post_is_not_its_neighbour():
    posts = make_posts()
    posts["author_id"] = pd.NA
    rows = arrange(make_matrix(posts), posts, tuple(COLUMNS))
    y = np.where(np.arange(N) == 5, 100.0, 0.0)
    projector, inputs = fit_projector(rows, y, BlockSpec(4, 1))
    learned = stack_learned(projector, rows, inputs)
    near = [column.name for column in inputs.columns].index("frames_embedding__mean#near")
    assert (learned.values[learned.owner == 5, near] == 0).all()


def test_averages_are_taken_post_by_post():
    rows = make_rows(2, without={"p1"})
    y = np.arange(N, dtype=float)
    projector, inputs = fit_projector(rows, y, BlockSpec(4, 5))
    seen = stack_views(projector, rows, inputs)
    values = np.arange(len(seen.values), dtype=float)
    averaged = seen.average(values)
    assert averaged.shape == (N,)
    assert averaged[1] == 1.0
    assert averaged[0] == pytest.approx(values[seen.owner == 0].mean())
    both = seen.average(np.column_stack([values, -values]))
    assert both[:, 1] == pytest.approx(-averaged)


def test_without_views_nothing_changes():
    rows = make_rows(0)
    y = np.arange(N, dtype=float)
    projector, inputs = fit_projector(rows, y, BlockSpec(4, 5))
    learned = stack_learned(projector, rows, inputs)
    assert learned.weights is None
    assert learned.values is inputs.values
    assert learned.average(y) is y


def test_training_predicting_and_judging_count_posts():
    posts = make_posts(120)
    matrix = make_matrix(posts, 2, without={"p3"})
    model = train(matrix, posts, target="views", jobs=1)
    assert model.card.rows == 120
    assert model.card.views == 2
    predicted = model.predict(matrix, posts)
    assert predicted.ids == tuple(posts["id"])
    alone = model.predict(replace(matrix, views=None), posts)
    assert not np.array_equal(predicted.mean, alone.mean)
    assert predicted.mean[3] == pytest.approx(alone.mean[3])
    told = model.contributions(matrix, posts)
    sums = told.baseline + told.frame.sum(axis=1).to_numpy()
    assert sums == pytest.approx(predicted.mean, rel=1e-6)
    judged = evaluate(model, matrix, posts, split="temporal", jobs=1)
    assert judged.rows == 24
    assert set(judged.ids) <= set(posts["id"])


def test_views_survive_being_written(tmp_path):
    posts = make_posts(8)
    matrix = make_matrix(posts, 2, without={"p1"})
    status = pd.DataFrame({"id": list(posts["id"]), "status": "ok", "reason": ""})
    status = status.assign(detail="", seconds=0.0, source_sha256="")
    write_features(tmp_path, Features(matrix, posts, status))
    read = read_features(tmp_path)
    assert len(read.matrix) == len(read.posts) == len(read.status) == 8
    assert list(read.matrix.frame.index) == list(matrix.frame.index)
    assert list(read.matrix.views.index) == list(matrix.views.index)
    assert np.array_equal(read.matrix.frame.to_numpy(), matrix.frame.to_numpy())
    assert np.array_equal(read.matrix.views.to_numpy(), matrix.views.to_numpy())
    stored = pd.read_parquet(tmp_path / "matrix.parquet")
    assert stored.groupby("view").size().to_dict() == {0: 8, 1: 7, 2: 7}
    assert stored[stored["id"] == "p0"]["view"].tolist() == [0, 1, 2]


def test_rows_and_columns_are_chosen_with_their_views():
    matrix = make_matrix(make_posts(8), 2)
    some = matrix.rows(["p5", "p2"]).select(["audio_loudness__level"])
    assert list(some.frame.index) == ["p5", "p2"]
    assert list(some.views.columns) == ["audio_loudness__level"]
    assert sorted(some.views.index) == ["p2", "p2", "p5", "p5"]


def test_a_view_of_no_post_is_refused():
    matrix = make_matrix(make_posts(8), 1)
    with pytest.raises(InputError, match="but not the post"):
        replace(matrix, frame=matrix.frame.iloc[:4])


def make_clip():
    rng = np.random.default_rng(0)
    frames = make_frames(
        rng.integers(0, 256, (6, 8, 4, 3)), rng.integers(0, 256, (20, 12, 7)), 10.0
    )
    sound = Audio(rng.normal(0, 0.2, 160_000).clip(-1, 1).astype(np.float32))
    return Clip(sample_streams(rng)[0], frames, sound)


def test_a_view_is_the_same_every_time_and_differs_from_the_others():
    clip = make_clip()
    before = clip.frames.stills.copy(), clip.audio.samples.copy()
    first, again, other = vary(clip, "ab", 1), vary(clip, "ab", 1), vary(clip, "ab", 2)
    assert np.array_equal(first.frames.stills, again.frames.stills)
    assert np.array_equal(first.audio.samples, again.audio.samples)
    assert draw_variation("ab", 1, 10) != draw_variation("ab", 2, 10)
    assert draw_variation("ab", 1, 10) != draw_variation("cd", 1, 10)
    assert not np.array_equal(first.frames.stills[0], other.frames.stills[0])
    assert first.stream is clip.stream
    assert np.array_equal(before[0], clip.frames.stills)
    assert np.array_equal(before[1], clip.audio.samples)


@settings(max_examples=30, deadline=None)
@given(view=st.integers(1, 16), sha=st.text("0123456789abcdef", min_size=4, max_size=8))
def test_every_view_is_a_clip(view, sha):
    clip = vary(make_clip(), sha, view)
    assert 9.6 <= clip.frames.duration_s <= 10.0
    assert clip.frames.still_times_s[0] == 0
    assert (np.diff(clip.frames.still_times_s) > 0).all()
    assert (np.diff(clip.frames.motion_times_s) > 0).all()
    assert clip.frames.stills.dtype == clip.frames.motion.dtype == np.uint8
    assert len(clip.frames.stills) == len(clip.frames.still_times_s)
    assert clip.audio.samples.dtype == np.float32
    assert np.abs(clip.audio.samples).max() <= 1


def test_no_corner_of_a_view_is_empty():
    white = make_frames(np.full((1, 8, 4, 3), 255), np.full((1, 12, 7), 255), 1.0)
    for turn in (-2.0, 2.0):
        for place in ((-1.0, -1.0), (1.0, 1.0)):
            seen = vary_frames(white, Variation(1.08, turn, place, 0.0, 0.0))
            assert (seen.stills == 255).all()


def test_gain_and_shift_are_what_they_say():
    sound = Audio(np.full(16_000, 0.1, np.float32))
    louder = vary_audio(sound, Variation(1.1, 0, (0, 0), 0.25, 6.0))
    assert len(louder.samples) == 12_000
    assert louder.samples[0] == pytest.approx(0.1 * 10 ** (6 / 20))


def test_too_many_views_are_refused(tmp_path):
    with pytest.raises(UsageError, match="0 to 16"):
        extract(make_posts(2), None, tmp_path, views=17)


LIGHT = ("text_shape", "stream_container", "frames_colour", "audio_loudness")


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    for number in range(2):
        make_media(folder / f"p{number}.mp4", seconds=1.5, seed=number)
    (folder / "text.mp4").write_text("not a film at all\n" * 100)
    return folder


def table():
    ids = pd.array(["p0", "gone", "text", "p1"], dtype="string")
    return pd.DataFrame({"id": ids, "caption": pd.array(["one"] * 4, dtype="string")})


def test_extraction_adds_views_of_clips_and_leaves_posts_alone(media, tmp_path):
    plain = extract(table(), media, tmp_path / "plain", only=LIGHT)
    varied = extract(table(), media, tmp_path / "varied", only=LIGHT, views=2)
    assert plain.counts == varied.counts
    one, two = read_features(tmp_path / "plain"), read_features(tmp_path / "varied")
    assert one.matrix.views is None
    assert np.array_equal(one.matrix.frame, two.matrix.frame, equal_nan=True)
    assert list(two.status["id"]) == list(table()["id"])
    assert list(two.matrix.views.index) == ["p0", "p1", "p0", "p1"]
    own = two.matrix.frame.loc[two.matrix.views.index]
    same = [name for name in own if name.startswith(("text_", "stream_"))]
    assert np.array_equal(own[same], two.matrix.views[same], equal_nan=True)
    for name in ("frames_colour", "audio_loudness"):
        inner = [column for column in own if column.startswith(name)]
        assert not np.array_equal(own[inner], two.matrix.views[inner], equal_nan=True)


def test_views_are_the_same_for_any_number_of_workers_and_come_one_by_one(media, tmp_path):
    sums = set()
    for jobs in (1, 2):
        extract(table(), media, tmp_path / str(jobs), only=LIGHT, views=2, jobs=jobs)
        sums.add((tmp_path / str(jobs) / "matrix.parquet").read_bytes())
    extract(table(), media, tmp_path / "grown", only=LIGHT)
    grown = extract(table(), media, tmp_path / "grown", only=LIGHT, views=2)
    sums.add((tmp_path / "grown" / "matrix.parquet").read_bytes())
    assert grown.computed == 2
    again = extract(table(), media, tmp_path / "grown", only=LIGHT, views=2)
    fewer = extract(table(), media, tmp_path / "grown", only=LIGHT, views=1)
    assert again.computed == fewer.computed == 0
    assert len(read_features(tmp_path / "grown").matrix.views) == 2
    assert len(sums) == 1


def test_growing_views_measures_nothing_twice(media, tmp_path):
    from virality.data.decode import Limits
    from virality.data.store import Store
    from virality.featurizers.assemble import Part
    from virality.featurizers.extract import choose
    from virality.featurizers.plan import plan_tasks
    from virality.featurizers.worker import Setup

    extract(table(), media, tmp_path, only=LIGHT, views=1)
    setup = Setup(tmp_path / "rows", choose(LIGHT, ()), Limits(), views=3)
    sha256 = read_features(tmp_path).status["source_sha256"][0]
    plan = plan_tasks([Part("one", media / "p0.mp4", sha256)], setup, Store(setup.rows))
    (task,) = plan.tasks
    light = ("audio_loudness", "frames_colour")
    assert task.names == ()
    assert [tuple(sorted(names)) for names in task.views] == [(), light, light]


def test_a_model_of_views_and_extras_asks_for_them_when_it_predicts(media, tmp_path):
    import shutil

    from virality.featurizers.extras import EXTRAS
    from virality.workflow.predict import predict

    if EXTRAS["faces"].missing:
        pytest.skip("faces is not installed")
    clips = tmp_path / "clips"
    clips.mkdir()
    posts = make_posts(40)
    for number, post in enumerate(posts["id"]):
        shutil.copy(media / f"p{number % 2}.mp4", clips / f"{post}.mp4")
    only = ("frames_colour", "audio_loudness", "metadata_time")
    extract(posts, clips, tmp_path / "f", only=only, extras=("faces",), views=2)
    features = read_features(tmp_path / "f")
    assert len(features.matrix.views) == 80
    model = train(features.matrix, features.posts, target="views", jobs=1)
    assert model.card.views == 2
    assert "frames_faces" in model.matrix_versions
    made = predict(model, [clips / "p0.mp4"])
    (told,) = made.forecasts
    assert made.counts == {"ok": 1}
    assert told.low <= told.prediction <= told.high
