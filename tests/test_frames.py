import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from virality.data.clip import Frames
from virality.data.errors import StorageError
from virality.data.sampling import motion_step_s, motion_times_s
from virality.featurizers import FEATURIZERS, frames_export, frames_motion
from virality.featurizers.frames_embedding import embed_stills, input_size
from virality.featurizers.frames_export import WIDTH, build_torch_model, find_cache
from virality.featurizers.frames_layout import find_text
from virality.featurizers.opencv import load_opencv

STILL = (398, 224)
SMALL = (96, 54)


def measure(name, frames):
    featurizer = FEATURIZERS[name]
    row = featurizer.extract([frames])[0]
    return dict(zip((column.name for column in featurizer.columns), row.tolist(), strict=True))


def make_frames(stills=None, motion=None, times_s=None, duration_s=None):
    stills = np.zeros((2, *STILL, 3), np.uint8) if stills is None else np.asarray(stills, np.uint8)
    motion = np.zeros((2, *SMALL), np.uint8) if motion is None else np.asarray(motion, np.uint8)
    times_s = np.arange(len(motion)) / 10 if times_s is None else np.asarray(times_s)
    return Frames(
        stills=stills,
        still_times_s=np.arange(len(stills), dtype=np.float64),
        motion=motion,
        motion_times_s=times_s,
        duration_s=float(times_s[-1]) + 0.1 if duration_s is None else duration_s,
    )


