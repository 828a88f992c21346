"""Known signals, written as clips and extracted as a user does, give the values of theory."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from peculiar_clips import quarters, turn, write_clip

from virality.data.decode import Limits
from virality.data.features import read_features
from virality.data.media import posts_of_media
from virality.featurizers.extract import extract

WIDTH, HEIGHT = 144, 256
RATE_HZ = 44_100
PATIENT = Limits(wall_s=300)
GOLDEN = (
    "audio_rhythm", "audio_spectrum", "audio_voice", "audio_loudness", "frames_motion",
    "frames_colour", "stream_container",
)  # fmt: skip
PAN_PX_PER_S = 50
COLOURS = {"red": ((255, 0, 0), 0), "green": ((0, 255, 0), 120), "blue": ((0, 0, 255), 240)}


def texture(width: int, height: int, seed: int = 0, cell: int = 16) -> np.ndarray:
    """Return random squares of greys, as a picture."""
    dice = np.random.default_rng(seed)
    rough = dice.integers(20, 235, (height // cell + 1, width // cell + 1))
    fine = rough.repeat(cell, axis=0).repeat(cell, axis=1)[:height, :width]
    return np.repeat(fine[:, :, None], 3, axis=2).astype(np.uint8)


def tone(seconds: float) -> np.ndarray:
    # No word of its peak: the AAC encoder lets a pure tone overshoot by 5 dB now and then.
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def clicks(seconds: float, bpm: float) -> np.ndarray:
    sound = np.zeros(round(seconds * RATE_HZ))
    burst = 0.8 * np.random.default_rng(0).uniform(-1, 1, RATE_HZ // 100)
    for start in np.arange(0, seconds - 0.1, 60 / bpm):
        first = round(start * RATE_HZ)
        sound[first : first + len(burst)] = burst
    return sound


def write(path: Path, pictures: list[np.ndarray], sound: np.ndarray | None = None) -> Path:
    heard = None if sound is None else sound.astype(np.float32)
    return write_clip(path, pictures, sound=heard, rate_hz=RATE_HZ)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Return the features of all golden clips, by name."""
    folder = tmp_path_factory.mktemp("golden")
    media = folder / "media"
    media.mkdir()
    still = [texture(WIDTH, HEIGHT)]
    write(media / "tone.mp4", still * 100, tone(4))
    write(media / "clicks.mp4", still * 250, clicks(10, 120))
    wide = texture(WIDTH + 6 * PAN_PX_PER_S, HEIGHT)
    step = PAN_PX_PER_S // 25
    write(media / "pan.mp4", [wide[:, step * i : step * i + WIDTH] for i in range(125)])
    scenes = [texture(WIDTH, HEIGHT, seed=number) for number in range(8)]
    write(media / "cuts.mp4", [scenes[i // 25] for i in range(200)])
    for name, (colour, _) in COLOURS.items():
        write(media / f"{name}.mp4", [np.full((HEIGHT, WIDTH, 3), colour, np.uint8)] * 25)
    write(media / "lying.mp4", [quarters(HEIGHT, WIDTH)] * 25)
    turn(write(media / "turned.mp4", [quarters(HEIGHT, WIDTH)] * 25), 90)
    posts, root = posts_of_media([media])
    result = extract(posts, root, folder / "f", only=GOLDEN, jobs=2, limits=PATIENT)
    assert result.counts == {"ok": len(posts)}
    return read_features(folder / "f").matrix.frame


def test_a_tone_of_440_hz(features):
    tone = features.loc["tone"]
    assert tone["audio_voice__f0semitone_from27_5_hz_sma3nz_amean"] == pytest.approx(48, abs=0.1)
    assert tone["audio_spectrum__mean_centroid_hz"] == pytest.approx(440, rel=0.03)
    assert tone["audio_spectrum__mean_crossings_ratio"] == pytest.approx(2 * 440 / 16_000, rel=0.05)
    assert tone["audio_loudness__rms_db"] == pytest.approx(20 * np.log10(0.5 / 2**0.5), abs=0.3)


def test_clicks_at_120_beats_a_minute(features):
    heard = features.loc["clicks"]
    assert heard["audio_rhythm__tempo_bpm"] == pytest.approx(120, rel=0.03)
    assert heard["audio_rhythm__onset_rate"] == pytest.approx(2, rel=0.1)
    assert heard["audio_rhythm__regularity_ratio"] > 0.9


def test_a_pan_at_a_known_speed(features):
    pan = features.loc["pan"]
    expected = PAN_PX_PER_S / HEIGHT  # in long sides a second
    assert pan["frames_motion__speed"] == pytest.approx(expected, rel=0.1)
    assert abs(pan["frames_motion__sideways"]) == pytest.approx(expected, rel=0.1)
    assert abs(pan["frames_motion__upwards"]) < 0.05 * expected
    assert pan["frames_motion__camera_share"] > 0.9
    assert pan["frames_motion__cuts"] == 0


def test_a_cut_every_second(features):
    cuts = features.loc["cuts"]
    assert cuts["frames_motion__cuts"] == 7
    assert cuts["frames_motion__cut_rate"] == pytest.approx(7 / 8, rel=0.05)
    assert cuts["frames_motion__mean_shot_s"] == pytest.approx(1, rel=0.05)
    assert cuts["frames_motion__first_cut_s"] == pytest.approx(1, abs=0.15)
    assert cuts["frames_motion__speed"] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("name", COLOURS)
def test_a_pure_colour(features, name):
    (red, _, blue), hue_deg = COLOURS[name]
    seen = features.loc[name]
    # 4:2:0 video in BT.601 range rounds pure colours by a level or two of 255.
    assert seen["frames_colour__saturation"] == pytest.approx(1, abs=0.02)
    assert seen["frames_colour__dominant_hue_share"] == pytest.approx(1, abs=0.01)
    assert seen["frames_colour__hue_cos"] == pytest.approx(np.cos(np.deg2rad(hue_deg)), abs=0.02)
    assert seen["frames_colour__hue_sin"] == pytest.approx(np.sin(np.deg2rad(hue_deg)), abs=0.02)
    assert seen["frames_colour__warmth"] == pytest.approx((red - blue) / 255, abs=0.02)
    assert seen["frames_motion__still_share"] == 1


def test_a_clip_turned_by_its_metadata(features):
    lying, turned = features.loc["lying"], features.loc["turned"]
    size = ["stream_container__width_px", "stream_container__height_px"]
    assert lying[size].tolist() == [HEIGHT, WIDTH]
    assert turned[size].tolist() == [WIDTH, HEIGHT]
    assert [one["stream_container__upright"] for one in (lying, turned)] == [0, 1]
    assert [one["stream_container__rotated"] for one in (lying, turned)] == [0, 1]
    for name in ("brightness", "saturation", "warmth", "hue_cos"):
        column = f"frames_colour__{name}"
        assert lying[column] == pytest.approx(turned[column], abs=0.02), name
