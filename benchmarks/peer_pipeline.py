"""A plain pipeline for the same kinds of features, as many a script has it; for extraction.py.

    PYTHONPATH=build/peer python benchmarks/peer_pipeline.py CLIP CAPTION...

MoviePy reads the frames and writes the sound to a wav file; librosa's functions are called one by
one; openSMILE reads the wav at 44.1 kHz; torch runs the picture encoder on one frame at a time;
silero-vad runs as its package has it; sentence-transformers gets one caption at a time. Every part
looks at as much as ours does (12 stills, motion at 4 frames a second) and no more.

Prints CPU seconds by stage as JSON, for a second pass over the clip, when all models are loaded.
"""

import os

os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)

import json
import resource
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

STILLS, STILL_SIDE_PX = 12, 224
MOTION_PER_S, MOTION_SIDE_PX = 4, 96

Picture = npt.NDArray[np.uint8]


def cpu_s() -> float:
    """Return CPU seconds of this process and of all that it started and waited for."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def run(path: Path, captions: list[str]) -> dict[str, float]:
    """Return CPU seconds a stage of one pass over a clip and its captions."""
    stages: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        begin = cpu_s()
        made = work()
        stages[stage] = cpu_s() - begin
        return made

    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "sound.wav"
        stills, motion = timed("frames (MoviePy)", lambda: read_frames(path))
        timed("sound to wav (MoviePy)", lambda: write_sound(path, wav))
        timed("librosa and loudness", lambda: measure_sound(wav))
        timed("eGeMAPS (openSMILE)", lambda: load_smile().process_file(str(wav)))
        timed("speech (silero-vad)", lambda: find_speech(wav))
    timed("embedding (torch)", lambda: [embed(still) for still in stills])
    timed("colour and layout", lambda: [measure_still(still) for still in stills])
    timed("motion (OpenCV)", lambda: measure_motion(motion))
    timed("caption", lambda: [load_sentences().encode(caption) for caption in captions])
    return stages


def read_frames(path: Path) -> tuple[list[Picture], list[Picture]]:
    """Return stills and small grey frames from one sequential pass, MoviePy's cheapest way."""
    import cv2
    from moviepy import VideoFileClip  # type: ignore[import-not-found]

    with VideoFileClip(str(path), audio=False) as clip:
        every = round(clip.duration * MOTION_PER_S)
        wanted = {round(k * every / STILLS) for k in range(STILLS)}
        stills, motion = [], []
        for number, frame in enumerate(clip.iter_frames(fps=MOTION_PER_S)):
            height, width = frame.shape[:2]
            scale = MOTION_SIDE_PX / max(height, width)
            small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            motion.append(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))
            if number in wanted:
                scale = STILL_SIDE_PX / min(height, width)
                still = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                stills.append(still)
    return stills, motion


def write_sound(path: Path, wav: Path) -> None:
    from moviepy import AudioFileClip

    with AudioFileClip(str(path)) as sound:
        sound.write_audiofile(str(wav), fps=44_100, logger=None)


def measure_sound(wav: Path) -> list[Any]:
    import librosa
    import pyloudnorm

    samples, rate = librosa.load(wav)
    feature = librosa.feature
    return [
        feature.mfcc(y=samples, sr=rate, n_mfcc=13),
        feature.spectral_centroid(y=samples, sr=rate),
        feature.spectral_bandwidth(y=samples, sr=rate),
        feature.spectral_rolloff(y=samples, sr=rate),
        feature.spectral_flatness(y=samples),
        feature.spectral_contrast(y=samples, sr=rate),
        feature.zero_crossing_rate(y=samples),
        feature.rms(y=samples),
        librosa.onset.onset_detect(y=samples, sr=rate),
        librosa.beat.beat_track(y=samples, sr=rate),
        pyloudnorm.Meter(rate).integrated_loudness(samples),
    ]


def find_speech(wav: Path) -> Any:
    import librosa
    import torch
    from silero_vad import get_speech_timestamps

    samples, _ = librosa.load(wav, sr=16_000)
    return get_speech_timestamps(torch.from_numpy(samples), load_vad())


def embed(still: Picture) -> Any:
    import torch

    with torch.no_grad():
        return load_network()(torch.from_numpy(still[None])).numpy()


def measure_still(still: Picture) -> list[Any]:
    import cv2

    grey = cv2.cvtColor(still, cv2.COLOR_RGB2GRAY)
    hsv = cv2.cvtColor(still, cv2.COLOR_RGB2HSV)
    red, green, blue = (still[..., channel].astype(float) for channel in range(3))
    opponents = (red - green, 0.5 * (red + green) - blue)
    return [
        *(np.histogram(hsv[..., channel], 16) for channel in range(3)),
        *(part.std() for part in opponents),
        *(part.mean() for part in opponents),
        cv2.Laplacian(grey, cv2.CV_64F).var(),
        cv2.Canny(grey, 100, 200).mean(),
    ]


def measure_motion(frames: list[Picture]) -> list[Any]:
    import cv2

    flows = []
    for before, after in pairwise(frames):
        flow = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 15, 3, 5, 1.2, 0)  # type: ignore[call-overload]
        flows.append(np.hypot(flow[..., 0], flow[..., 1]).mean())
    return flows


@cache
def load_smile() -> Any:
    import opensmile

    return opensmile.Smile(feature_set=opensmile.FeatureSet.eGeMAPSv02)


@cache
def load_network() -> Any:
    import torch

    from virality.featurizers.frames_export import build_torch_model

    torch.set_num_threads(1)
    return build_torch_model()


@cache
def load_vad() -> Any:
    from silero_vad import load_silero_vad

    return load_silero_vad()


@cache
def load_sentences() -> Any:
    from sentence_transformers import SentenceTransformer

    from virality.featurizers.encoder import MINILM_WEIGHTS

    return SentenceTransformer(str(MINILM_WEIGHTS.find().parent), device="cpu")


if __name__ == "__main__" and len(sys.argv) > 2:
    warnings.simplefilter("ignore")
    run(Path(sys.argv[1]), sys.argv[2:])
    print(json.dumps(run(Path(sys.argv[1]), sys.argv[2:])))
