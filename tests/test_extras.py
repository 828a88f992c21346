"""Extras: switched on by name, honest about silence, and reading what is written."""

import shutil
import subprocess
import wave
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from clips import make_clip

from virality.data.clip import AUDIO_RATE_HZ, Audio, Frames
from virality.data.errors import StorageError, UsageError
from virality.data.features import read_features
from virality.featurizers import audio_transcript
from virality.featurizers import extras as module
from virality.featurizers.audio_transcript import AudioTranscript
from virality.featurizers.checks import CHECKS
from virality.featurizers.extract import choose, extract, with_encoder
from virality.featurizers.extras import EXTRAS, extras_of, switched_on
from virality.featurizers.listing import list_extras
from virality.featurizers.samples import sample_media
from virality.featurizers.transcriber import Transcript, transcribe

ALL = {name: (extra, one) for extra in EXTRAS for name, one in EXTRAS[extra].featurizers.items()}
SILENT_ENDS = ("_embedding", "_sentiment", "_language")
SILENT = tuple(n for n in ALL if n.endswith(SILENT_ENDS))
"""Nobody speaks and nothing is written in the samples: an empty text has no meaning to encode."""


def needs(extra):
    return pytest.mark.skipif(bool(EXTRAS[extra].missing), reason=f"{extra} is not installed")


def _tried(name):
    """Readers of text are one class each under other names: trying one of each is enough often."""
    often = not name.endswith(SILENT_ENDS) or name == "audio_transcript_sentiment"
    return pytest.param(name, marks=() if often else pytest.mark.nightly)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", [_tried(name) for name in ALL])
def test_every_extra_keeps_every_rule(name, check):
    extra, featurizer = ALL[name]
    if EXTRAS[extra].missing:
        pytest.skip(f"{extra} is not installed")
    if check == "values" and name in SILENT:
        values = featurizer.extract(sample_media(featurizer.modality))
        assert not np.isinf(values).any()
        return
    CHECKS[check](featurizer, sample_media(featurizer.modality)[:3])


@pytest.mark.parametrize("name", ALL)
def test_an_extras_name_begins_with_its_modality(name):
    assert name.startswith(ALL[name][1].modality + "_")


def test_no_extra_is_on_unless_asked_for():
    assert not set(choose((), ())) & set(ALL)
    assert extras_of(["text_shape", "frames_faces"]) == ("faces",)


def test_an_unknown_extra_and_a_missing_package_are_explained(monkeypatch):
    with pytest.raises(UsageError, match="there are transcript, screen, faces"):
        switched_on(["smell"])
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"run `\.venv/bin/python .* -e '\.\[screen\]'` in"):
        switched_on(["screen"])
    assert not list_extras()[0].installed


def test_the_listing_says_what_each_costs():
    listed = {one.name: one for one in list_extras()}
    assert set(listed) == set(EXTRAS)
    assert all(" s" in one.cost for one in listed.values())
    assert listed["faces"].columns == 8


@needs("transcript")
def test_another_encoder_is_used_for_transcripts_too():
    chosen = with_encoder(choose((), (), ("transcript",)), "minilm")
    assert len(chosen["audio_transcript_embedding"].columns) == 384


@needs("transcript")
def test_where_nobody_speaks_there_are_no_words_and_no_rates():
    time_s = np.arange(3 * AUDIO_RATE_HZ) / AUDIO_RATE_HZ
    tone = (0.4 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)
    for samples in (tone, np.zeros_like(tone)):
        (row,) = AudioTranscript().extract([Audio(samples)])
        assert row[0] == 0
        assert np.isnan(row[1:]).all()
        (text,) = (
            EXTRAS["transcript"].featurizers["audio_transcript_embedding"].extract([Audio(samples)])
        )
        assert np.isnan(text).all()


def test_a_folder_that_holds_no_model_is_refused(tmp_path):
    with pytest.raises(StorageError, match=r"model\.bin is missing"):
        AudioTranscript(str(tmp_path)).version  # noqa: B018 - asking is the test


@needs("transcript")
@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng to speak")
def test_a_spoken_sentence_is_written_down(tmp_path):
    import scipy.signal

    sentence = "Wait until you see what happens next, this trick will save you a lot of money"
    path = str(tmp_path / "said.wav")
    subprocess.run(["espeak-ng", "-v", "en", "-s", "150", "-w", path, sentence], check=True)
    with wave.open(path) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
        heard = scipy.signal.resample_poly(samples, AUDIO_RATE_HZ, file.getframerate())
    audio = Audio(heard.clip(-1, 1).astype(np.float32))
    said = transcribe(audio)
    words = "".join(c for c in said.text.lower() if c.isalpha() or c == " ").split()
    assert set(words) >= {"wait", "until", "happens", "next", "trick", "save", "money"}
    (row,) = AudioTranscript().extract([audio])
    assert row[0] == pytest.approx(16, abs=2)
    assert 2 < row[1] < 5
    assert np.isfinite(
        EXTRAS["transcript"].featurizers["audio_transcript_embedding"].extract([audio])
    ).all()


