"""One clip looked at: the same numbers as extraction, curves on one clock, exit codes, JSON."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clips import make_clip
from peculiar_clips import grey, write_clip
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import InputError
from virality.data.features import Features, read_features
from virality.data.matrix import Column, FeatureMatrix
from virality.data.reasons import REASONS
from virality.featurizers.extract import extract
from virality.reports.clip_story import summary, trouble
from virality.reports.inspection import Inspection
from virality.reports.render import render_clip
from virality.workflow.compare import measure
from virality.workflow.inspect import look
from virality.workflow.predict import Known

SLOW = ("frames_embedding", "text_embedding", "audio_voice", "frames_colour", "frames_layout")
"""What most tests here leave out: models and measurements that others look after."""

DOCS = Path(__file__).resolve().parents[1] / "docs" / "machine-output.md"
CUTS_S = (0.6, 1.8, 4.2)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    make_clip(folder / "whole.mp4", seconds=1.2, seed=1)
    make_clip(folder / "mute.mp4", sound_hz=None, seed=2)
    make_clip(folder / "radio.m4a", picture=False)
    (folder / "broken.mp4").write_bytes((folder / "whole.mp4").read_bytes()[:700])
    (folder / "note.mp4").write_text("no clip at all")
    _cut_clip(folder / "cuts.mp4")
    return folder


def _cut_clip(path: Path) -> None:
    """Write six seconds with cuts at CUTS_S, loud for three seconds and quiet from then on."""
    times = np.arange(0, 6, 0.04)
    shots = np.searchsorted(CUTS_S, times + 1e-9, side="right")
    pictures = [grey(30 if shot % 2 else 220) for shot in shots]
    at = np.arange(6 * 16_000) / 16_000
    wave = np.sin(2 * np.pi * 440 * at) * np.where(at < 3, 0.5, 0.05)
    write_clip(path, pictures, sound=wave.astype(np.float32))


@pytest.fixture(scope="module")
def seen(media: Path) -> Inspection:
    return look(media / "cuts.mp4", known=Known(caption="two cuts #fyp"), without=SLOW)


def test_values_are_those_of_an_extraction(media: Path, tmp_path: Path) -> None:
    captions = {"whole": "how to fold a shirt #lifehack", "mute": "wait for it 😱 #fyp"}
    posts = pd.DataFrame(
        {"id": list(captions), "media": [f"{name}.mp4" for name in captions],
         "caption": list(captions.values())}
    )  # fmt: skip
    posts["hashtags"] = [("lifehack",), ("fyp",)]
    posts["mentions"] = [(), ()]
    extract(posts, media, tmp_path / "features", jobs=1)
    frame = read_features(tmp_path / "features").matrix.frame
    for name, caption in captions.items():
        left_out = SLOW if name == "mute" else ()
        found = look(media / f"{name}.mp4", known=Known(caption=caption), without=left_out)
        singles = [one for one in found.features if one.dimensions == 1]
        values = np.array([one.value for one in singles], np.float32)
        wanted = frame.loc[name, [one.column for one in singles]].to_numpy(np.float32)
        np.testing.assert_array_equal(values, wanted)
        if not left_out:
            assert sum(one.dimensions for one in found.features) == frame.shape[1]


def test_curves_stand_on_one_clock(seen: Inspection) -> None:
    line = seen.timeline
    assert line is not None
    assert line.end_s == pytest.approx(6, abs=0.1)
    assert line.cuts_s == pytest.approx(CUTS_S, abs=0.15)
    assert line.level is not None
    before = [v for t, v in zip(line.level.times_s, line.level.values, strict=True) if t < 2.9]
    after = [v for t, v in zip(line.level.times_s, line.level.values, strict=True) if 3.2 < t < 5.9]
    assert np.median(before) == pytest.approx(-9.03, abs=0.5)
    assert np.median(after) == pytest.approx(-29.03, abs=0.5)
    for curve in (line.level, line.motion, line.speech):
        assert curve is not None
        assert list(curve.times_s) == sorted(curve.times_s)
        assert 0 <= curve.times_s[0] <= curve.times_s[-1] <= line.end_s
    assert [one.at_s for one in seen.film] == sorted({one.at_s for one in seen.film})


def test_the_hook_says_what_the_features_say(seen: Inspection) -> None:
    hook = {one.key: one for one in seen.hook}
    assert hook["cuts"].opening == pytest.approx(2 / 3)
    assert hook["level"].opening - hook["level"].rest == pytest.approx(20, abs=0.3)
    for one in seen.hook:
        same = seen.find(one.column)
        if same is not None:
            assert one.opening == pytest.approx(same.value, rel=1e-5, abs=1e-6)
    rest = seen.find("frames_motion__rest_cut_rate")
    assert rest is not None
    assert hook["cuts"].rest == pytest.approx(rest.value, rel=1e-5)
    assert "more cuts" in summary(seen)[-1]
    assert "louder sound" in summary(seen)[-1]


def _matrix(values: dict[str, list[float]], versions: dict[str, str]) -> Features:
    columns = {
        name: Column(name, "frames", "1/s", block="f__e" if name.startswith("f__e_") else "")
        for name in values
    }
    ids = [f"p{i}" for i in range(len(next(iter(values.values()))))]
    frame = pd.DataFrame(values, index=pd.Index(ids, name="id"), dtype=np.float32)
    status = pd.DataFrame({"id": ids, "status": "ok", "source_sha256": [f"h{i}" for i in ids]})
    return Features(FeatureMatrix(frame, columns, versions), pd.DataFrame({"id": ids}), status)


def test_percentiles_against_a_small_matrix() -> None:
    nan = float("nan")
    own = _matrix(
        {"f__a": [3.0], "f__b": [nan], "f__e_0": [1.0], "f__e_1": [0.0], "g__c": [1.0]},
        {"f": "1", "g": "2"},
    )
    own.status["source_sha256"] = "another"
    ramp = [0.0, 1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, nan, nan]
    others = _matrix(
        {"f__a": ramp, "f__b": [1.0] * 12, "f__e_0": [0.0, *[-1.0] * 10, 2.0],
         "f__e_1": [1.0, *[0.0] * 10, 2.0], "g__c": [1.0] * 12},
        {"f": "1", "g": "1"},
    )  # fmt: skip
    measured, notes = measure(own, others)
    a, b, embedding, c = measured
    assert (a.below, a.above, a.percentile) == (30.0, 50.0, 40.0)
    assert (a.usual, a.posts) == (3.5, 10)
    assert not b.present
    assert not b.compared
    assert (embedding.column, embedding.dimensions) == ("f__e", 2)
    assert (embedding.nearest, embedding.posts) == ("p11", 12)
    assert embedding.similarity == pytest.approx(0.5**0.5, abs=1e-6)
    assert not c.compared
    assert len(notes) == 1
    assert "g" in notes[0]


def test_too_few_posts_and_the_clip_itself_are_told() -> None:
    own, few = _matrix({"f__a": [3.0]}, {"f": "1"}), _matrix({"f__a": [1.0] * 9}, {"f": "1"})
    measured, notes = measure(own, few)
    assert not measured[0].compared
    assert any("at least 10" in note for note in notes)
    assert any("itself" in note for note in notes)


def test_every_reason_of_a_clip_says_what_to_do(seen: Inspection) -> None:
    none_of_a_clip = {"", "no_file", "no_folder", "result_refused", "featurizer_failed"}
    for reason in set(REASONS) - none_of_a_clip - {"worker_lost"}:
        told = trouble(replace(seen, status="failed", reason=reason, explanation=REASONS[reason]))
        assert len(told) == 2, reason


def test_a_clip_that_vanishes_gets_a_page(seen: Inspection) -> None:
    gone = replace(seen, status="no_media", reason="file_not_found", timeline=None, facts=None,
                   film=(), opening=(), hook=(), explanation=REASONS["file_not_found"])  # fmt: skip
    assert "There is no file of this clip" in render_clip(gone)


def test_a_link_is_followed_and_one_to_nothing_refused(media: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.m4a").symlink_to(media / "radio.m4a")
    (tmp_path / "gone.mp4").symlink_to("nothing.mp4")
    found = look(tmp_path / "mine.m4a", without=SLOW)
    assert (found.name, found.status) == ("mine.m4a", "ok")
    with pytest.raises(InputError, match="leads to no file"):
        look(tmp_path / "gone.mp4", without=SLOW)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("whole.mp4", "ok", "One shot without a cut."),
        ("mute.mp4", "ok", "It has no sound."),
        ("radio.m4a", "ok", "It has no picture, only sound."),
        ("broken.mp4", "failed", "get it again"),
        ("note.mp4", "failed", "Give a video or a sound file"),
    ],
)
def test_lacking_and_broken_clips_say_what_they_lack(
    media: Path, name: str, status: str, words: str
) -> None:
    found = look(media / name, known=Known(caption="hello"), without=SLOW)
    assert found.status == status
    assert words in " ".join((*summary(found), *trouble(found)))
    page = render_clip(found)
    assert "</html>" in page
    assert words in page.replace("&#39;", "'")
    length = found.find("text_shape__length")
    assert length is not None
    assert length.value == 5
    assert (found.timeline is None) == (status == "failed")
    assert found.reason == "" or found.explanation


def invoke(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    return result.exit_code, result.stdout


def test_the_command_prints_json_as_documented(media: Path, tmp_path: Path) -> None:
    page = tmp_path / "clip.html"
    left_out = ",".join(SLOW)
    code, text = invoke(
        "inspect", media / "cuts.mp4", "-o", page, "--without", left_out, "--json", "-q"
    )
    assert code == 0
    value = json.loads(text)
    assert value["page"] == str(page)
    section = DOCS.read_text(encoding="utf-8").partition("## `virality inspect --json`")[2]
    section = section.partition("\n## ")[0]
    documented = {name for row in re.findall(r"^\| (`.*?) \|", section, re.M)
                  for name in re.findall(r"`(\w+)`", row)}  # fmt: skip
    inner = {*value["features"][0], *value["timeline"], *value["hook"][0], *value["facts"]}
    assert documented == {*value, *inner}
    before = page.read_bytes()
    invoke("inspect", media / "cuts.mp4", "-o", page, "--without", left_out, "-q")
    assert page.read_bytes() == before


def test_the_command_speaks_to_people_and_fails_with_3(media: Path, tmp_path: Path) -> None:
    page = tmp_path / "clip.html"
    arguments = ("-o", page, "--without", ",".join(SLOW), "-q")
    code, text = invoke("inspect", media / "cuts.mp4", *arguments)
    assert code == 0
    assert "3 cuts, the first after 0.5" in text
    assert "Loudness" in text
    assert "┊" in text
    assert f"Page: {page}" in text
    code, text = invoke("inspect", media / "broken.mp4", *arguments)
    assert code == 3
    assert "This clip could not be read" in text
    assert "This clip could not be read" in page.read_text(encoding="utf-8")


@contextmanager
def refused(*words: str) -> Iterator[None]:
    with pytest.raises(InputError) as caught:
        yield
    assert all(word in str(caught.value) for word in words)


def test_what_is_no_clip_is_refused(media: Path, tmp_path: Path) -> None:
    with refused("none.mp4"):
        look(media / "none.mp4")
    with refused("is a folder"):
        look(media)
    strange = media / b"\xff.mp4".decode("utf-8", "surrogateescape")
    strange.write_bytes(b"x")
    with refused("rename"):
        look(strange)
    strange.unlink()


def test_nothing_is_left_out_of_the_facts() -> None:
    from virality.data.clip import Stream
    from virality.reports.inspection import Facts

    assert {one.name for one in fields(Facts)} <= {one.name for one in fields(Stream)}
