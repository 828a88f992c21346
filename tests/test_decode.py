"""Sampling, times, shapes and verdicts of decoding."""

import struct
from pathlib import Path

import numpy as np
import pytest
from clips import brightness, make_clip
from hypothesis import given
from hypothesis import strategies as st

from virality.data.clip import AUDIO_RATE_HZ
from virality.data.decode import REASONS, Limits, decode
from virality.data.errors import UsageError
from virality.data.gate import demuxer_of
from virality.data.sampling import (
    LEAST_STILLS,
    MOTION_FRAMES,
    STILL_EVERY_S,
    STILLS,
    motion_size,
    motion_times_s,
    shown_at,
    still_size,
    still_times_s,
)
from virality.data.wire import HEADER_BYTES, WireError, body_bytes, pack, unpack

SHARED = Path(__file__).resolve().parents[2] / "shared" / "media"


@pytest.fixture(scope="module")
def clip_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "good.mp4", seconds=5)


def test_whole_clip(clip_path):
    decoded = decode(clip_path)
    assert (decoded.status, decoded.reason) == ("ok", "")
    clip = decoded.clip
    assert clip.stream.width == 64
    assert clip.stream.height == 96
    assert clip.stream.duration_s == pytest.approx(5, abs=0.1)
    assert clip.frames.stills.shape == (LEAST_STILLS, 336, 224, 3)
    assert clip.frames.motion.shape == (30 + 8, 96, 64)
    assert clip.audio.rate_hz == AUDIO_RATE_HZ
    assert clip.audio.duration_s == pytest.approx(5, abs=0.1)
    spectrum = np.abs(np.fft.rfft(clip.audio.samples))
    assert np.argmax(spectrum) / clip.audio.duration_s == pytest.approx(440, abs=1)


def test_frame_at_t_is_what_a_player_shows_at_t(clip_path):
    frames = decode(clip_path).clip.frames
    for image, time_s in zip(frames.motion, frames.motion_times_s, strict=True):
        assert np.median(image[40:]) == pytest.approx(brightness(time_s / 5), abs=6)


def test_same_bytes_each_time(clip_path):
    first, second = decode(clip_path).clip, decode(clip_path).clip
    assert first.frames.stills.tobytes() == second.frames.stills.tobytes()
    assert first.frames.motion.tobytes() == second.frames.motion.tobytes()
    assert first.audio.samples.tobytes() == second.audio.samples.tobytes()


def read_picture(path, *, choosy):
    from virality.data.container import open_source
    from virality.data.picture import decode_picture

    source = open_source(str(path), "mov", path.stat().st_size, Limits())
    return decode_picture(source, Limits(), choosy=choosy)


def test_selective_and_plain_decoding_agree(clip_path):
    chosen, plain = (read_picture(clip_path, choosy=choosy) for choosy in (True, False))
    assert np.array_equal(chosen.frames.still_times_s, plain.frames.still_times_s)
    assert np.array_equal(chosen.frames.motion_times_s, plain.frames.motion_times_s)
    assert chosen.failures == plain.failures == 0
    assert plain.frames.duration_s == pytest.approx(5)  # the last come only when it is flushed
    # All but the loop filter, see container.
    assert np.abs(chosen.frames.stills.astype(int) - plain.frames.stills).max() <= 7


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_every_packet_is_decoded_once_whatever_is_wrong(tmp_path, clip_path, monkeypatch, place):
    from virality.data import picture

    raw = bytearray(clip_path.read_bytes())
    start = int(place * len(raw))
    raw[start : start + 400] = bytes(400)
    path = tmp_path / "hurt.mp4"
    path.write_bytes(raw)
    seen = []
    decoded = picture._decoded

    def count(context, packet):
        seen.append(packet if packet is None else packet.dts)
        return decoded(context, packet)

    monkeypatch.setattr(picture, "_decoded", count)
    assert read_picture(path, choosy=True).frames is not None
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize(("sound_hz", "picture"), [(None, True), (440.0, False)])
def test_a_part_that_is_missing_is_none(tmp_path, sound_hz, picture):
    path = make_clip(tmp_path / "a.mp4", sound_hz=sound_hz, picture=picture)
    decoded = decode(path)
    assert decoded.status == "ok"
    assert (decoded.clip.audio is None) == (sound_hz is None)
    assert (decoded.clip.frames is None) == (not picture)


