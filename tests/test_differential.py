"""Features through PyAV and features through the ffmpeg program agree on clips of many kinds."""

import re
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from peculiar_clips import skip_start, turn

from virality.data.clip import AUDIO_RATE_HZ, Audio, Clip, Frames
from virality.data.decode import decode
from virality.data.sampling import (
    motion_size,
    motion_times_s,
    shown_at,
    still_size,
    still_times_s,
)
from virality.featurizers import FEATURIZERS

SECONDS = 3.2
SCALER = "flags=bilinear+accurate_rnd+bitexact"


def program() -> str:
    """Path of the ffmpeg program."""
    fetched = sorted((Path(__file__).parents[1] / "build" / "peer").glob("*/binaries/ffmpeg-*"))
    found = shutil.which("ffmpeg") or (str(fetched[0]) if fetched else None)
    if found is None:
        pytest.skip("there is no ffmpeg program; install it, or run `make build/peer`")
    return found


def pictures(width: int, height: int, count: int, seed: int) -> npt.NDArray[np.uint8]:
    """A soft texture that pans under a moving square, with one cut to another, darker one.

    Soft and slow, so that the flow has one answer and no step lies on the threshold of a cut: how
    two decoders differ is asked here, and not how far a difference of one level can grow.
    """
    rng = np.random.default_rng(seed)
    shown = np.empty((count, height, width, 3), np.uint8)
    for half, (low, high) in enumerate(((110, 235), (10, 120))):
        coarse = rng.integers(low, high, (21, 14, 3)).astype(np.uint8)
        texture = cv2.resize(coarse, (3 * width, 3 * height), interpolation=cv2.INTER_CUBIC)
        grain = rng.normal(0, 6, (*texture.shape[:2], 1))
        texture = np.clip(texture + grain, 0, 255).astype(np.uint8)
        for index in range(half * count // 2, (half + 1) * count // 2):
            moved = SECONDS * index / count
            top, left = round(moved * 20 * (1 + seed % 3)), round(moved * 20 * (seed % 4))
            picture = texture[top : top + height, left : left + width].copy()
            at = round(moved * 30)
            picture[height // 3 : height // 3 + 20, at : at + 20] = (250, 240, 20)
            shown[index] = picture
    return shown


def waves(rate_hz: int, channels: int, seed: int) -> npt.NDArray[np.float32]:
    """Harmonics that glide and swell over noise with clicks, shape (channels, n)."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(SECONDS * rate_hz)) / rate_hz
    phase = 2 * np.pi * np.cumsum(140 + 30 * seed + 25 * np.sin(2 * np.pi * 1.5 * time)) / rate_hz
    voice = sum(np.sin(k * phase) / k for k in range(1, 9)) * (0.6 + 0.4 * np.sin(5 * time))
    clicks = (np.arange(len(time)) % (rate_hz // 2) < rate_hz // 200) * 0.4
    wave = 0.15 * voice + 0.02 * rng.standard_normal(len(time)) + clicks
    # Of such levels no frame of the mean lies on the threshold that tells voiced from unvoiced.
    levels = np.linspace(1.0, 0.5, channels)[:, None]
    return (levels * wave).astype(np.float32)


def write(
    path: Path,
    seed: int,
    *,
    size: tuple[int, int] = (144, 256),
    rate: int = 25,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    aspect: Fraction | None = None,
    every: Callable[[int], int] | None = None,
    sound: str | None = "aac",
    rate_hz: int = 44100,
    layout: str = "stereo",
    sound_from_s: float = 0.0,
    change: Callable[[Path], object] | None = None,
) -> Path:
    """Write a clip; `every` places frames, in thousandths of a second."""
    images = pictures(*size, round(SECONDS * rate), seed)
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=rate, options=options or {})
        video.width, video.height = size
        video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        video.codec_context.thread_count = 1
        if aspect is not None:
            video.codec_context.sample_aspect_ratio = aspect
        if every is not None:
            video.codec_context.time_base = video.time_base = Fraction(1, 1000)
        audio = container.add_stream(sound, rate=rate_hz, layout=layout) if sound else None
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = index if every is None else every(index)
            frame.time_base = Fraction(1, rate) if every is None else Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            write_sound(container, audio, seed, round(sound_from_s * rate_hz))
    if change is not None:
        change(path)
    return path


def write_sound(container, audio, seed: int, first: int) -> None:
    wave = waves(audio.rate, audio.channels, seed)
    form = audio.format.name
    step = audio.codec_context.frame_size or 1024
    for start in range(0, wave.shape[1], step):
        piece = np.ascontiguousarray(wave[:, start : start + step])
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=audio.layout.name)
        frame.sample_rate, frame.pts = audio.rate, first + start
        frame.time_base = Fraction(1, audio.rate)
        if form != "fltp":
            frame = av.AudioResampler(format=form, layout=audio.layout.name).resample(frame)[0]
        container.mux(audio.encode(frame))
    container.mux(audio.encode(None))


CLIPS: dict[str, tuple[str, dict[str, object]]] = {
    "plain": ("mp4", {}),
    "no_b_frames": ("mp4", {"options": {"bf": "0", "g": "12"}}),
    "many_b_frames": ("mp4", {"options": {"bf": "8", "g": "250", "b_strategy": "2"}}),
    "one_keyframe": ("mp4", {"options": {"g": "1000", "sc_threshold": "0"}}),
    "low_quality": ("mp4", {"options": {"crf": "38"}}),
    "turned_90": ("mp4", {"change": lambda path: turn(path, 90)}),
    "turned_180": ("mp4", {"change": lambda path: turn(path, 180), "rate_hz": 48000}),
    "turned_270": ("mp4", {"change": lambda path: turn(path, 270)}),
    "wide_pixels": ("mp4", {"aspect": Fraction(4, 3)}),
    "narrow_pixels": ("mkv", {"aspect": Fraction(1, 2), "size": (256, 144), "sound": "flac"}),
    "uneven_times": ("mp4", {"every": lambda n: 40 * n + (n * n * 7) % 23}),
    "edited_start": ("mp4", {"change": lambda path: skip_start(path, 6400), "sound": None}),
    "late_sound": ("mp4", {"sound_from_s": 0.7}),
    "sixty_fps": ("mp4", {"rate": 60, "rate_hz": 22050, "layout": "mono"}),
    "twelve_fps": ("mov", {"rate": 12, "rate_hz": 32000}),
    "odd_size": ("mp4", {"size": (202, 358)}),
    "surround": ("mp4", {"layout": "5.1", "rate_hz": 48000}),
    "vp9": ("webm", {"codec": "libvpx-vp9", "sound": "libopus", "rate_hz": 48000}),
    "mpeg4": ("avi", {"codec": "mpeg4", "sound": "mp3", "options": {"qscale": "3"}}),
    "transport": ("ts", {"sound": "aac", "options": {"g": "25"}}),
}  # fmt: skip


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {
        name: write(folder / f"{name}.{suffix}", seed, **asked)
        for seed, (name, (suffix, asked)) in enumerate(CLIPS.items())
    }


def run(*words: str) -> tuple[bytes, str]:
    done = subprocess.run(
        [program(), "-hide_banner", "-nostdin", "-nostats", "-copyts", "-threads", "1", *words],
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout, done.stderr.decode("utf-8", "replace")


def times_in(said: str, filter_name: str) -> npt.NDArray[np.float64]:
    """When each frame begins by what a `showinfo` or `ashowinfo` filter says, exactly."""
    base = re.search(r"config in time_base: (\d+)/(\d+)", said)
    unit = int(base[1]) / int(base[2]) if base else float("nan")
    lines = [line for line in said.splitlines() if f"_{filter_name}_" in line and " pts:" in line]
    if base:
        return np.array([int(re.search(r" pts:\s*(-?\d+)", line)[1]) * unit for line in lines])
    return np.array([float(re.search(r"pts_time:\s*(-?[\d.]+)", line)[1]) for line in lines])


def pictures_by_program(path: Path, size: tuple[int, int], pixels: str):
    """Every frame that the program shows, scaled, and when it begins."""
    width, height = size
    chain = f"showinfo,scale={width}:{height}:{SCALER},format={pixels}"
    raw, said = run(
        "-i", str(path), "-map", "0:v:0", "-vf", chain, "-fps_mode", "passthrough",
        "-f", "rawvideo", "-pix_fmt", pixels, "-",
    )  # fmt: skip
    times_s = times_in(said, "showinfo")
    shape = (len(times_s), height, width, 3) if pixels == "rgb24" else (-1, height, width)
    return np.frombuffer(raw, np.uint8).reshape(shape), times_s


def sound_by_program(path: Path, channels: int) -> tuple[npt.NDArray[np.float32], float]:
    """The mean of left and right at the fixed rate, and when it begins.

    Not the program's own `-ac 1`, which adds up what is on several channels.
    """
    folded = ",aformat=channel_layouts=stereo:sample_fmts=flt" if channels > 2 else ""
    raw, said = run(
        "-i", str(path), "-map", "0:a:0", "-af", f"ashowinfo,aresample={AUDIO_RATE_HZ}{folded}",
        "-f", "f32le", "-",
    )  # fmt: skip
    mean = np.frombuffer(raw, np.float32).reshape(-1, min(channels, 2)).mean(axis=1)
    return np.clip(mean, -1, 1), float(times_in(said, "ashowinfo")[0])


def loudness_by_program(path: Path) -> float:
    """The integrated loudness that the program's `ebur128` measures, in LUFS to a tenth."""
    _, said = run("-i", str(path), "-map", "0:a:0", "-af", "ebur128", "-f", "null", "-")
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])


