"""What if: exact, within what the data supports, never advice about what cannot be changed."""

import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from math import cos, pi, sin
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from attack_strings import ATTACKS
from report_case import case
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import UsageError
from virality.data.features import Features, write_features
from virality.data.matrix import Column, FeatureMatrix
from virality.data.reasons import REASONS
from virality.data.splits import posting_times
from virality.modeling.bundle import save_model
from virality.modeling.history import MOVED, History
from virality.modeling.train import Model, train
from virality.reports.control import control
from virality.reports.explain_page import page_of
from virality.reports.explain_posts import Explainer, explain_posts
from virality.reports.figures_whatif import what_if_figures
from virality.reports.levers import LEVERS, LOCAL, companion_of, moved, near, settings_of
from virality.reports.render import render_explained
from virality.reports.report import PostStory
from virality.reports.similar import Likeness, similar_posts
from virality.reports.stories import clip_words
from virality.reports.suggest import Support
from virality.reports.whatif import Ground, predict_changed, row_of

pytestmark = pytest.mark.usefixtures("light_recipes")

COLUMNS = (
    Column("frames_motion__cut_rate", "frames", "1/s", "pre", "", "cuts a second"),
    Column("frames_motion__cuts", "frames", "count", "pre", "", "cuts"),
    Column("metadata_time__hour", "metadata", "h", "pre", "", "hour"),
    Column("metadata_time__hour_sin", "metadata", "", "pre", "", "hour on a circle"),
    Column("metadata_time__hour_cos", "metadata", "", "pre", "", "hour on a circle"),
    Column("text_shape__length", "text", "characters", "pre", "", "characters"),
    Column("metadata_author__followers_log10", "metadata", "log10", "asof", "", "followers"),
    *(
        Column(f"text_embedding__e_{i}", "text", "", "pre", "text_embedding__sentence", "")
        for i in range(5)
    ),
)


@cache
def made() -> tuple[Model, Features]:
    """Return a model of posts that gain by cuts, evenings and followers."""
    draw = np.random.default_rng(0)
    rows = 260
    rate, hour = draw.gamma(2.0, 0.5, rows), draw.uniform(0, 24, rows)
    followers = draw.normal(4, 0.8, rows)
    embedding = draw.normal(size=(rows, 5))
    values = np.column_stack([
        rate, np.round(rate * 8), hour, np.sin(2 * pi * hour / 24), np.cos(2 * pi * hour / 24),
        draw.integers(20, 180, rows), followers, embedding,
    ])  # fmt: skip
    score = 1 + 0.6 * rate + 0.4 * np.cos(2 * pi * (hour - 20) / 24) + 0.5 * followers
    score = score + draw.normal(0, 0.2, rows)
    ids = [f"p{i}" for i in range(rows)]
    index = pd.Index(ids, name="id", dtype=object)
    frame = pd.DataFrame(values.astype(np.float32), index, columns=[c.name for c in COLUMNS])
    posts = pd.DataFrame({"id": ids, "caption": [ATTACKS[i % len(ATTACKS)] for i in range(rows)]})
    posts["author_id"] = [f"a{i}" for i in draw.integers(0, 40, rows)]
    posts["posted_at"] = pd.date_range("2025-01-01", periods=rows, freq="9h", tz="UTC")
    posts["views"] = np.maximum(0, 10**score - 1).astype(np.int64)
    posts = posts.astype({"id": "string", "caption": "string", "author_id": "string"})
    versions = dict.fromkeys((c.name.split("__")[0] for c in COLUMNS), "1")
    matrix = FeatureMatrix(frame, {c.name: c for c in COLUMNS}, versions)
    status = pd.DataFrame({"id": ids, "status": "ok", "reason": "", "detail": "", "seconds": 0.0})
    features = Features(matrix, posts, status.assign(source_sha256=""))
    return train(matrix, posts), features


@cache
def explained() -> tuple[PostStory, ...]:
    model, features = made()
    some = ["p200", "p17"]
    rows = features.posts[features.posts["id"].isin(some)].reset_index(drop=True)
    return explain_posts(model, features.matrix.rows(some), rows, reference=features)


