"""High dynamic range and wide colours look as their ordinary twins do."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from peculiar_clips import grey, write_clip

from virality.data.decode import decode
from virality.data.light import (
    BT709,
    BT2020,
    HLG,
    HLG_PEAK_NITS,
    KNEE,
    P3,
    PQ,
    WHITE_NITS,
    is_ordinary,
    matrix_of,
    to_grey,
    to_screen,
)
from virality.featurizers import FEATURIZERS

Array = npt.NDArray[np.float64]
UNKNOWN = 2

TO_XYZ = {
    BT709: ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505)),
    BT2020: ((0.6370, 0.1446, 0.1689), (0.2627, 0.6780, 0.0593), (0.0000, 0.0281, 1.0610)),
    P3: ((0.4866, 0.2657, 0.1982), (0.2290, 0.6917, 0.0793), (0.0000, 0.0451, 1.0439)),
}
"""Of the CIE, as the standards' primaries and D65 give them."""

COLOURS = [
    (60, 60, 60),
    (128, 128, 128),
    (140, 30, 40),
    (30, 120, 60),
    (20, 40, 140),
    (90, 140, 30),
]


def light_of(rgb: tuple[int, int, int], primaries: int) -> Array:
    """Return the light of an ordinary colour in other primaries, of white 1."""
    light = (np.array(rgb) / 255) ** 2.4
    return np.asarray(np.linalg.inv(TO_XYZ[primaries]) @ np.array(TO_XYZ[BT709]) @ light)


def pq(light: Array) -> Array:
    """Return samples by SMPTE ST 2084; white is WHITE_NITS."""
    power = (np.maximum(light, 0) * WHITE_NITS / 10_000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)


def hlg(light: Array) -> Array:
    """Return samples by ITU-R BT.2100 for a screen of HLG_PEAK_NITS, whose gamma is 1.2."""
    shown = np.maximum(light, 0) * WHITE_NITS / HLG_PEAK_NITS
    luminance = max(1e-9, float(np.dot(TO_XYZ[BT2020][1], shown)))
    scene = shown * luminance ** (1 / 1.2 - 1)
    bent = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bent)


def shown(samples: Array, curve: int, primaries: int) -> list[int]:
    stored = np.round(np.clip(samples, 0, 1) * 65_535).astype(np.uint16).reshape(1, 1, 3)
    return [int(value) for value in to_screen(stored, curve, primaries)[0, 0]]


@pytest.mark.parametrize("rgb", COLOURS)
@pytest.mark.parametrize(("curve", "encode"), [(PQ, pq), (HLG, hlg)])
def test_what_is_darker_than_the_knee_looks_as_ever(rgb, curve, encode):
    light = light_of(rgb, BT2020)
    assert ((np.array(rgb) / 255) ** 2.4 <= KNEE).all()
    assert shown(encode(light), curve, BT2020) == pytest.approx(list(rgb), abs=2)
    assert shown(encode(light), curve, UNKNOWN) == pytest.approx(list(rgb), abs=2)


def test_ordinary_colours_of_great_light_stay_as_they_are():
    rgb = (140, 30, 40)
    assert shown(pq(light_of(rgb, BT709)), PQ, BT709) == pytest.approx(list(rgb), abs=2)


@pytest.mark.parametrize("primaries", [BT2020, P3])
@pytest.mark.parametrize("rgb", [*COLOURS, (255, 255, 255), (0, 0, 0), (200, 180, 220)])
def test_wide_colours_alone_are_brought_into_the_ordinary_ones(rgb, primaries):
    samples = np.maximum(light_of(rgb, primaries), 0) ** (1 / 2.4)
    assert shown(samples, BT709, primaries) == pytest.approx(list(rgb), abs=2)