def clip_by_program(path: Path, ours: Clip) -> tuple[Frames, Audio | None]:
    """What a player shows and plays, counted from when the first of the two begins."""
    assert ours.frames is not None
    shape = ours.stream.width, ours.stream.height
    stills, times_s = pictures_by_program(path, still_size(*shape), "rgb24")
    motion, _ = pictures_by_program(path, motion_size(*shape), "gray")
    channels = ours.stream.audio_channels
    sound, sound_s = sound_by_program(path, channels) if channels else (None, np.inf)
    zero_s = min(float(times_s[0]), sound_s)
    times_s = times_s - zero_s
    start_s, end_s = times_s[0], times_s[0] + ours.frames.duration_s
    still = np.unique(shown_at(times_s, still_times_s(start_s, end_s)))
    moving = np.unique(shown_at(times_s, motion_times_s(start_s, end_s)))
    frames = Frames(
        stills[still], times_s[still], motion[moving], times_s[moving], ours.frames.duration_s
    )
    if sound is None:
        return frames, None
    silence = np.zeros(round((sound_s - zero_s) * AUDIO_RATE_HZ), np.float32)
    return frames, Audio(np.concatenate([silence, sound]), channels=channels)


def measure(frames: Frames | None, audio: Audio | None) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, featurizer in FEATURIZERS.items():
        part = {"frames": frames, "audio": audio}.get(featurizer.modality)
        if part is None:
            continue
        row = featurizer.extract([part])[0]
        names = [f"{name}__{column.name}" for column in featurizer.columns]
        values |= dict(zip(names, map(float, row), strict=True))
    return values