def written(lines, count=4):
    """Return stills on which these lines are written, and frames without any if there are none."""
    import cv2

    picture = np.full((398, 224, 3), 50, np.uint8)
    for number, line in enumerate(lines):
        place = (10, 80 + 60 * number)
        cv2.putText(picture, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1)
    stills = np.repeat(picture[None], count, axis=0)
    times = np.arange(count, dtype=float)
    return Frames(stills, times, stills[:, :96, :54, 0].copy(), times, float(count))


@needs("screen")
def test_text_on_screen_is_read():
    from virality.featurizers.screen_reader import read_screens

    frames = written(["WAIT FOR IT", "so close now"])
    screens = read_screens(frames)
    assert [line.lower() for line in screens[0].lines] == ["wait for it", "so close now"]
    featurizer = EXTRAS["screen"].featurizers["frames_screen"]
    names = [column.name for column in featurizer.columns]
    row = dict(zip(names, featurizer.extract([frames])[0].tolist(), strict=True))
    assert row["text_share"] == 1
    assert row["lines"] == 2
    assert row["characters"] == row["first_characters"] == 23
    assert 0.02 < row["area_share"] < 0.25
    assert row["changes"] == 0


@needs("screen")
def test_a_change_of_text_and_no_text_are_counted():
    featurizer = EXTRAS["screen"].featurizers["frames_screen"]
    names = [column.name for column in featurizer.columns]
    first, second = written(["FIRST"], 2), written(["ANOTHER"], 2)
    both = replace(written([]), stills=np.concatenate([first.stills, second.stills]))
    changed, none = featurizer.extract([both, written([])])
    assert changed[names.index("changes")] == 1
    assert none[names.index("text_share")] == none[names.index("characters")] == 0


@needs("faces")
def test_where_there_is_no_face_none_is_found():
    featurizer = EXTRAS["faces"].featurizers["frames_faces"]
    names = [column.name for column in featurizer.columns]
    rng = np.random.default_rng(0)
    noise = replace(written([]), stills=rng.integers(0, 256, (4, 398, 224, 3), dtype=np.uint8))
    for row in featurizer.extract([written([]), noise, written(["WAIT FOR IT"])]):
        assert row[names.index("face_share")] == row[names.index("most_faces")] == 0
        assert np.isnan(row[names.index("off_centre_share")])


@needs("faces")
def test_switching_an_extra_on_computes_that_extra_alone(tmp_path):
    from virality.data.decode import Limits
    from virality.data.store import Store
    from virality.featurizers.assemble import Part
    from virality.featurizers.plan import plan_tasks
    from virality.featurizers.worker import Setup

    make_clip(tmp_path / "p0.mp4", seconds=0.6)
    posts = pd.DataFrame({"id": pd.array(["p0"], dtype="string")})
    light = ("stream_container", "frames_colour")
    extract(posts, tmp_path, tmp_path / "f", only=light)
    before = read_features(tmp_path / "f")
    assert not before.matrix.frame.filter(like="frames_faces").shape[1]
    setup = Setup(tmp_path / "f" / "rows", choose(light, (), ("faces",)), Limits())
    part = Part(None, tmp_path / "p0.mp4", before.status["source_sha256"][0])
    (task,) = plan_tasks([part], setup, Store(setup.rows)).tasks
    assert task.names == ("frames_faces",)
    extract(posts, tmp_path, tmp_path / "f", only=light, extras=("faces",))
    after = read_features(tmp_path / "f").matrix
    assert after.frame.filter(like="frames_faces").shape == (1, 8)
    own = after.frame[before.matrix.frame.columns]
    assert np.array_equal(own, before.matrix.frame, equal_nan=True)


@pytest.mark.parametrize(
    ("speech_s", "heard_s", "expected"),
    [(4.0, 4.0, (10, 2.5, 0.1)), (80.0, 40.0, (10, 0.25, 0.2)), (0.0, 0.0, (0, None, None))],
)
def test_rates_of_words_by_hand(monkeypatch, speech_s, heard_s, expected):
    """What was not written down of a long speech had counted as silence."""
    text = "one two three, four five: six seven eight nine ten" if heard_s else ""
    said = Transcript(text, speech_s, heard_s, 0.9, 0.9)
    monkeypatch.setattr(audio_transcript, "transcribe", lambda *_: said)
    (row,) = AudioTranscript().extract([Audio(np.zeros(100 * 16_000, np.float32))])
    wanted = [np.nan if one is None else one for one in expected]
    assert row[:3] == pytest.approx(wanted, nan_ok=True)