def test_the_labels_of_a_curve_name_their_unit_once() -> None:
    """`0.0449 picture lengths a second` at every setting would lie over the next."""
    post = explained()[0]
    assert post.what_if is not None
    seen = 0
    for figure, curve in zip(
        what_if_figures(0, post, "views", True, True), post.what_if.curves, strict=False
    ):
        axis = figure.plot.x
        texts = [setting.text for setting in curve.settings]
        end = "" if not axis.title else " " + axis.title.removeprefix(f"{curve.label} (")[:-1]
        seen += bool(end)
        assert all(text.endswith(end) for text in texts)
        assert axis.ticks
        assert {tick.text + end for tick in axis.ticks} <= set(texts)
    assert seen


def test_no_lever_moves_what_cannot_be_changed() -> None:
    for lever in LEVERS:
        for name in (lever.column, *lever.follows, *lever.along):
            modality = name.partition("_")[0]
            assert control(name, modality, "pre") == "can", name
            assert not re.search(r"follower|author|age_days|season|year|history", name)
    model, features = made()
    keys = {lever.key for lever in Ground(model, features).levers}
    assert keys == {"cuts", "hour", "caption"}


def test_a_column_known_only_afterwards_is_no_lever() -> None:
    model, features = made()
    late = {
        name: Column(name, column.modality, column.unit, "post")
        for name, column in model.columns.items()
    }
    assert Ground(replace(model, columns=late), features).levers == ()


def test_what_hangs_on_a_lever_moves_along() -> None:
    hour = next(lever for lever in LEVERS if lever.key == "hour")
    row = {"metadata_time__hour": 3.0, "metadata_time__weekday": 2.0}
    row |= {f"metadata_time__{name}": 0.5 for name in ("hour_sin", "hour_cos", "weekday_sin")}
    now = moved(row, hour, 18.0, None, {})
    assert now["metadata_time__hour_sin"] == pytest.approx(-1)
    assert now["metadata_time__hour_cos"] == pytest.approx(0, abs=1e-9)
    assert now["metadata_time__weekday_sin"] == pytest.approx(sin(2 * pi * (2 + 18 / 24) / 7))
    assert "metadata_time__weekday_cos" not in now
    cuts = next(lever for lever in LEVERS if lever.key == "cuts")
    twice = moved({cuts.column: 0.5, "frames_motion__cuts": 4.0}, cuts, 1.0, None, {})
    assert twice["frames_motion__cuts"] == pytest.approx(8)


def test_settings_stay_within_what_posts_have() -> None:
    model, features = made()
    ground = Ground(model, features)
    for lever in ground.levers:
        values = features.matrix.frame[lever.column].to_numpy()
        settings = ground.settings[lever.key]
        assert min(settings) >= values.min()
        assert max(settings) <= values.max()
    lonely = pd.DataFrame({"text_shape__length": [1.0] * 19})
    caption = next(lever for lever in LEVERS if lever.key == "caption")
    assert settings_of(caption, lonely) == ()


def test_curves_are_exact_predictions() -> None:
    model, features = made()
    story = explained()[0]
    assert story.what_if is not None
    curve = next(one for one in story.what_if.curves if one.lever == "hour")
    setting = curve.settings[3]
    frame = features.matrix.frame.loc[["p200"]].copy()
    turn = 2 * pi * setting.value / 24
    frame["metadata_time__hour"] = np.float32(setting.value)
    frame["metadata_time__hour_sin"] = np.float32(sin(turn))
    frame["metadata_time__hour_cos"] = np.float32(cos(turn))
    matrix = FeatureMatrix(frame, features.matrix.columns, features.matrix.versions)
    hours = setting.value - float(features.matrix.frame.loc["p200", "metadata_time__hour"])
    mean = model.predict(matrix, features.posts.assign(**{MOVED: hours})).mean[0]
    assert setting.prediction == pytest.approx(float(model.target.to_units(mean)))
    assert setting.gain_low <= setting.gain_high


def test_a_later_hour_does_not_tell_a_training_post_its_own_outcome() -> None:
    model, features = made()
    y = model.target.values(features.posts)
    y[features.posts["id"] == "p200"] += 3.0
    told = replace(
        model.stack.projector, history=History.fit(features.posts, y)
    )  # the post itself did otherwise
    other = replace(model, stack=replace(model.stack, projector=told))
    now = row_of(features.matrix, "p200")["metadata_time__hour"]
    wanted = [{"hour": now}, *({"hour": hour} for hour in (now + 1, now + 8, now - 8))]
    said, again = (
        predict_changed(Ground(one, features), features.matrix, features.posts, "p200", wanted)
        for one in (model, other)
    )
    assert len(set(said.mean)) > 1
    np.testing.assert_array_equal(said.mean, again.mean)