TOLERANCES = {
    "audio_loudness": 0.001,
    "audio_rhythm": 0.001,
    "audio_speech": 0.001,
    "audio_spectrum": 0.02,
    "audio_voice": 0.02,
    "frames_colour": 0.05,
    "frames_embedding": 0.2,
    "frames_layout": 0.1,
    "frames_motion": 0.03,
}
"""Largest difference, as a share of a feature's size and its spread over the clips together.

The sound is the same to the last bit but one; openSMILE tells voiced from unvoiced by a threshold,
and one frame at the edge moves a mean by a percent. The pictures differ by one level of 255: the
program shifts the quarter-size colours by half a pixel to where the codec says that they lie. The
share of edges, which counts few pixels over a threshold, feels that most, and the change between
embeddings that are nearly the same.
"""

OF_EDGES = 0.4
"""The same for features that count edges: a hundred pixels of a hundred thousand."""

ONE_CUT = 1.01 / SECONDS
"""A change of picture that lies on the threshold may count as a cut here and not there."""

LEAST_COSINE = 0.995
"""Between the picture embeddings, of the first still and of the mean."""


@pytest.fixture(scope="module")
def both(clips: dict[str, Path]) -> dict[str, tuple[Clip, Frames, Audio | None]]:
    program()
    made = {}
    for name, path in clips.items():
        ours = decode(path).clip
        assert ours is not None, name
        made[name] = (ours, *clip_by_program(path, ours))
    return made


