"""Odd but valid clips are read as a player reads them; bombs are refused before they go off."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from av.stream import Disposition
from clips import make_clip
from peculiar_clips import grey, quarters

from virality.data.decode import Limits, decode
from virality.data.errors import InputError
from virality.data.media import find_media, posts_of_media

PATIENT = Limits(wall_s=300)
HDR10 = {"color_primaries": 9, "color_trc": 16, "colorspace": 9}
"""BT.2020 primaries and matrix with the PQ curve, as ITU-T H.273 numbers them."""


def decoded(path: Path, limits: Limits = PATIENT):
    result = decode(path, limits)
    assert (result.status, result.reason) == ("ok", ""), path.name
    return result.clip


def deep_clip(path: Path, colours: dict[str, int]) -> Path:
    """Write ten frames of ten bits a sample: left half dark, right half bright."""
    picture = np.full((96, 160), 64, np.uint16)
    picture[:, 80:] = 940
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p10le"
        for name, value in colours.items():
            setattr(video.codec_context, name, value)
        for _ in range(10):
            frame = av.VideoFrame(160, 96, "yuv420p10le")
            for plane, values in zip(
                frame.planes, (picture, *[np.full((48, 80), 512, np.uint16)] * 2), strict=True
            ):
                raw = np.zeros((plane.height, plane.line_size // 2), np.uint16)
                raw[:, : values.shape[1]] = values
                plane.update(raw.tobytes())
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    return path


@pytest.mark.parametrize("colours", [{}, HDR10], ids=["10-bit", "HDR"])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_ten_bits_a_sample_become_eight(tmp_path, suffix, colours):
    still = decoded(deep_clip(tmp_path / f"a.{suffix}", colours)).frames.stills[0]
    assert still.dtype == np.uint8
    width = still.shape[1]
    assert still[:, : width // 4].max() <= 3
    assert still[:, -width // 4 :].min() >= 252


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_times_below_zero_begin_at_zero(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    shown = [40] * 25 + [200] * 25
    with av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 96, 160, "yuv420p"
        for number, level in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(grey(level), format="rgb24")
            frame.pts, frame.time_base = number - 10, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    clip = decoded(path)
    assert clip.frames.still_times_s[0] == pytest.approx(0, abs=0.05)
    levels = [float(frame.mean()) for frame in clip.frames.motion]
    assert levels == sorted(levels) or np.diff(levels).min() > -3
    assert clip.frames.duration_s <= 2.05


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz"),
    [("a.wav", "pcm_s16le", 8000), ("a.m4a", "aac", 8000), ("a.mp3", "mp3", 8000)],
)
def test_sound_at_8_khz_and_one_channel(tmp_path, name, codec, rate_hz):
    path = tmp_path / name
    write_tone(path, codec, rate_hz, 2.0)
    clip = decoded(path)
    assert clip.frames is None
    assert (clip.stream.audio_rate_hz, clip.stream.audio_channels) == (rate_hz, 1)
    assert clip.audio.duration_s == pytest.approx(2.0, abs=0.15)
    middle = clip.audio.samples[8000:24_000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * clip.audio.rate_hz / len(middle) == pytest.approx(440, abs=2)


def write_tone(path: Path, codec: str, rate_hz: int, seconds: float, cover: bool = False) -> None:
    """Write 440 Hz on one channel, with a picture of the cover if asked for."""
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate_hz)) / rate_hz)
    with av.open(str(path), "w") as container:
        audio = container.add_stream(codec, rate=rate_hz, layout="mono")
        picture = add_cover(container) if cover else None
        resampler = av.AudioResampler(audio.format.name, "mono", rate_hz, 1024)
        whole = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), "fltp", "mono")
        whole.sample_rate, whole.pts = rate_hz, 0
        for frame in [*resampler.resample(whole), *resampler.resample(None)]:
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
        if picture is not None:
            frame = av.VideoFrame.from_ndarray(quarters(96, 96), format="rgb24")
            container.mux(picture.encode(frame.reformat(format="yuvj420p")))
            container.mux(picture.encode(None))


def add_cover(container):
    picture = container.add_stream("mjpeg", rate=1)
    picture.width, picture.height, picture.pix_fmt = 96, 96, "yuvj420p"
    picture.disposition = Disposition.attached_pic
    return picture


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("a.mp3", "mp3")])
def test_a_cover_is_no_picture(tmp_path, name, codec):
    path = tmp_path / name
    write_tone(path, codec, 44_100, 1.0, cover=True)
    with av.open(str(path)) as container:
        assert container.streams.video[0].disposition & Disposition.attached_pic
    clip = decoded(path)
    assert clip.frames is None
    assert clip.stream.width == 0
    assert clip.audio.duration_s == pytest.approx(1.0, abs=0.15)


def repeated(path: Path, count: int, step: int, *, picture: bool = True) -> Path:
    """Write one coded frame of a clip `count` times, `step` ticks of a millisecond apart."""
    good = make_clip(path.with_name("good.mkv"), seconds=0.2, sound_hz=None if picture else 440.0,
                     picture=picture)  # fmt: skip
    with av.open(str(good)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams[0])
        packets = [packet for packet in source.demux() if packet.size]
        content = bytes(packets[0])
        for number in range(count):
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = number * step
            packet.duration, packet.is_keyframe = step, True
            target.mux(packet)
    return path


def test_a_bomb_of_frames_is_refused_by_their_number(tmp_path):
    bomb = repeated(tmp_path / "a.mkv", 60_000, 5)
    result = decode(bomb, PATIENT)
    assert (result.status, result.reason) == ("failed", "too_many_frames")


@pytest.mark.parametrize("picture", [True, False])
@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_bomb_of_time_is_refused_by_its_length(tmp_path, suffix, picture):
    bomb = repeated(tmp_path / f"a.{suffix}", 100, 3_600_000, picture=picture)
    assert bomb.stat().st_size < 100_000
    result = decode(bomb, PATIENT)
    assert result.status == "failed"
    assert result.reason == "too_long"


@pytest.mark.nightly
@pytest.mark.parametrize("limits", [PATIENT, Limits(width=8192, height=8192, wall_s=300)])
def test_a_bomb_of_pixels_stays_within_its_memory(tmp_path, limits):
    """193 kB of such frames took 920 MB in a decoder without limits."""
    bomb = make_clip(tmp_path / "a.mp4", seconds=0.2, width=8192, height=8192, sound_hz=None,
                     options={"preset": "ultrafast"})  # fmt: skip
    result = decode(bomb, limits)
    expected = {"too_many_pixels"} if limits is PATIENT else {"", "memory_limit"}
    assert result.reason in expected


def test_names_that_are_no_text_are_found_again(tmp_path):
    folder = tmp_path / "media"
    folder.mkdir()
    good = make_clip(tmp_path / "good.mp4", seconds=0.2).read_bytes()
    for name in (b"bad\xff\xfe.mp4", b"\xe9t\xe9.mp4", b"clear.mp4"):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(good)
    posts, root = posts_of_media([folder])
    assert sorted(posts["id"]) == ["bad\ufffd\ufffd", "clear", "\ufffdt\ufffd"]
    found = find_media(posts, root)
    assert [one.reason for one in found] == ["", "", ""]
    assert all(one.path is not None and one.path.read_bytes() == good for one in found)
    os.rename(os.fsencode(folder) + b"/bad\xff\xfe.mp4", os.fsencode(folder) + b"/bad\xfe\xff.mp4")
    assert {one.reason for one in find_media(posts, root)} == {""}
    os.symlink(tmp_path / "good.mp4", os.fsencode(folder) + b"/out\xff.mp4")
    out = posts.iloc[:1].assign(media="out\ufffd.mp4")
    assert [one.reason for one in find_media(out, root)] == ["outside_folder"]
    (folder / "clear.mp4").unlink()
    assert sorted(one.reason for one in find_media(posts, root)) == ["", "", "file_not_found"]


def test_a_folder_without_media_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("no clip")
    with pytest.raises(InputError, match=rf"no media files in {tmp_path}.*mp4, mov"):
        posts_of_media([tmp_path])


def test_endings_in_capitals_are_found_by_id(tmp_path):
    """Cameras write IMG_4711.MOV; where a name stands in both, the one in lower case counts."""
    for name in ("a.MOV", "b.Mp4", "c.MP4", "c.mp4", "d.e.MP4", "F.mp4", "g.txt"):
        (tmp_path / name).write_bytes(b"")
    posts = pd.DataFrame({"id": ["a", "b", "c", "d.e", "f", "g"]})
    names = [one.path.name if one.path else one.reason for one in find_media(posts, tmp_path)]
    assert names == ["a.MOV", "b.Mp4", "c.mp4", "d.e.MP4", "no_file", "no_file"]