def test_every_combination_is_an_exact_prediction_and_the_own_one_is_the_post() -> None:
    model, features = made()
    story = explained()[1]
    assert story.what_if is not None
    joint = story.what_if.joint
    assert joint is not None
    shape = tuple(len(dial.values) for dial in joint.dials)
    grid = np.array(joint.predictions).reshape(shape)
    assert grid[tuple(dial.current for dial in joint.dials)] == pytest.approx(story.predicted)
    corner = tuple(size - 1 for size in shape)
    wanted = {dial.lever: dial.values[-1] for dial in joint.dials}
    ground = Ground(model, features)
    said = predict_changed(ground, features.matrix, features.posts, "p17", [wanted])
    assert grid[corner] == pytest.approx(float(model.target.to_units(said.mean[0])))
    assert len(joint.says) == len(joint.supported) == grid.size


@pytest.mark.parametrize("wanted", [{"nonsense": 3}, {"hour": 19.0, "tempo": 120.0}])
def test_an_unknown_lever_is_refused_with_those_that_there_are(wanted: dict[str, float]) -> None:
    model, features = made()
    with pytest.raises(UsageError, match=r"'(nonsense|tempo)' .*; there are hour, cuts, caption"):
        predict_changed(
            Ground(model, features), features.matrix, features.posts, "p17", [{}, wanted]
        )


def test_the_post_itself_is_left_as_it_is() -> None:
    model, features = made()
    before = features.matrix.frame.copy()
    explain_posts(model, features.matrix.rows(["p3"]), features.posts, reference=features)
    pd.testing.assert_frame_equal(features.matrix.frame, before)


def test_what_raises_views_is_suggested_and_has_been_done() -> None:
    for story in explained():
        assert story.what_if is not None
        for one in story.what_if.suggestions:
            assert one.gain > 0
            assert one.did >= 3
            assert one.gain_low <= one.gain_high
            assert {change.lever for change in one.changes} <= {"cuts", "hour", "caption"}
        strongest = {curve.lever for curve in story.what_if.curves[:2]}
        assert strongest == {"cuts", "hour"}
        assert any("not an experiment" in note for note in story.what_if.notes)


def test_what_nobody_combines_is_not_plausible() -> None:
    model, features = made()
    support = Support(Ground(model, features))
    row = row_of(features.matrix, "p50")
    assert support.holds({"cuts": row["frames_motion__cut_rate"], "hour": 12.0})
    frame = features.matrix.frame.copy()
    half = frame["text_shape__length"] > frame["text_shape__length"].median()
    frame.loc[half, "frames_motion__cut_rate"] = 0.1
    frame.loc[~half, "frames_motion__cut_rate"] += 2
    matrix = FeatureMatrix(frame, features.matrix.columns, features.matrix.versions)
    apart = Support(Ground(model, Features(matrix, features.posts, features.status)))
    assert apart.holds({"cuts": 3.0, "caption": 40.0})
    assert not apart.holds({"cuts": 4.0, "caption": 170.0})


def test_similar_posts_are_strictly_earlier_and_the_nearest() -> None:
    model, features = made()
    likeness = Likeness(features, model.target)
    times = posting_times(features.posts)
    found = similar_posts(likeness, features.matrix, "p100", float(times[100]), "")
    assert found is not None
    assert found.compared == 100
    assert {one.id for one in found.posts} <= {f"p{i}" for i in range(100)}
    alike = [one.similarity for one in found.posts]
    assert alike == sorted(alike, reverse=True)
    names = [f"text_embedding__e_{i}" for i in range(5)]
    values = features.matrix.frame[names].to_numpy(dtype=float)
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    assert found.posts[0].id == f"p{int(np.argmax(unit[:100] @ unit[100]))}"
    first = similar_posts(likeness, features.matrix, "p0", float(times[0]), "")
    assert first is None


@pytest.mark.parametrize(
    ("post", "words"), [(1, "Only one"), (3, "Only 3 "), (4, "Half of the 4 ")]
)
def test_a_handful_of_similar_posts_is_not_halved(post: int, words: str) -> None:
    model, features = made()
    time = float(posting_times(features.posts)[post])
    found = similar_posts(Likeness(features, model.target), features.matrix, f"p{post}", time, "")
    assert found is not None
    assert found.sentence.startswith(words)


