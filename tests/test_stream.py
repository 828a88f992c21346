from dataclasses import replace

import numpy as np
import pytest

from virality.data.clip import Stream
from virality.featurizers import FEATURIZERS

FRAMES = 300


def make_stream(**facts):
    ordinary = Stream(
        duration_s=10.0,
        size_bytes=1_000_000,
        width=576,
        height=1024,
        rotation_deg=0,
        fps=30.0,
        video_codec="h264",
        audio_codec="aac",
        audio_rate_hz=44_100,
        audio_channels=2,
        packet_sizes=np.full(FRAMES, 2_000),
        packet_times_s=np.arange(FRAMES) / 30,
        keyframe_times_s=np.array([0.0, 4.0, 9.0]),
        audio_bytes=160_000,
    )
    return replace(ordinary, **facts)


def measure(name, stream):
    featurizer = FEATURIZERS[name]
    row = featurizer.extract([stream])[0]
    return dict(zip((column.name for column in featurizer.columns), row.tolist(), strict=True))


def test_facts_of_an_upright_clip():
    measured = measure("stream_container", make_stream())
    assert measured["duration_s"] == 10
    assert measured["aspect_ratio"] == pytest.approx(0.5625)
    assert (measured["upright"], measured["level"], measured["rotated"]) == (1, 0, 0)
    assert 10 ** measured["bitrate_log10"] == pytest.approx(800_000, rel=1e-4)
    assert measured["bits_per_pixel"] == pytest.approx(8 * 2_000 / (576 * 1024), rel=1e-4)
    assert measured["sound_share"] == pytest.approx(0.16)
    assert 10 ** measured["sound_bitrate_log10"] == pytest.approx(128_000, rel=1e-4)
    assert (measured["has_sound"], measured["has_picture"], measured["is_h264"]) == (1, 1, 1)


def test_orientation():
    assert measure("stream_container", make_stream(width=1920, height=1080))["level"] == 1
    square = measure("stream_container", make_stream(width=720, height=720))
    assert (square["upright"], square["level"]) == (0, 0)
    assert measure("stream_container", make_stream(rotation_deg=270))["rotated"] == 1


def test_a_clip_without_sound_says_so():
    measured = measure(
        "stream_container",
        make_stream(audio_codec="", audio_bytes=0, audio_rate_hz=0, audio_channels=0),
    )
    assert measured["has_sound"] == 0
    assert np.isnan(measured["sound_share"])


def test_unknown_lengths_and_rates_are_missing():
    measured = measure("stream_container", make_stream(duration_s=float("nan"), fps=float("nan")))
    assert np.isnan(measured["duration_s"])
    assert np.isnan(measured["bitrate_log10"])
    assert measured["width_px"] == 576


def test_bits_for_each_pixel_do_not_hang_on_rates_and_lengths():
    """Sound may outlast the picture, and a rate may be that of the container's clock."""
    expected = pytest.approx(8 * 2_000 / (576 * 1024), rel=1e-4)
    for facts in ({"duration_s": 20.0}, {"fps": 1000.0}, {"duration_s": float("nan")}):
        measured = measure("stream_container", make_stream(**facts))
        assert measured["bits_per_pixel"] == expected


def test_even_packets_have_no_variation():
    measured = measure("stream_packets", make_stream())
    assert measured["variation_ratio"] == 0
    assert measured["gini_share"] == pytest.approx(0, abs=1e-6)
    assert measured["quantile_90_ratio"] == 1
    assert measured["start_ratio"] == pytest.approx(1, rel=0.01)
    assert np.isnan(measured["trend"])


def test_one_packet_with_all_the_bytes_is_most_unequal():
    sizes = np.zeros(FRAMES, dtype=np.int64)
    sizes[0] = 1_000
    measured = measure("stream_packets", make_stream(packet_sizes=sizes))
    assert measured["gini_share"] == pytest.approx(1 - 1 / FRAMES)
    assert measured["largest_ratio"] == FRAMES
    assert measured["keyframe_bytes_share"] == 1


def test_bytes_early_or_late():
    sizes = np.where(np.arange(FRAMES) < 90, 4_000, 1_000)
    measured = measure("stream_packets", make_stream(packet_sizes=sizes))
    assert measured["start_ratio"] == pytest.approx(4, rel=0.01)
    assert measured["trend"] < -0.5
    rising = measure("stream_packets", make_stream(packet_sizes=100 + np.arange(FRAMES)))
    assert rising["trend"] == pytest.approx(1)


def test_keyframes():
    measured = measure("stream_packets", make_stream())
    assert measured["keyframes"] == 3
    assert measured["keyframe_rate"] == pytest.approx(0.3)
    assert measured["longest_gap_s"] == pytest.approx(5)
    assert measured["keyframe_bytes_share"] == pytest.approx(3 / FRAMES)


def test_no_picture_gives_no_profile():
    nothing = np.zeros(0)
    stream = make_stream(
        packet_sizes=nothing.astype(np.int64), packet_times_s=nothing, keyframe_times_s=nothing
    )
    assert np.isnan(list(measure("stream_packets", stream).values())).all()


@pytest.mark.parametrize("last_s", [float("nan"), float("inf"), 1e12])
def test_damaged_times_cost_neither_memory_nor_infinities(last_s):
    times = np.arange(FRAMES) / 30
    times[-1] = last_s
    measured = measure("stream_packets", make_stream(packet_times_s=times))
    assert measured["variation_ratio"] == 0
    assert not np.isinf(list(measured.values())).any()