def test_rotation_is_applied(tmp_path):
    import av

    plain = make_clip(tmp_path / "a.mp4", sound_hz=None)
    turned = tmp_path / "b.mp4"
    with av.open(str(plain)) as source, av.open(str(turned), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(-90)  # clockwise
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    clip = decode(turned).clip
    assert clip.stream.rotation_deg == 90
    assert (clip.stream.width, clip.stream.height) == (96, 64)
    still = clip.frames.stills[3]
    assert still.shape == (224, 336, 3)
    assert still[:40, -40:].mean() < 20 < still[-40:, :40].mean()  # the mark went to the right


def test_truncated_is_partial_or_failed(tmp_path, clip_path):
    raw = clip_path.read_bytes()
    for share in (0.05, 0.4, 0.7, 0.99):
        cut = tmp_path / "cut.mp4"
        cut.write_bytes(raw[: int(len(raw) * share)])
        assert decode(cut).status == "failed"  # the index stands at the end of this file


def test_truncated_with_the_index_in_front_is_partial(tmp_path):
    path = make_clip(tmp_path / "a.mkv", seconds=6)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    decoded = decode(path)
    assert (decoded.status, decoded.reason) == ("partial", "shorter_than_declared")
    assert decoded.clip.frames is not None


def test_cut_within_the_index_is_never_ok(tmp_path):
    path = make_clip(tmp_path / "a.mp4", seconds=2)
    raw = path.read_bytes()
    index = raw.index(b"moov") - 4
    second = raw.index(b"trak", raw.index(b"trak") + 4) - 4
    assert index > raw.index(b"mdat"), "the index is expected to come last"
    found = {}
    for length in (len(raw), second + 8, second + 60, len(raw) - 40, len(raw) - 1):
        path.write_bytes(raw[:length])
        decoded = decode(path)
        found[length] = decoded.status, decoded.reason
    assert found.pop(len(raw)) == ("ok", "")
    assert all(status != "ok" for status, _ in found.values()), found
    assert ("partial", "damaged") in found.values()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(seconds=2), "too_long"),
        (Limits(width=32), "too_many_pixels"),
        (Limits(frames=50), "too_many_frames"),
        (Limits(file_bytes=100), "too_large"),
    ],
)
def test_limits(clip_path, limits, reason):
    decoded = decode(clip_path, limits)
    assert (decoded.status, decoded.reason, decoded.clip) == ("failed", reason, None)


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(UsageError, match="wall_s"):
        Limits(wall_s=0)


@given(st.floats(0, 100), st.floats(0.001, 600))
def test_plan_stays_within_bounds(start_s, length_s):
    times = motion_times_s(start_s, start_s + length_s)
    assert 1 <= len(times) <= MOTION_FRAMES
    assert (np.diff(times) > 0).all()
    assert times[0] == start_s
    assert times[-1] <= start_s + length_s


@given(st.lists(st.floats(0, 60), min_size=1, max_size=50, unique=True), st.floats(0, 70))
def test_shown_is_the_last_that_has_begun(starts, moment):
    times = np.sort(np.array(starts))
    index = shown_at(times, np.array([moment]))[0]
    begun = times <= moment + 1e-6
    assert index == max(0, begun.sum() - 1)


@given(st.floats(0.01, 600), st.floats(0, 100))
def test_stills_are_evenly_apart_within_bounds(length_s, start_s):
    times = still_times_s(start_s, start_s + length_s)
    assert LEAST_STILLS <= len(times) <= STILLS
    assert times[0] == start_s
    assert times[-1] < start_s + length_s
    assert np.diff(times) == pytest.approx(length_s / len(times))
    if LEAST_STILLS * STILL_EVERY_S <= length_s <= STILLS * STILL_EVERY_S:
        assert np.diff(times) == pytest.approx(STILL_EVERY_S, rel=0.5 / LEAST_STILLS)


@given(st.integers(1, 4096), st.integers(1, 4096))
def test_sizes_are_bounded(width, height):
    assert min(still_size(width, height)) == 224
    assert max(still_size(width, height)) <= 896
    assert max(motion_size(width, height)) == 96
    assert min(motion_size(width, height)) >= 8


@given(st.binary(max_size=600))
def test_gate_never_fails(head):
    assert isinstance(demuxer_of(head), str)


@given(st.integers(0, HEADER_BYTES - 1), st.integers(1, 255))
def test_wire_refuses_a_flipped_header(place, flip):
    (header,) = pack("failed", "crashed", None)
    damaged = bytearray(header)
    damaged[place] ^= flip
    with pytest.raises(WireError):
        body_bytes(bytes(damaged), Limits())


def test_wire_brings_back_what_went_in(clip_path):
    clip = decode(clip_path).clip
    header, *arrays = pack("partial", "damaged", clip)
    body = b"".join(arrays)
    assert body_bytes(header, Limits()) == len(body)
    back = unpack(header, memoryview(body))
    assert (back.status, back.reason) == ("partial", "damaged")
    assert np.array_equal(back.clip.frames.stills, clip.frames.stills)
    assert np.array_equal(back.clip.audio.samples, clip.audio.samples)
    assert back.clip.stream.video_codec == "h264"


def test_wire_refuses_more_than_a_clip_can_hold(clip_path):
    header, *_ = pack("ok", "", decode(clip_path).clip)
    with pytest.raises(WireError, match="more than"):
        body_bytes(header, Limits(frames=50))


def test_wire_survives_truncated_struct():
    with pytest.raises(WireError):
        body_bytes(struct.pack("<I", 7), Limits())


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared clips")
def test_every_shared_file_gets_a_verdict():
    files = sorted(path for path in SHARED.rglob("*") if path.is_file())
    for path in files:
        decoded = decode(path)
        assert decoded.reason in REASONS
        assert (decoded.status == "ok") == (decoded.reason == "")
        assert (decoded.clip is None) == (decoded.status == "failed")