def test_a_clip_that_was_not_read_is_said() -> None:
    assert [clip_words(status, "") for status in ("ok", "no_media")] == ["", ""]
    for status, reason in (("failed", "crashed"), ("partial", "damaged")):
        words = clip_words(status, reason)
        assert REASONS[reason] in words
        told = (replace(explained()[0], clip=words), explained()[1])
        page = render_explained(page_of(made()[0], told, reference=True))
        assert page.count(words) == 1


def test_without_reference_there_is_no_what_if_and_the_page_says_why() -> None:
    model, features = made()
    bare = explain_posts(model, features.matrix.rows(["p9"]), features.posts)
    assert bare[0].what_if is None
    assert bare[0].similar is None
    assert "--features" in render_explained(page_of(model, bare, reference=False))


def test_a_log_score_is_explained_too() -> None:
    model, features, _ = case(log=False)
    some = explain_posts(model, features.matrix.rows(["p9"]), features.posts, reference=features)
    assert some[0].what_if is not None
    render_explained(page_of(model, some, reference=True))


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_every_attack_stays_text() -> None:
    model, _ = made()
    story = explained()[0]
    assert story.similar is not None
    calm = {tag for tag, _ in Tags(render_explained(page_of(model, (story,), reference=True))).seen}
    posts = tuple(
        replace(
            story, id=attack, caption=attack, what_if=None,
            similar=replace(
                story.similar,
                posts=tuple(replace(one, caption=attack, id=attack) for one in story.similar.posts),
            ),
        )
        for attack in ATTACKS
    )  # fmt: skip
    page = render_explained(page_of(model, (story, *posts), reference=True))
    seen = Tags(page).seen
    assert {tag for tag, _ in seen} <= calm
    for _, attrs in seen:
        assert not any(name.startswith("on") or name == "style" for name in attrs)
        assert (attrs.get("href") or "#").startswith("#")


def test_same_input_same_bytes() -> None:
    model, features = made()
    explainer = Explainer(model, features)
    story = replace(
        explained()[0], what_if=explainer.what_if(features.matrix, features.posts, "p200")
    )
    assert story.as_json() == explained()[0].as_json()
    page = page_of(model, explained(), reference=True)
    assert render_explained(page) == render_explained(page)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, features = made()
    root = tmp_path_factory.mktemp("explain")
    write_features(root / "features", features)
    save_model(model, root / "model")
    return root


def test_the_command_explains_posts_by_id(folder: Path) -> None:
    page = folder / "explain.html"
    options = ["explain", str(folder / "model"), "p200", "p17", "-q", "-o", str(page)]
    options += ["--features", str(folder / "features")]
    done = CliRunner().invoke(app, [*options, "--json"])
    assert done.exit_code == 0, done.output
    value = json.loads(done.stdout)
    assert [post["id"] for post in value["posts"]] == ["p200", "p17"]
    twin = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert twin["posts"] == value["posts"]
    assert 'id="whatif-data"' in page.read_text(encoding="utf-8")
    shown = CliRunner().invoke(app, options)
    assert "What if?" in shown.output
    assert "Similar earlier posts" in shown.output


def test_the_command_says_which_clip_was_not_read(folder: Path, tmp_path: Path) -> None:
    _, features = made()
    status = features.status.copy()
    status.loc[17, ["status", "reason"]] = ("partial", "damaged")
    write_features(tmp_path / "features", replace(features, status=status))
    options = ["explain", str(folder / "model"), "p16", "p17", "-q"]
    options += ["--features", str(tmp_path / "features")]
    done = CliRunner().invoke(app, [*options, "--json"])
    clips = [post["clip"] for post in json.loads(done.stdout)["posts"]]
    assert clips == ["", clip_words("partial", "damaged")]
    shown = CliRunner().invoke(app, options).output
    assert shown.count("Only a part of the clip could be read") == 1
    assert shown.index("p17") < shown.index("Only a part of the clip")


def test_a_post_that_is_nowhere_is_named(folder: Path) -> None:
    options = ["explain", str(folder / "model"), "nobody", "-q"]
    done = CliRunner().invoke(app, [*options, "--features", str(folder / "features")])
    assert done.exit_code != 0
    assert "nobody" in str(done.exception)
    alone = CliRunner().invoke(app, options)
    assert "nobody" in str(alone.exception)