def test_there_are_twenty_clips():
    assert len(CLIPS) == 20


def test_the_same_moments_and_nearly_the_same_pictures(both):
    for name, (ours, frames, _) in both.items():
        assert ours.frames is not None
        for mine, theirs in (
            (ours.frames.still_times_s, frames.still_times_s),
            (ours.frames.motion_times_s, frames.motion_times_s),
        ):
            assert mine == pytest.approx(theirs, abs=1e-4), name
        difference = np.abs(frames.stills.astype(int) - ours.frames.stills)
        assert difference.mean() < 2, name
        assert np.abs(frames.motion.astype(int) - ours.frames.motion).mean() < 0.5, name


def test_the_same_sound(both):
    for name, (ours, _, audio) in both.items():
        assert (ours.audio is None) == (audio is None), name
        if ours.audio is not None and audio is not None:
            assert ours.audio.samples == pytest.approx(audio.samples, abs=1e-5), name


@pytest.mark.parametrize(
    ("expression", "channels"),
    [
        ("0.25*sin(2*PI*997*t)", 1),
        ("0.25*sin(2*PI*997*t)|0.25*sin(2*PI*997*t)", 2),
        ("0.95*sin(2*PI*440*t)|0.95*sin(2*PI*440*t)", 2),
        ("0.01*sin(2*PI*440*t)*mod(floor(t)\\,2)|0.01*sin(2*PI*440*t)*mod(floor(t)\\,2)", 2),
    ],
)
def test_loudness_is_that_of_the_program_where_channels_are_alike(tmp_path, expression, channels):
    path = tmp_path / "a.wav"
    made = f"aevalsrc={expression}:s=48000:d=6"
    run("-f", "lavfi", "-i", made, "-c:a", "pcm_s16le", str(path))
    clip = decode(path).clip
    assert clip is not None
    assert clip.audio is not None
    assert clip.audio.channels == channels
    loudness = FEATURIZERS["audio_loudness"].extract([clip.audio])[0, 0]
    assert loudness == pytest.approx(loudness_by_program(path), abs=0.2)


def test_features_agree(both):
    mine = [measure(ours.frames, ours.audio) for ours, _, _ in both.values()]
    theirs = [measure(frames, audio) for _, frames, audio in both.values()]
    apart = []
    for column in sorted({column for row in mine for column in row}):
        if "embedding__" in column and column.rsplit("_", 1)[1].isdigit():
            continue
        a = np.array([row.get(column, np.nan) for row in mine])
        b = np.array([row.get(column, np.nan) for row in theirs])
        assert np.array_equal(np.isnan(a), np.isnan(b)), column
        size = np.abs(a) + (np.nanstd(a) if np.isfinite(a).any() else 0.0)
        if column.endswith("_log2"):  # near 0 where nothing changes; one is a doubling
            size = np.maximum(size, 1.0)
        share = np.nan_to_num(np.abs(a - b) / np.maximum(size, 1e-9))
        worst = int(np.argmax(share))
        told = f"{column} of {list(both)[worst]}: {a[worst]:g} and {b[worst]:g}"
        allowed = OF_EDGES if "edge" in column else TOLERANCES[column.split("__")[0]]
        if column == "frames_motion__cut_rate":
            assert np.abs(a - b).max() <= ONE_CUT, told
        elif share[worst] > allowed:
            apart.append(told)
    assert not apart
    for block in ("mean", "first"):
        for row, other in zip(mine, theirs, strict=True):
            names = [n for n in row if re.fullmatch(rf"frames_embedding__{block}_\d+", n)]
            x, y = np.array([row[n] for n in names]), np.array([other[n] for n in names])
            assert x @ y / np.sqrt((x @ x) * (y @ y)) >= LEAST_COSINE
