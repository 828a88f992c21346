"""Clips with one known peculiarity each are decoded to what a player would show."""

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from clips import make_clip
from peculiar_clips import grey, leave_out, quarters, skip_start, turn, write_clip

from virality.data.boxes import ASF_FACTS, ASF_LIVE
from virality.data.clip import AUDIO_RATE_HZ, MOTION_SIDE_PX, STILL_SIDE_PX, Clip
from virality.data.decode import decode
from virality.featurizers import FEATURIZERS

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def decoded(path: Path) -> Clip:
    """Return the clip of a file that must be fine."""
    result = decode(path)
    assert (result.status, result.reason) == ("ok", "")
    assert result.clip is not None
    return result.clip


def corners(still: npt.NDArray[np.uint8]) -> list[tuple[int, ...]]:
    """Return the colours of the four quarters, each channel rounded to 0 or 255: TL TR BR BL."""
    height, width = still.shape[:2]
    spots = [(1, 1), (1, 3), (3, 3), (3, 1)]
    found = [still[height * y // 4, width * x // 4] for y, x in spots]
    return [tuple(int(255 * (value > 127)) for value in spot) for spot in found]


def tone(hertz: float, seconds: float, rate_hz: int = 16_000) -> npt.NDArray[np.float32]:
    clock = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * hertz * clock)).astype(np.float32)


def levels(clip: Clip) -> list[int]:
    """Return the mean grey of each motion frame."""
    assert clip.frames is not None
    return [round(float(frame.mean())) for frame in clip.frames.motion]


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [
        (0, [RED, GREEN, BLUE, WHITE]),
        (90, [WHITE, RED, GREEN, BLUE]),
        (180, [BLUE, WHITE, RED, GREEN]),
        (270, [GREEN, BLUE, WHITE, RED]),
    ],
)
def test_rotation_metadata_is_honoured(
    tmp_path: Path, degrees: int, expected: list[tuple[int, ...]]
) -> None:
    path = write_clip(tmp_path / "clip.mp4", [quarters(160, 96)] * 10)
    clip = decoded(turn(path, degrees))
    assert clip.frames is not None
    assert corners(clip.frames.stills[0]) == expected
    turned = degrees % 180 == 90
    assert (clip.stream.width, clip.stream.height) == ((96, 160) if turned else (160, 96))
    assert clip.stream.rotation_deg == degrees
    height, width = clip.frames.motion.shape[1:]
    assert (height > width) == turned
    assert max(height, width) == MOTION_SIDE_PX


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [
        (0, [GREEN, RED, WHITE, BLUE]),
        (90, [RED, WHITE, BLUE, GREEN]),
        (180, [WHITE, BLUE, GREEN, RED]),
        (270, [BLUE, GREEN, RED, WHITE]),
    ],
)
def test_a_mirror_is_honoured(
    tmp_path: Path, degrees: int, expected: list[tuple[int, ...]]
) -> None:
    path = write_clip(tmp_path / "clip.mp4", [quarters(160, 96)] * 10)
    clip = decoded(turn(path, degrees, mirror=True))
    assert clip.frames is not None
    assert corners(clip.frames.stills[0]) == expected
    assert clip.stream.rotation_deg == degrees