def test_the_range_of_a_suggestion_is_of_the_similar_posts_alone() -> None:
    model, features = made()
    story = explained()[0]
    assert story.what_if is not None
    one = next(one for one in story.what_if.suggestions if len(one.changes) == 1)
    (change,) = one.changes
    ground, likeness = Ground(model, features), Likeness(features, model.target)
    similarity = likeness.similarity(features.matrix, "p200")
    rows = np.flatnonzero(np.isfinite(similarity) & (likeness.ids != "p200"))
    order = rows[np.lexsort((likeness.ids[rows], -similarity[rows]))][:12]
    own = row_of(features.matrix, "p200")[ground.lever(change.lever).column]
    wanted = [{change.lever: own}, {change.lever: change.value}]
    gains = []
    for row in order:
        post = str(likeness.ids[row])
        said = predict_changed(ground, features.matrix, features.posts, post, wanted).mean
        gains.append(said[1] - said[0])
    np.testing.assert_allclose([one.gain_low, one.gain_high], np.quantile(gains, [0.1, 0.9]))


def test_hours_say_by_which_clock() -> None:
    model, features = made()
    what_if = explained()[0].what_if
    assert what_if is not None
    assert "hour of posting (UTC)" in {curve.label for curve in what_if.curves}
    assert any("Hours and days of posting are UTC" in note for note in what_if.notes)
    frame = features.matrix.frame.assign(metadata_time__is_local=np.float32(1))
    columns = {**features.matrix.columns, LOCAL: Column(LOCAL, "metadata", "0/1")}
    matrix = FeatureMatrix(frame, columns, features.matrix.versions)
    local = explain_posts(model, matrix.rows(["p200"]), features.posts, reference=features)[0]
    assert local.what_if is not None
    assert "hour of posting" in {curve.label for curve in local.what_if.curves}
    assert not any("UTC" in note for note in local.what_if.notes)


def test_one_clip_of_an_hour_brings_no_setting_nearer_to_others() -> None:
    lengths = np.sort(np.random.default_rng(0).lognormal(3.0, 0.6, 2000))
    alone = [near(lengths, one, "range") for one in (10.0, 20.0, 60.0)]
    beside = np.append(lengths, 3600.0)
    counts = [near(beside, one, "range") for one in (10.0, 20.0, 60.0)]
    assert np.abs(np.subtract(counts, alone)).max() <= 3
    assert max(counts) < 500


def test_what_goes_along_stays_between_what_is_seen() -> None:
    lever = next(one for one in LEVERS if one.key == "brightness")
    along = "frames_colour__dark_share"
    reference = pd.DataFrame(
        {lever.column: np.arange(40.0) % 10, along: (np.arange(40.0) % 10) / 9}
    )
    companion = companion_of(lever, reference)
    row, limits = {lever.column: 0.0, along: 1.0}, {along: (0.0, 1.0)}
    assert moved(row, lever, 9.0, companion, limits)[along] == 1.0
    beyond = {**row, along: 1.2}  # what the post has itself stays possible
    assert moved(beyond, lever, 9.0, companion, limits)[along] == 1.2


def test_a_post_without_cuts_gets_them() -> None:
    lever = next(one for one in LEVERS if one.key == "cuts")
    row = {lever.column: 0.0, "frames_motion__cuts": 0.0, "stream_container__duration_s": 20.0}
    assert moved(row, lever, 1.5, None, {})["frames_motion__cuts"] == 30.0
    some = {**row, lever.column: 0.5, "frames_motion__cuts": 9.0}
    assert moved(some, lever, 1.0, None, {})["frames_motion__cuts"] == 18.0


@pytest.mark.parametrize("authors", [1, 260])
def test_posts_made_so_are_held_against_those_made_otherwise(authors: int) -> None:
    model, features = made()
    names = [f"a{i % authors}" for i in range(len(features.posts))]
    own = replace(features, posts=features.posts.assign(author_id=names))
    story = explain_posts(model, features.matrix.rows(["p200"]), own.posts, reference=own)[0]
    assert story.what_if is not None
    told = [one for one in story.what_if.suggestions if np.isfinite(one.seen_low)]
    assert told
    for one in told:
        assert one.seen_low < one.seen < one.seen_high
        assert "compared with the other similar ones" in " ".join(one.sentences)