@pytest.mark.parametrize(("curve", "encode"), [(PQ, pq), (HLG, hlg)])
def test_light_above_white_keeps_its_order_and_its_hue(curve, encode):
    nits = np.array([0, 1, 10, 50, 100, 203, 400, 700, 1000])
    greys = [shown(encode(np.full(3, one / WHITE_NITS)), curve, BT2020) for one in nits]
    levels = [level for level, *_ in greys]
    assert levels == sorted(set(levels))
    assert levels[0] == 0
    assert levels[5] == pytest.approx(211, abs=2)  # white leaves room for what is brighter
    assert levels[-1] == pytest.approx(255, abs=1)
    assert all(len(set(one)) == 1 for one in greys)
    red, green, blue = shown(encode(3 * light_of((255, 128, 128), BT2020)), curve, BT2020)
    assert green == pytest.approx(blue, abs=2)
    assert red > green + 50
    assert shown(np.ones(3), curve, BT2020) == [255, 255, 255]


def test_only_pictures_for_other_screens_are_changed():
    assert is_ordinary(BT709, BT709)
    assert is_ordinary(UNKNOWN, UNKNOWN)
    assert not is_ordinary(PQ, UNKNOWN)
    assert not is_ordinary(HLG, BT2020)
    assert not is_ordinary(BT709, P3)


def test_pictures_for_other_screens_have_their_own_matrix_where_none_is_named():
    for curve, primaries in ((PQ, UNKNOWN), (HLG, UNKNOWN), (BT709, BT2020)):
        assert matrix_of(UNKNOWN, 160, 96, curve, primaries) == BT2020
        assert matrix_of(UNKNOWN, 1920, 1080, curve, primaries) == BT2020
        assert matrix_of(BT709, 1920, 1080, curve, primaries) == BT709
    assert matrix_of(UNKNOWN, 1920, 1080, UNKNOWN, P3) == BT709
    assert matrix_of(UNKNOWN, 1278, 718, UNKNOWN, UNKNOWN) == UNKNOWN


def test_grey_is_luma():
    picture = np.array([[(255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9)]], np.uint8)
    assert to_grey(picture).tolist() == [[54, 182, 18, 9]]


def halves(first: tuple[int, int, int], second: tuple[int, int, int], curve: int) -> list[Array]:
    """Return ten pictures, left one colour and right another, as that curve stores them."""
    stored = []
    for rgb in (first, second):
        samples = np.array(rgb) / 255
        if curve != BT709:
            samples = (pq if curve == PQ else hlg)(light_of(rgb, BT2020))
        stored.append(np.round(samples * 65_535).astype(np.uint16))
    picture = np.zeros((96, 160, 3), np.uint16)
    picture[:, :80], picture[:, 80:] = stored
    return [picture] * 10


def colours_of(path: Path) -> dict[str, float]:
    result = decode(path)
    assert (result.status, result.reason) == ("ok", "")
    assert result.clip is not None
    assert result.clip.frames is not None
    featurizer = FEATURIZERS["frames_colour"]
    names = (column.name for column in featurizer.columns)
    row = dict(zip(names, featurizer.extract([result.clip.frames])[0].tolist(), strict=True))
    return row | {"motion": float(result.clip.frames.motion.mean()) / 255}


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("curve", [PQ, HLG])
def test_a_clip_in_hdr_measures_as_its_ordinary_twin(tmp_path, curve, suffix):
    first, second = (140, 40, 30), (40, 60, 110)
    found = []
    for number, kind in enumerate((BT709, curve)):
        path = tmp_path / f"{number}.{suffix}"
        colours = {"color_primaries": BT709, "color_trc": BT709, "colorspace": BT709}
        if kind != BT709:
            colours = {"color_primaries": BT2020, "color_trc": kind, "colorspace": BT2020}
        pictures = halves(first, second, kind)
        write_clip(path, pictures, pixels="yuv420p10le", colours=colours)
        found.append(colours_of(path))
    ordinary, other = found
    for name in ("brightness", "contrast", "saturation", "warmth", "first_brightness", "motion"):
        assert other[name] == pytest.approx(ordinary[name], abs=0.02), name
    assert other["colourfulness"] == pytest.approx(ordinary["colourfulness"], rel=0.06)


def test_frames_of_an_ordinary_clip_are_left_alone(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", [grey(128)] * 5)
    result = decode(path)
    assert result.clip is not None
    assert result.clip.frames is not None
    assert abs(float(result.clip.frames.stills.mean()) - 128) <= 3
