"""The demo corpus: the same bytes for the same seed, and properties that are truly there."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest

from virality.data import synthetic
from virality.data.decode import decode
from virality.data.errors import StorageError, UsageError
from virality.data.post import SCHEMA
from virality.data.synthetic_sound import SOUND_RATE_HZ, SoundPlan, start_loudness_db, synthesise
from virality.data.synthetic_text import write_caption
from virality.data.table import read_posts
from virality.featurizers import FEATURIZERS

CLIPS = 8


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> synthetic.Corpus:
    return synthetic.make_corpus(tmp_path_factory.mktemp("corpus"), clips=CLIPS, seed=3)


def measured(corpus: synthetic.Corpus, *names: str) -> pd.DataFrame:
    """Return the columns that some featurizers measure on the corpus' files."""
    clips = [decode(path).clip for path in sorted(corpus.media.iterdir())]
    columns: dict[str, Any] = {}
    for name in names:
        featurizer = FEATURIZERS[name]
        values = featurizer.extract([getattr(clip, featurizer.modality) for clip in clips])
        columns |= {
            f"{name}__{c.name}": v for c, v in zip(featurizer.columns, values.T, strict=True)
        }
    return pd.DataFrame(columns)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_same_seed_gives_same_bytes_and_another_seed_other_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        synthetic.make_corpus(tmp_path / name, clips=3, seed=seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    other = contents(tmp_path / "c")
    changed = {name for name, data in contents(tmp_path / "a").items() if other[name] != data}
    assert changed == set(other) - {"truth.json"}


def test_every_post_has_its_clip_and_the_table_fits_the_schema(corpus: synthetic.Corpus) -> None:
    posts = read_posts(corpus.posts)
    assert corpus.clips == len(posts) == CLIPS
    assert sorted(posts["media"]) == sorted(path.name for path in corpus.media.iterdir())
    assert set(posts.columns) <= set(SCHEMA)
    assert posts["posted_at"].is_monotonic_increasing
    assert (posts["collected_at"] > posts["posted_at"]).all()
    assert posts[["views", "likes", "comments", "shares", "saves"]].notna().all(axis=None)


def test_progress_is_told_of_every_clip(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    synthetic.make_corpus(tmp_path, clips=2, progress=lambda *step: seen.append(step))
    assert seen == [(1, 2), (2, 2)]


def test_clips_are_upright_with_h264_b_frames_and_aac(corpus: synthetic.Corpus) -> None:
    for path in corpus.media.iterdir():
        with av.open(str(path)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            assert video.codec_context.name == "h264"
            assert audio.codec_context.name == "aac"
            assert video.codec_context.height > video.codec_context.width
            assert video.codec_context.has_b_frames
            assert "creation_time" not in container.metadata
            assert 4 <= (container.duration or 0) / 1e6 <= 8.1


def test_planted_properties_are_measured_in_the_files(corpus: synthetic.Corpus) -> None:
    factors = synthetic.draw_factors(CLIPS, seed=3)
    found = measured(corpus, "audio_loudness", "audio_speech", "frames_motion", "frames_colour")
    rate = factors.cuts / factors.duration_s
    np.testing.assert_allclose(found["frames_motion__cut_rate"], rate, atol=0.3)
    np.testing.assert_allclose(found["audio_loudness__start_db"], factors.start_db, atol=1.0)
    share = found["audio_speech__speech_share"]
    np.testing.assert_allclose(share, factors.speech_share, atol=0.2)
    assert np.corrcoef(found["frames_colour__brightness"], factors.brightness)[0, 1] > 0.85
    assert np.corrcoef(found["audio_loudness__rms_db"], factors.level_db)[0, 1] > 0.95


@pytest.mark.parametrize("seed", range(4))
def test_a_voice_detector_takes_babble_for_speech_and_music_for_none(seed: int) -> None:
    from virality.data.clip import Audio

    shares = []
    for share in (1.0, 0.0):
        rng = np.random.default_rng(seed)
        samples = synthesise(SoundPlan(5.0, share, start_db=0.0, level_db=-24.0), rng)
        # 24 to 16 kHz by Fourier: both lengths hold a whole number of seconds.
        spectrum = np.fft.rfft(samples)[: 5 * 16_000 // 2 + 1] * 16_000 / SOUND_RATE_HZ
        audio = Audio(np.fft.irfft(spectrum, 5 * 16_000).astype(np.float32))
        columns = [column.name for column in FEATURIZERS["audio_speech"].columns]
        row = FEATURIZERS["audio_speech"].extract([audio])[0]
        shares.append(row[columns.index("speech_share")])
    assert shares[0] > 0.5
    assert shares[1] < 0.1


@pytest.mark.parametrize("start_db", [-9.0, 0.0, 9.0])
def test_sound_starts_as_loud_as_planned(start_db: float) -> None:
    plan = SoundPlan(4.0, 0.5, start_db=start_db, level_db=-24.0)
    samples = synthesise(plan, np.random.default_rng(0))
    assert start_loudness_db(samples) == pytest.approx(start_db, abs=0.7)
    assert np.abs(samples).max() < 1


def test_views_follow_the_rule_and_its_ceiling_is_near_four_fifths() -> None:
    factors = synthetic.draw_factors(200, seed=0)
    posts = synthetic.make_posts(factors, seed=0)
    seen = posts["views"].astype(float).add(1).map(np.log10)
    rest = seen - synthetic.expected_views(factors)
    assert np.std(rest) == pytest.approx(synthetic.NOISE_SD, rel=0.05)
    assert 0.75 < 1 - np.var(rest) / np.var(seen) < 0.9
    author = seen.groupby(posts["author_id"]).transform("median")
    assert np.corrcoef(author, seen)[0, 1] ** 2 < 0.5


def test_drivers_and_decoys_are_drawn_independently() -> None:
    factors = synthetic.draw_factors(2000, seed=1)
    drawn = pd.DataFrame(
        {
            "pace": factors.cuts / factors.duration_s,
            "start": factors.start_db,
            "speech": factors.speech_share,
            "followers": np.log10(factors.followers),
            "hour": np.cos(2 * np.pi * (factors.hour - 18) / 24),
            "brightness": factors.brightness,
            "level": factors.level_db,
            "noise": factors.noise,
        }
    )
    apart = drawn.corr().to_numpy() - np.eye(len(drawn.columns))
    assert np.abs(apart).max() < 0.1


def test_truth_names_columns_that_exist(corpus: synthetic.Corpus) -> None:
    truth = json.loads(corpus.truth.read_text(encoding="utf-8"))
    names = {f"{name}__{c.name}" for name, f in FEATURIZERS.items() for c in f.columns}
    for group in ("planted", "decoy"):
        assert truth[group]
        for columns in truth[group].values():
            assert columns
            assert set(columns) <= names
    assert set(truth["planted"]) | {"intercept"} == set(truth["coefficients"])
    for value in truth["coefficients"].values():
        assert f"{value:g}" in truth["rule"].replace("2.0", "2")


def test_captions_say_what_their_fields_say() -> None:
    rng = np.random.default_rng(0)
    captions = [write_caption(rng) for _ in range(300)]
    for caption in captions:
        assert [w[1:] for w in caption.text.split() if w.startswith("#")] == list(caption.hashtags)
        assert [w[1:] for w in caption.text.split() if w.startswith("@")] == list(caption.mentions)
    assert any(not caption.text for caption in captions)
    assert len({caption.text for caption in captions}) > 200


def test_a_corpus_of_no_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        synthetic.make_corpus(tmp_path, clips=0)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError, match="file"):
        synthetic.make_corpus(tmp_path / "file", clips=1)