def test_pixels_that_are_not_square_are_stretched_as_a_player_does(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", [quarters(100, 100)] * 10, aspect=Fraction(2, 1))
    clip = decoded(path)
    assert clip.frames is not None
    assert (clip.stream.width, clip.stream.height) == (200, 100)
    assert clip.frames.stills.shape[1:3] == (STILL_SIDE_PX, 2 * STILL_SIDE_PX)
    assert corners(clip.frames.stills[0]) == [RED, GREEN, BLUE, WHITE]


def test_pixel_aspect_and_rotation_go_together(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", [quarters(100, 100)] * 10, aspect=Fraction(2, 1))
    clip = decoded(turn(path, 90))
    assert clip.frames is not None
    assert (clip.stream.width, clip.stream.height) == (100, 200)
    assert corners(clip.frames.stills[0]) == [WHITE, RED, GREEN, BLUE]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_with_a_variable_rate_a_frame_is_the_one_shown_at_its_time(
    tmp_path: Path, suffix: str
) -> None:
    times_ms = [0, 40, 80, 700, 1500, 1540, 2600, 2640]
    shown = [20, 50, 80, 110, 140, 170, 200, 230]
    path = write_clip(tmp_path / f"clip.{suffix}", [grey(level) for level in shown], times_ms)
    clip = decoded(path)
    assert clip.frames is not None
    found = dict(zip(clip.frames.motion_times_s, levels(clip), strict=True))
    for time_s, level in found.items():
        # The last that has begun, whether the time is the one asked for or the frame's own.
        begun = [i for i, begin in enumerate(times_ms) if begin / 1000 <= time_s + 1e-3]
        assert abs(level - shown[begun[-1]]) <= 3
    assert {0, 3, 4, 6} <= {int(np.argmin(np.abs(np.array(shown) - v))) for v in found.values()}
    np.testing.assert_allclose(clip.stream.packet_times_s, np.array(times_ms) / 1000, atol=2e-3)


def measured(clip: Clip, name: str) -> dict[str, float]:
    featurizer = FEATURIZERS[name]
    names = (column.name for column in featurizer.columns)
    row = featurizer.extract([getattr(clip, featurizer.modality)])[0].tolist()
    return dict(zip(names, row, strict=True))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_picture_that_stands_counts_as_long_as_it_is_shown(tmp_path: Path, suffix: str) -> None:
    """A slide show of four frames measures as one that is stored at 25 frames a second."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 60, (4, 20, 12, 1)).repeat(8, 1).repeat(8, 2).repeat(3, 3)
    slides = [(noise[i] + level).astype(np.uint8) for i, level in enumerate((190, 20, 120, 60))]
    times_ms = [0, 4000, 5000, 8000]
    steady = write_clip(tmp_path / f"steady.{suffix}", [
        slides[sum(begin <= time_ms for begin in times_ms) - 1] for time_ms in range(0, 11_000, 40)
    ])  # fmt: skip
    last = [slides[-1]], [10_960]  # a container need not say how long the last one stands
    sparse = write_clip(tmp_path / f"sparse.{suffix}", slides + last[0], times_ms + last[1])
    ours, theirs = decoded(sparse), decoded(steady)
    assert ours.frames is not None
    assert theirs.frames is not None
    assert ours.frames.duration_s == pytest.approx(theirs.frames.duration_s, abs=0.1)
    assert len(ours.frames.stills) == len(theirs.frames.stills)
    ours_of, theirs_of = measured(ours, "frames_motion"), measured(theirs, "frames_motion")
    assert ours_of["cuts"] == theirs_of["cuts"] == 3
    assert ours_of["first_cut_s"] == pytest.approx(4.0, abs=0.15)
    assert ours_of["shortest_shot_s"] == pytest.approx(1.0, abs=0.15)
    assert ours_of["longest_shot_s"] == pytest.approx(4.0, abs=0.15)
    assert ours_of["still_share"] == 1
    assert ours_of["speed"] == pytest.approx(theirs_of["speed"], abs=0.01)
    ours_of, theirs_of = measured(ours, "frames_colour"), measured(theirs, "frames_colour")
    for name in ("brightness", "contrast", "dark_share", "sd_brightness"):
        assert ours_of[name] == pytest.approx(theirs_of[name], abs=0.01), name


@pytest.mark.parametrize(
    ("width", "height", "matrix"),
    [(360, 640, 5), (640, 360, 5), (576, 1024, 1), (1280, 536, 1), (1280, 720, 1), (720, 1280, 1)],
)
def test_colours_without_a_named_matrix_follow_the_size(
    tmp_path: Path, width: int, height: int, matrix: int
) -> None:
    """As in players: HD is BT.709 (1), what is smaller is BT.601 (5)."""
    rgb = (192, 48, 32)
    pictures = [np.full((height, width, 3), rgb, np.uint8)] * 3
    clip = decoded(write_clip(tmp_path / "clip.mp4", pictures, matrix=matrix))
    assert clip.frames is not None
    np.testing.assert_allclose(clip.frames.stills[0].mean(axis=(0, 1)), rgb, atol=4)


@pytest.mark.parametrize("size", [(96, 160), (1280, 720)])
@pytest.mark.parametrize("matrix", [1, 5])
def test_a_named_matrix_counts_at_every_size(
    tmp_path: Path, size: tuple[int, int], matrix: int
) -> None:
    width, height = size
    pictures = [np.full((height, width, 3), (192, 48, 32), np.uint8)] * 3
    colours = {"color_primaries": 1, "color_trc": 1, "colorspace": matrix}
    clip = decoded(write_clip(tmp_path / "clip.mp4", pictures, colours=colours))
    assert clip.frames is not None
    np.testing.assert_allclose(clip.frames.stills[0].mean(axis=(0, 1)), (192, 48, 32), atol=4)


def woven(pictures: list[npt.NDArray[np.uint8]]) -> list[npt.NDArray[np.uint8]]:
    """Return frames of two pictures each, the second in the lower lines."""
    frames = []
    for upper, lower in zip(pictures[::2], pictures[1::2], strict=True):
        frame = upper.copy()
        frame[1::2] = lower[1::2]
        frames.append(frame)
    return frames


def test_an_interlaced_clip_shows_no_combs(tmp_path: Path) -> None:
    """A texture that runs at 50 fields a second measures as it does at 25 frames."""
    rng = np.random.default_rng(0)
    wide = rng.integers(20, 235, (24, 48, 1)).repeat(24, 0).repeat(24, 1).repeat(3, 2)
    pictures = [np.ascontiguousarray(wide[:, 6 * i : 6 * i + 512]).astype(np.uint8)
                for i in range(50)]  # fmt: skip
    options = {"flags": "+ilme+ildct", "x264-params": "tff=1"}
    interlaced = decoded(write_clip(tmp_path / "i.mp4", woven(pictures), options=options))
    ordinary = decoded(write_clip(tmp_path / "p.mp4", pictures[::2]))
    assert interlaced.frames is not None
    assert ordinary.frames is not None
    assert (interlaced.stream.width, interlaced.stream.height) == (512, 576)
    assert interlaced.frames.stills.shape == ordinary.frames.stills.shape
    ours, theirs = measured(interlaced, "frames_layout"), measured(ordinary, "frames_layout")
    assert ours["edge_share"] == pytest.approx(theirs["edge_share"], rel=0.1)
    assert ours["sharpness_log10"] == pytest.approx(theirs["sharpness_log10"], abs=0.1)
    ours, theirs = measured(interlaced, "frames_motion"), measured(ordinary, "frames_motion")
    assert ours["speed"] == pytest.approx(theirs["speed"], rel=0.03)


def test_frames_between_b_frames_come_in_order_of_presentation(tmp_path: Path) -> None:
    shown = [20 + 4 * i for i in range(50)]
    options = {"preset": "veryfast", "bf": "3", "crf": "10"}
    path = write_clip(tmp_path / "clip.mp4", [grey(level) for level in shown], options=options)
    clip = decoded(path)
    assert clip.frames is not None
    assert levels(clip) == sorted(levels(clip))
    for time_s, level in zip(clip.frames.motion_times_s, levels(clip), strict=True):
        assert abs(level - shown[int(time_s * 25 + 1e-6)]) <= 3


def test_an_edit_list_moves_the_start(tmp_path: Path) -> None:
    shown = [40] * 25 + [200] * 50
    options = {"g": "1", "bf": "0"}
    path = write_clip(tmp_path / "clip.mp4", [grey(level) for level in shown], options=options)
    whole = decoded(path)
    import av

    with av.open(str(path)) as container:
        base = container.streams.video[0].time_base
    assert base is not None
    cut = decode(skip_start(path, int(1 / base)))
    assert cut.clip is not None
    assert cut.clip.frames is not None
    assert whole.frames is not None
    assert abs(float(whole.frames.stills[0].mean()) - 40) <= 4
    assert abs(float(cut.clip.frames.stills[0].mean()) - 200) <= 4
    assert cut.clip.frames.still_times_s[0] == pytest.approx(0, abs=0.05)


def test_sound_that_begins_later_is_kept_in_step_with_the_picture(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.mkv", [grey(90)] * 75, sound=tone(440, 2.0), sound_from_ms=1000
    )
    clip = decoded(path)
    assert clip.audio is not None
    loud = np.flatnonzero(np.abs(clip.audio.samples) > 0.1)
    assert loud[0] / AUDIO_RATE_HZ == pytest.approx(1.0, abs=0.08)
    assert clip.audio.duration_s == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize(
    ("suffix", "first_ms"),
    [
        ("mkv", 0),
        ("ts", 5000),
        ("mkv", 5000),
    ],
)
def test_times_are_counted_from_the_first_frame(tmp_path: Path, suffix: str, first_ms: int) -> None:
    pictures = [grey(level) for level in [40] * 25 + [200] * 25]
    times = [first_ms + 40 * i for i in range(50)]
    clip = decoded(write_clip(tmp_path / f"clip.{suffix}", pictures, times))
    assert clip.frames is not None
    assert clip.frames.still_times_s[0] == pytest.approx(0, abs=2e-3)
    assert clip.frames.duration_s == pytest.approx(2.0, abs=0.05)
    assert clip.stream.duration_s == pytest.approx(2.0, abs=0.05)
    for time_s, level in zip(clip.frames.motion_times_s, levels(clip), strict=True):
        assert abs(level - (40 if time_s < 0.999 else 200)) <= 3


def test_a_clip_without_sound_has_pictures_only(tmp_path: Path) -> None:
    clip = decoded(write_clip(tmp_path / "clip.mp4", [grey(90)] * 10))
    assert clip.frames is not None
    assert clip.audio is None
    assert (clip.stream.audio_codec, clip.stream.audio_channels) == ("", 0)


def test_one_frame_is_enough(tmp_path: Path) -> None:
    clip = decoded(write_clip(tmp_path / "clip.mp4", [grey(90)]))
    assert clip.frames is not None
    assert len(clip.frames.stills) == len(clip.frames.motion) == 1
    assert abs(float(clip.frames.stills[0].mean()) - 90) <= 3


@pytest.mark.parametrize(("width", "height"), [(95, 161), (17, 3), (97, 96)])
def test_odd_sizes(tmp_path: Path, width: int, height: int) -> None:
    # 4:2:0 has no odd sizes; 4:4:4 does.
    picture = quarters(width, height)
    path = write_clip(tmp_path / "clip.mkv", [picture] * 5, pixels="yuv444p")
    clip = decoded(path)
    assert clip.frames is not None
    assert (clip.stream.width, clip.stream.height) == (width, height)
    assert corners(clip.frames.stills[0]) == [RED, GREEN, BLUE, WHITE]


def test_a_tone_keeps_its_pitch_and_level_at_the_fixed_rate(tmp_path: Path) -> None:
    sound = tone(440, 2.0, 44_100)
    clip = decoded(write_clip(tmp_path / "c.mp4", [grey(90)] * 50, sound=sound, rate_hz=44_100))
    assert clip.audio is not None
    assert clip.audio.rate_hz == AUDIO_RATE_HZ
    middle = clip.audio.samples[4000:28_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * AUDIO_RATE_HZ / len(middle) == pytest.approx(440, abs=1)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)
    assert clip.audio.duration_s == pytest.approx(2.0, abs=0.1)


def test_the_same_file_gives_the_same_arrays(tmp_path: Path) -> None:
    pictures = [quarters(96, 160), grey(30)] * 20
    path = write_clip(tmp_path / "clip.mp4", pictures, sound=tone(300, 1.5))
    first, second = decoded(path), decoded(path)
    assert first.frames is not None
    assert second.frames is not None
    assert first.audio is not None
    assert second.audio is not None
    np.testing.assert_array_equal(first.frames.stills, second.frames.stills)
    np.testing.assert_array_equal(first.frames.motion, second.frames.motion)
    np.testing.assert_array_equal(first.audio.samples, second.audio.samples)


def test_the_rate_is_that_of_the_packets_where_they_come_more_seldom(tmp_path: Path) -> None:
    times_ms = [*range(0, 1000, 40), *range(1000, 5000, 200)]
    levels_shown = [grey(20 + 4 * number) for number in range(len(times_ms))]
    steady = decoded(write_clip(tmp_path / "steady.mkv", levels_shown))
    path = write_clip(tmp_path / "clip.mkv", levels_shown, times_ms)
    clip = decoded(path)
    assert steady.stream.fps == pytest.approx(25, rel=0.01)
    assert clip.stream.fps == pytest.approx(44 / 4.8, rel=0.01)
    undeclared = decoded(leave_out(path, b"\x23\xe3\x83"))  # the rate, which FLV lacks too
    assert undeclared.stream.fps == pytest.approx(44 / 4.8, rel=0.01)


@pytest.mark.parametrize("suffix", ["mkv", "webm"])
def test_a_length_that_is_not_declared_is_that_of_the_packets(tmp_path: Path, suffix: str) -> None:
    """What a browser records as WebM has none."""
    path = write_clip(tmp_path / "clip.mkv", [grey(90)] * 75, sound=tone(440, 2.0))
    path = path.rename(tmp_path / f"clip.{suffix}")
    assert decoded(path).stream.duration_s == pytest.approx(3.0, abs=0.05)
    assert decoded(leave_out(path, b"\x44\x89")).stream.duration_s == pytest.approx(3.0, abs=0.05)


def test_a_length_that_is_declared_too_short_is_that_of_the_packets(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", [grey(90)] * 75)
    data = bytearray(path.read_bytes())
    place = data.index(b"\x44\x89\x88") + 3
    assert struct.unpack_from(">d", data, place)[0] == pytest.approx(3000, abs=50)
    struct.pack_into(">d", data, place, 300.0)
    path.write_bytes(data)
    assert decoded(path).stream.duration_s == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("suffix", ["avi", "wav"])
def test_an_avi_or_wav_that_breaks_off_is_partial(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip.{suffix}"
    make_clip(path, seconds=4, picture=suffix == "avi", codec="mpeg4",
              sound="mp3" if suffix == "avi" else "pcm_s16le")  # fmt: skip
    raw = path.read_bytes()
    assert decode(path).status == "ok"
    path.write_bytes(raw[: len(raw) // 2])
    result = decode(path)
    assert (result.status, result.reason) == ("partial", "shorter_than_declared")
    unknown = bytearray(raw[: len(raw) // 2])
    unknown[4:8] = b"\xff\xff\xff\xff"  # written to a pipe: no size is declared
    path.write_bytes(unknown)
    assert decode(path).status == "ok"


def test_a_wmv_that_breaks_off_is_partial(tmp_path: Path) -> None:
    path = tmp_path / "clip.wmv"
    make_clip(path, seconds=4, codec="wmv2", sound="mp3")
    raw = path.read_bytes()
    assert decode(path).status == "ok"
    path.write_bytes(raw[: len(raw) // 2])
    result = decode(path)
    assert (result.status, result.reason) == ("partial", "shorter_than_declared")
    live = bytearray(raw[: len(raw) // 2])
    live[raw.index(ASF_FACTS) + 88] |= ASF_LIVE  # written to a pipe: the size was not known
    path.write_bytes(live)
    assert decode(path).status == "ok"


@pytest.mark.parametrize(("suffix", "picture"), [("ogv", True), ("oga", False)])
def test_an_ogg_that_breaks_off_is_partial(tmp_path: Path, suffix: str, picture: bool) -> None:
    path = tmp_path / f"clip.{suffix}"
    make_clip(path, seconds=4, codec="libvpx", sound="flac", picture=picture)
    raw = path.read_bytes()
    for whole in (raw, raw + b"TAG" + bytes(125)):  # some programs put a tag of MP3 behind it
        path.write_bytes(whole)
        assert decode(path).status == "ok"
    last = raw.rindex(b"OggS")
    for kept in (len(raw) // 2, last, last + 10, len(raw) - 1):  # within a page or between two
        path.write_bytes(raw[:kept])
        result = decode(path)
        assert (result.status, result.reason) == ("partial", "damaged"), kept


def test_a_flac_that_breaks_off_is_partial(tmp_path: Path) -> None:
    """Its head counts the samples; if it counts none, nothing is known to be missing."""
    import av

    path = tmp_path / "clip.flac"
    noise = np.random.default_rng(0).integers(-9000, 9000, (1, 16_000 * 4)).astype(np.int16)
    with av.open(str(path), "w") as container:
        audio = container.add_stream("flac", rate=16_000, layout="mono")
        for start in range(0, noise.shape[1], 4000):
            block = np.ascontiguousarray(noise[:, start : start + 4000])
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16_000, start
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    raw = path.read_bytes()
    assert decode(path).status == "ok"
    path.write_bytes(raw[: len(raw) // 2])
    result = decode(path)
    assert (result.status, result.reason) == ("partial", "shorter_than_declared")
    uncounted = bytearray(raw[: len(raw) // 2])
    uncounted[21] &= 0xF0  # 36 bits after the rate, channels and depth
    uncounted[22:26] = bytes(4)
    path.write_bytes(uncounted)
    assert decode(path).status == "ok"