def texture(height, width, seed=0, cell=6):
    """Return a smooth random pattern that optical flow can follow, uint8 (height, width)."""
    cv2 = load_opencv()
    coarse = np.random.default_rng(seed).integers(0, 256, (height // cell + 2, width // cell + 2))
    return cv2.resize(coarse.astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)


def plain(*colours):
    return np.stack([np.full((*STILL, 3), colour, np.uint8) for colour in colours])


# Embedding


@pytest.mark.parametrize("size", [(224, 224), (288, 160), (160, 288), (64, 800)])
def test_the_exported_encoder_is_torchs_to_a_ten_thousandth(size):
    import torch

    # Sizes that the encoder sees as they are, so that the scaler plays no part.
    assert input_size(*size) == size
    stills = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    stills[1] = texture(*size, cell=20)[..., None]
    with torch.no_grad():
        expected = build_torch_model()(torch.from_numpy(stills)).numpy()
    found = embed_stills(stills)
    assert found.shape == (3, WIDTH)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0)


def test_mean_first_and_change():
    stills = np.stack([texture(*STILL, seed=number, cell=30) for number in (1, 2, 3)])
    stills = np.repeat(stills[..., None], 3, axis=3)
    measured = measure("frames_embedding", make_frames(stills))
    each = embed_stills(stills)
    mean = [measured[f"mean_{number}"] for number in range(WIDTH)]
    first = [measured[f"first_{number}"] for number in range(WIDTH)]
    np.testing.assert_allclose(mean, each.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(first, each[0], atol=1e-5)
    steps = np.abs(np.diff(each.astype(np.float64), axis=0)).mean()
    assert measured["change_absolute"] == pytest.approx(steps, rel=1e-5)
    assert measured["change_largest"] >= measured["change_mean"] > 0.01


def test_a_clip_that_stands_still_does_not_change():
    still = np.repeat(texture(*STILL)[..., None], 3, axis=2)
    measured = measure("frames_embedding", make_frames(np.stack([still] * 3)))
    for name in ("change_mean", "change_largest", "change_first", "change_ends", "change_spread"):
        assert measured[name] == pytest.approx(0, abs=1e-6)


def test_blocks_are_named_for_the_models():
    blocks = [column.block for column in FEATURIZERS["frames_embedding"].columns]
    assert blocks.count("mean") == blocks.count("first") == WIDTH
    assert blocks.count("") == 6


@pytest.mark.nightly
def test_several_workers_export_once_and_a_damaged_file_is_not_used(tmp_path: Path):
    script = (
        "import hashlib, sys; from pathlib import Path\n"
        "from virality.featurizers.frames_export import load_picture_model\n"
        "print(hashlib.sha256(load_picture_model(Path(sys.argv[1]))).hexdigest())\n"
        "assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {worker.communicate(timeout=120)[0].strip() for worker in workers}
    kept = list(tmp_path.glob("*.onnx"))
    assert len(said) == len(kept) == 1
    assert kept[0].stem.endswith(said.pop()[:16])
    assert not list(tmp_path.glob(".*tmp"))

    content = bytearray(kept[0].read_bytes())
    content[len(content) // 2] ^= 1
    kept[0].write_bytes(content)
    assert frames_export._read_cached(tmp_path) is None


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(StorageError, match="VIRALITY_CACHE"):
        frames_export.load_picture_model(blocked)


def test_the_cache_follows_its_variable(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("VIRALITY_CACHE", str(tmp_path))
    assert find_cache() == tmp_path
    monkeypatch.delenv("VIRALITY_CACHE")
    assert find_cache().name == "virality"


# Colour


def test_grey_has_no_colour():
    measured = measure("frames_colour", make_frames(plain(128, 128)))
    assert measured["colourfulness"] == pytest.approx(0, abs=1e-3)
    assert measured["saturation"] == measured["coloured_share"] == 0
    assert measured["brightness"] == pytest.approx(128 / 255, abs=1e-4)
    assert measured["contrast"] == pytest.approx(0, abs=1e-4)
    assert np.isnan(measured["dominant_hue_share"])


@pytest.mark.parametrize(
    ("colour", "hue_deg"),
    [((255, 0, 0), 0), ((255, 255, 0), 60), ((0, 255, 0), 120), ((0, 0, 255), 240)],
)
def test_pure_colours_have_one_hue(colour, hue_deg):
    measured = measure("frames_colour", make_frames(plain(colour, colour)))
    assert measured["saturation"] == measured["dominant_hue_share"] == 1
    assert measured["hue_cos"] == pytest.approx(np.cos(np.deg2rad(hue_deg)), abs=1e-6)
    assert measured["hue_sin"] == pytest.approx(np.sin(np.deg2rad(hue_deg)), abs=1e-6)
    # A plain picture has no spread: what is left is 0.3 of its distance from grey.
    red, green, blue = (float(part) for part in colour)
    away = np.hypot(red - green, 0.5 * (red + green) - blue)
    assert measured["colourfulness"] == pytest.approx(0.3 * away, rel=1e-4)
    assert measured["warmth"] == pytest.approx((red - blue) / 255, abs=1e-5)


def test_half_red_half_cyan_is_as_colourful_as_the_paper_says():
    still = plain((255, 0, 0))
    still[:, :, 112:] = (0, 255, 255)
    measured = measure("frames_colour", make_frames(still))
    # rg is +-255 and yb +-127.5 about means of zero.
    assert measured["colourfulness"] == pytest.approx(np.hypot(255, 127.5), rel=1e-4)
    assert measured["dominant_hue_share"] == pytest.approx(0.5)


@pytest.mark.parametrize("red_share", [0.0, 0.36, 0.5, 0.64, 1.0])
def test_values_lie_where_their_unit_says(red_share):
    vivid = plain((0, 255, 255))
    vivid[:, :, : round(red_share * vivid.shape[2])] = (255, 0, 0)
    frames = make_frames(np.concatenate([vivid, plain(0, (0, 0, 255), 255)]))
    measured = measure("frames_colour", frames)
    bounded = [
        (column.name, *map(float, column.unit.split(" to ")))
        for column in FEATURIZERS["frames_colour"].columns
        if " to " in column.unit
    ]
    assert len(bounded) > 10
    for name, low, high in bounded:
        assert low <= measured[name] <= high, name
        assert not name.startswith("sd_") or low == 0


def test_the_first_frame_is_told_from_the_rest():
    measured = measure("frames_colour", make_frames(plain(255, 0, 0, 0)))
    assert measured["first_brightness"] == pytest.approx(1)
    assert measured["brightness"] == pytest.approx(0.25)
    assert measured["dark_share"] == 0.75
    assert measured["sd_brightness"] == pytest.approx(np.std([1, 0, 0, 0]), abs=1e-5)


# Motion


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("per_s", [10, 4])
def test_a_pan_has_its_speed(step, per_s):
    wide = texture(96, 54 + step * 40)
    motion = [wide[:, step * number : step * number + 54] for number in range(40)]
    frames = make_frames(motion=motion, times_s=np.arange(40) / per_s)
    measured = measure("frames_motion", frames)
    expected = step * per_s / max(SMALL)
    assert measured["speed"] == pytest.approx(expected, rel=0.1)
    assert measured["sideways"] == pytest.approx(-expected, rel=0.1)
    assert measured["camera_share"] > 0.9
    assert measured["cuts"] == 0


@pytest.mark.parametrize(("right", "down"), [(14, 0), (18, 0), (0, -16), (-12, 10)])
def test_a_pan_too_fast_for_flow_is_no_cut(right, down):
    """Each step moves the whole picture by up to a fifth of its long side."""
    wide = texture(96 + 8 * abs(down), 54 + 8 * abs(right), cell=6)
    rows = [8 * max(0, down) - down * i for i in range(8)]
    columns = [8 * max(0, right) - right * i for i in range(8)]
    motion = np.stack([wide[y : y + 96, x : x + 54] for y, x in zip(rows, columns, strict=True)])
    measured = measure("frames_motion", make_frames(motion=motion, times_s=np.arange(8) / 10))
    assert measured["cuts"] == 0
    assert measured["sideways"] == pytest.approx(10 * right / 96, abs=0.2)
    assert measured["upwards"] == pytest.approx(-10 * down / 96, abs=0.2)
    assert measured["camera_share"] > 0.9


def test_no_cut_is_taken_for_a_pan(monkeypatch):
    """Dark bars above and below lie over each other wherever the pictures are moved to."""
    motion = np.stack([texture(96, 54, seed=seed) for seed in range(100)])
    motion[50:, :10] = motion[50:, -10:] = 0
    frames = make_frames(motion=motion, times_s=np.arange(100) / 10)
    found = measure("frames_motion", frames)["cuts"]
    monkeypatch.setattr(frames_motion, "_find_pan", lambda *_: None)
    assert found == measure("frames_motion", frames)["cuts"] > 50


def test_unlike_pictures_of_any_kind_are_cuts_and_no_failure():
    """Where two pictures have nothing in common, phase correlation names places far outside."""
    random = np.random.default_rng(0)
    motion = np.zeros((400, 96, 54), np.uint8)
    motion[::2] = random.integers(0, 256, (200, 1, 1))
    for place in range(1, 400, 2):
        y, x = random.integers(96), random.integers(54)
        motion[place, y : y + 60, x : x + 40] = random.integers(128, 256)
    frames = make_frames(motion=motion, times_s=np.arange(400) / 10)
    assert measure("frames_motion", frames)["cuts"] > 100


def test_uneven_times_do_not_change_the_speed():
    wide = texture(96, 400)
    times_s = np.concatenate([np.arange(30) / 10, 3 + np.arange(24) / 4])
    places = np.round(20 * times_s).astype(int)
    motion = [wide[:, place : place + 54] for place in places]
    measured = measure("frames_motion", make_frames(motion=motion, times_s=times_s))
    assert measured["speed"] == pytest.approx(20 / 96, rel=0.15)
    assert measured["start_speed_log2"] == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("per_s", [10, 4])
def test_a_cut_each_second_is_a_cut_a_second(per_s):
    seconds = 8
    scenes = [texture(*SMALL, seed=number, cell=9) for number in range(seconds)]
    motion = [scenes[place // per_s] for place in range(seconds * per_s)]
    frames = make_frames(motion=motion, times_s=np.arange(seconds * per_s) / per_s)
    measured = measure("frames_motion", frames)
    assert measured["cuts"] == seconds - 1
    assert measured["cut_rate"] == pytest.approx((seconds - 1) / seconds, rel=0.05)
    assert measured["start_cut_rate"] == pytest.approx(1, rel=0.05)
    assert measured["first_cut_s"] == pytest.approx(1, abs=0.5 / per_s + 1e-6)
    assert measured["mean_shot_s"] == pytest.approx(1, rel=0.05)
    assert measured["speed"] == 0


def sampled_pan(long_sides_per_s, seconds, *, contrast=1.0):
    """Return the motion frames of a pan at a steady speed, as they are sampled."""
    times_s = motion_times_s(0.0, seconds)
    places = np.round(96 * long_sides_per_s * times_s).astype(int)
    wide = 128 + contrast * (texture(96, places[-1] + 60, cell=12).astype(float) - 128)
    motion = [wide[:, place : place + 54] for place in places]
    return make_frames(motion=motion, times_s=times_s, duration_s=seconds)


@pytest.mark.parametrize("seconds", [12, 50, 60])
@pytest.mark.parametrize("speed", [0.05, 0.2, 0.4])
def test_a_steady_pan_is_as_fast_at_the_start_as_later(speed, seconds):
    measured = measure("frames_motion", sampled_pan(speed, seconds))
    assert measured["start_speed_log2"] == pytest.approx(0, abs=0.1)
    assert measured["speed"] == pytest.approx(speed, rel=0.1)


@pytest.mark.parametrize("seconds", [12, 60, 90])
def test_a_steady_pan_beyond_what_can_be_told_is_no_fast_start(seconds):
    # Its true speed shows in the start's short steps alone; both are measured at the rest's.
    measured = measure("frames_motion", sampled_pan(1.0, seconds, contrast=1 / 6))
    assert measured["start_speed"] == pytest.approx(1, rel=0.1)
    assert measured["speed"] < 0.6
    assert measured["start_speed_log2"] == pytest.approx(0, abs=0.6)


CUT_COUNTS = ("cuts", "cut_rate", "rest_cut_rate", "mean_shot_s", "shortest_shot_s")


@pytest.mark.parametrize(("seconds", "step_s"), [(50, 0.25), (107, 0.495), (110, 0.51), (590, 2.8)])
def test_cuts_are_counted_where_steps_are_short_enough(seconds, step_s):
    assert motion_step_s(seconds) == pytest.approx(step_s, abs=0.01)
    times_s = motion_times_s(0.0, float(seconds))
    assert np.diff(times_s).max() == pytest.approx(motion_step_s(seconds))
    scenes = [texture(*SMALL, seed=number, cell=9) for number in range(20)]
    motion = [scenes[int(time_s + 1e-6) % 20] for time_s in times_s]
    frames = make_frames(motion=motion, times_s=times_s, duration_s=float(seconds))
    measured = measure("frames_motion", frames)
    assert measured["start_cut_rate"] == pytest.approx(1)
    assert measured["first_cut_s"] == pytest.approx(1, abs=0.06)
    if step_s > 0.5:
        assert np.isnan([*(measured[name] for name in CUT_COUNTS)]).all()
    else:
        assert measured["cut_rate"] == pytest.approx(1, abs=0.03)
        assert measured["rest_cut_rate"] == pytest.approx(1, abs=0.03)


def test_a_first_cut_that_long_steps_may_have_missed_is_not_told():
    times_s = motion_times_s(0.0, 200.0)
    early, late = texture(*SMALL, seed=1), texture(*SMALL, seed=2)
    motion = [early if time_s < 60 else late for time_s in times_s]
    frames = make_frames(motion=motion, times_s=times_s, duration_s=200.0)
    measured = measure("frames_motion", frames)
    assert np.isnan(measured["first_cut_s"])
    assert measured["start_cut_rate"] == 0


def test_noise_and_a_change_of_light_are_no_cuts():
    still = texture(*SMALL).astype(np.float64)
    noise = np.random.default_rng(0).normal(0, 8, (20, *SMALL))
    noisy = (0.7 * still + 30 + noise).clip(0, 255)
    fading = np.stack([still * (0.6 + 0.02 * number) for number in range(20)])
    assert measure("frames_motion", make_frames(motion=noisy))["cuts"] == 0
    assert measure("frames_motion", make_frames(motion=fading))["cuts"] == 0


def test_nothing_moves_in_a_still_clip():
    still = np.stack([texture(*SMALL)] * 20)
    measured = measure("frames_motion", make_frames(motion=still))
    assert measured["speed"] == measured["activity"] == measured["cuts"] == 0
    assert measured["still_share"] == 1
    assert np.isnan(measured["first_cut_s"])


def test_motion_at_the_start_is_told_from_the_rest():
    wide = texture(96, 200)
    places = np.minimum(np.arange(60) * 2, 58)
    motion = [wide[:, place : place + 54] for place in places]
    measured = measure("frames_motion", make_frames(motion=motion))
    assert measured["start_speed_log2"] > 3
    assert measured["still_share"] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("size", [(8, 96), (31, 96), (96, 8), (8, 8), (1, 1), (90, 640), (640, 90)])
def test_frames_of_any_shape_are_measured(size):
    # OpenCV's flow ends the whole process on some of them, were they given as they are.
    motion = np.random.default_rng(0).integers(0, 256, (4, *size))
    assert measure("frames_motion", make_frames(motion=motion))["activity"] > 0


@pytest.mark.parametrize("height", [16, 24, 31, 40])
def test_a_pan_over_a_strip_has_its_speed(height):
    wide = texture(height, 200)
    motion = [wide[:, 2 * number : 2 * number + 96] for number in range(30)]
    measured = measure("frames_motion", make_frames(motion=motion))
    assert measured["speed"] == pytest.approx(20 / 96, rel=0.15)


# Layout


@pytest.mark.parametrize("bar", [40, 80])
def test_letterbox_bars_are_their_share(bar):
    still = np.repeat(texture(*STILL)[..., None], 3, axis=2)
    still[:bar] = still[-bar:] = 0
    measured = measure("frames_layout", make_frames(np.stack([still, still])))
    assert measured["bars_level_share"] == pytest.approx(2 * bar / 398, abs=0.006)
    assert measured["bars_upright_share"] == 0
    assert measured["bars_share"] == pytest.approx(2 * bar / 398, abs=0.006)


def test_a_dark_edge_of_one_still_is_no_bar():
    still = np.repeat(texture(*STILL)[..., None], 3, axis=2)
    dark = still.copy()
    dark[:80] = 0
    assert measure("frames_layout", make_frames(np.stack([dark, still])))["bars_share"] == 0
    assert measure("frames_layout", make_frames(plain(0, 0)))["bars_share"] == 0


def test_blur_lowers_sharpness_and_edges():
    cv2 = load_opencv()
    still = np.repeat(texture(*STILL, cell=4)[..., None], 3, axis=2)
    blurred = cv2.GaussianBlur(still, (0, 0), 4)
    sharp = measure("frames_layout", make_frames(still[None]))
    soft = measure("frames_layout", make_frames(blurred[None]))
    assert sharp["sharpness_log10"] > soft["sharpness_log10"] + 1
    assert sharp["edge_share"] > soft["edge_share"]


def test_a_mirrored_picture_is_symmetric():
    half = texture(398, 112)
    still = np.repeat(np.hstack([half, half[:, ::-1]])[..., None], 3, axis=2)
    measured = measure("frames_layout", make_frames(still[None]))
    assert measured["symmetry"] == pytest.approx(1, abs=0.01)
    assert measure("frames_layout", make_frames(plain(7)))["symmetry"] != 1


def test_text_is_found_where_it_stands():
    cv2 = load_opencv()
    still = np.full((*STILL, 3), 60, np.uint8)
    for number, line in enumerate(("wait for the end", "you will not believe")):
        place = (10, 330 + 30 * number)
        cv2.putText(still, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 2)
    measured = measure("frames_layout", make_frames(still[None]))
    assert measured["text_like_bottom_share"] > 0.1
    assert measured["text_like_top_share"] == 0


def test_textures_and_stripes_are_no_text():
    assert find_text(texture(*STILL, cell=25)).mean() < 0.02
    stripes = np.zeros(STILL, np.uint8)
    stripes[100:110] = 255
    assert find_text(stripes).mean() == 0
