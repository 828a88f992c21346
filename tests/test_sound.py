"""Sound becomes one channel as loud as what all channels share, and is heard when it should be."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import numpy.typing as npt
import pytest
from peculiar_clips import grey, write_clip

from virality.data.clip import AUDIO_RATE_HZ, Audio
from virality.data.container import NO_PTS, RefusedError, Track
from virality.data.decode import Decoded, decode
from virality.data.limits import Limits
from virality.data.sound import Holes, Tape
from virality.featurizers import FEATURIZERS

RATE_HZ = 48_000
PATIENT = Limits(wall_s=300)


def tone(peak: float, seconds: float = 2.0) -> npt.NDArray[np.float64]:
    return peak * np.sin(2 * np.pi * 997 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)


def write_wave(path: Path, channels: list[npt.NDArray[np.float64]], layout: str) -> Path:
    samples = np.round(np.stack(channels, axis=1) * 32767).astype(np.int16).reshape(1, -1)
    with av.open(str(path), "w") as container:
        audio = container.add_stream("pcm_s16le", rate=RATE_HZ, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        frame.sample_rate, frame.pts = RATE_HZ, 0
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return path


def heard(path: Path) -> Audio:
    result = decode(path, PATIENT)
    assert (result.status, result.reason) == ("ok", "")
    assert result.clip is not None
    assert result.clip.audio is not None
    return result.clip.audio


def loudness(audio: Audio) -> dict[str, float]:
    featurizer = FEATURIZERS["audio_loudness"]
    row = featurizer.extract([audio])[0].tolist()
    return dict(zip((column.name for column in featurizer.columns), row, strict=True))


@pytest.mark.parametrize(
    ("layout", "peaks", "expected"),
    [
        ("mono", [0.8], 0.8),
        ("stereo", [0.8, 0.8], 0.8),
        ("stereo", [0.99, 0.99], 0.99),
        ("stereo", [0.5, 0.0], 0.25),
        ("stereo", [0.5, -0.5], 0.0),
        ("5.1", [0.2] * 6, 0.2 * (1 + 2**0.5)),
        ("5.1", [0.5, 0, 0, 0, 0, 0], 0.25),  # left
        ("5.1", [0, 0, 0.5, 0, 0, 0], 0.5**1.5),  # centre: on both sides, 3 dB lower
        ("5.1", [0, 0, 0, 0.5, 0, 0], 0.0),  # bass
        ("5.1", [0, 0, 0, 0, 0, 0.5], 0.25 * 0.5**0.5),  # back right
        ("7.1", [0.3] * 8, 0.3 * (1 + 1.5 * 2**0.5)),
    ],
)
def test_left_and_right_are_averaged(
    tmp_path: Path, layout: str, peaks: list[float], expected: float
) -> None:
    """More channels are folded into left and right first (ITU-R BS.775)."""
    audio = heard(write_wave(tmp_path / "a.wav", [tone(peak) for peak in peaks], layout))
    assert audio.channels == len(peaks)
    assert np.abs(audio.samples).max() == pytest.approx(expected, rel=0.01, abs=1e-4)
    middle = audio.samples[4000:-4000].astype(np.float64)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(expected / 2**0.5, abs=0.001)


def test_stereo_is_as_loud_as_bs1770_says_and_keeps_its_peak(tmp_path: Path) -> None:
    # A sine at -12.04 dB on both sides: the sum of two powers is that of a sine 3.01 dB higher.
    both = loudness(heard(write_wave(tmp_path / "a.wav", [tone(0.25, 5)] * 2, "stereo")))
    assert both["peak_db"] == pytest.approx(-12.04, abs=0.05)
    assert both["rms_db"] == pytest.approx(-15.05, abs=0.02)
    assert both["integrated_lufs"] == pytest.approx(-12.04, abs=0.1)
    alone = loudness(heard(write_wave(tmp_path / "b.wav", [tone(0.25, 5)], "mono")))
    assert alone["integrated_lufs"] == pytest.approx(-15.05, abs=0.1)
    silent = np.zeros_like(tone(0.25, 5))
    voice = [silent, silent, tone(0.25, 5), silent, silent, silent]  # only the centre speaks
    centre = loudness(heard(write_wave(tmp_path / "c.wav", voice, "5.1")))
    assert centre["integrated_lufs"] == pytest.approx(-15.05, abs=0.1)


def without_sound(source: Path, target: Path, from_s: float, until_s: float) -> Path:
    """Write a clip again without the packets of sound in a stretch of time."""
    with av.open(str(source)) as read, av.open(str(target), "w") as written:
        streams = {one.index: written.add_stream_from_template(one) for one in read.streams}
        for packet in read.demux():
            if not packet.size:
                continue
            time_s = float(packet.pts * packet.time_base)
            if packet.stream.type == "audio" and from_s <= time_s < until_s:
                continue
            packet.stream = streams[packet.stream_index]
            written.mux(packet)
    return target


def first_loud_s(result: Decoded) -> float:
    assert result.clip is not None
    assert result.clip.audio is not None
    return int(np.argmax(np.abs(result.clip.audio.samples) > 0.1)) / AUDIO_RATE_HZ


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
@pytest.mark.parametrize(("until_s", "status"), [(4.0, "partial"), (1.3, "ok")])
def test_silence_stands_for_sound_that_a_file_lacks(
    tmp_path: Path, suffix: str, until_s: float, status: str
) -> None:
    sound = np.concatenate([np.zeros(5 * 16_000), tone(0.5, 3.0)[::3]]).astype(np.float32)
    whole = write_clip(tmp_path / f"whole.{suffix}", [grey(90)] * 200, sound=sound)
    holed = without_sound(whole, tmp_path / f"holed.{suffix}", 1.0, until_s)
    expected, found = decode(whole, PATIENT), decode(holed, PATIENT)
    assert expected.status == "ok"
    assert found.status == status  # what is missing is still missing
    assert first_loud_s(expected) == pytest.approx(5.0, abs=0.07)
    assert first_loud_s(found) == pytest.approx(first_loud_s(expected), abs=0.01)
    assert found.clip is not None
    assert found.clip.audio is not None
    assert found.clip.audio.duration_s == pytest.approx(8.0, abs=0.1)


def holes_in(times: list[int | None], step: int = 20) -> list[float]:
    """Return the seconds that are missing before frames of 20 ms at times in milliseconds."""
    pts = np.array([NO_PTS if time is None else time for time in times], np.int64)
    ones = np.ones(len(pts), np.int64)
    track = Track(pts, step * ones, ones, ones, ones, 1 / 1000)
    holes = Holes(SimpleNamespace(audio_track=track))
    frames = [SimpleNamespace(pts=time, samples=320, sample_rate=16_000) for time in times]
    return [round(holes.before(frame, number), 3) for number, frame in enumerate(frames)]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0, 20, 40, 60], [0, 0, 0, 0]),
        ([5000, 5020, 8040, 8060], [0, 0, 3.0, 0]),  # counted from the first
        ([0, 20, 140, 160], [0, 0, 0, 0]),  # 0.1 s is no hole
        ([0, 20, 3000, 60, 80], [0, 0, 0, 0, 0]),  # one wrong time
        ([0, 5000, 20, 5020, 40, 5040], [0, 0, 0, 0, 0, 4.94]),  # once, where they stay there
        ([None, None, None], [0, 0, 0]),
        ([0, None, None, 560, 580], [0, 0, 0, 0.5, 0]),
        (list(range(0, 10_000, 25)), [0] * 400),  # a clock that runs fast
        ([0, 20, 520, 40, 60, 560, 580], [0, 0, 0, 0, 0, 0.46, 0]),
    ],
)
def test_a_hole_is_where_the_times_leap_for_good(
    times: list[int | None], expected: list[float]
) -> None:
    assert holes_in(times) == expected


def test_no_hole_is_larger_than_the_limit() -> None:
    tape = Tape(most=AUDIO_RATE_HZ)
    tape.fill(0.5)
    with pytest.raises(RefusedError, match="too_long"):
        tape.fill(1e9)
    assert len(tape.pieces) == 1


def test_leaps_of_hours_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    sound = tone(0.5, 1.0)[::3].astype(np.float32)
    good = write_clip(tmp_path / "good.mkv", [grey(90)] * 25, sound=sound)
    with av.open(str(good)) as read, av.open(str(path), "w") as written:
        stream = written.add_stream_from_template(read.streams.audio[0])
        packets = [packet for packet in read.demux(read.streams.audio[0]) if packet.size]
        for number, packet in enumerate(packets):
            late = number >= len(packets) // 2
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = 64 * number + 36_000_000 * late
            written.mux(packet)
    result = decode(path, PATIENT)
    assert (result.status, result.reason) == ("failed", "too_long")
