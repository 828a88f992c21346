"""What extras cost and whether they see and hear what is there.

Writes `results/extras.md`. Costs are CPU seconds on one thread, models loaded, on clips of the demo
corpus; sentences are spoken by espeak-ng where that is installed, a harder voice than a person's.
"""

import io
import shutil
import subprocess
import tempfile
import time
import wave
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
from results_table import write_table

from virality.data.clip import AUDIO_RATE_HZ, Audio, Clip, Frames
from virality.data.decode import decode
from virality.data.synthetic import make_corpus
from virality.featurizers.extras import EXTRAS
from virality.featurizers.opencv import load_opencv
from virality.featurizers.screen_reader import read_screens
from virality.featurizers.transcriber import transcribe

CLIPS = 12
SENTENCES = {
    "en": "Wait until you see what happens next, this trick will save you a lot of money",
    "es": "Espera a ver lo que pasa después, este truco te va a ahorrar mucho dinero",
    "fr": "Attendez de voir ce qui se passe ensuite, cette astuce vous fera gagner du temps",
    "de": "Warte ab was als nächstes passiert, dieser Trick spart dir eine Menge Geld",
}
HEIGHTS = (0.015, 0.02, 0.03, 0.05)
"""Heights of capital letters as shares of the short side."""

TEXT = "You will not believe this"


def timed(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def cost(name: str, clips: list[Clip]) -> list[float]:
    """Return CPU seconds a clip of all featurizers of an extra; the first clip loads models."""
    took = []
    for clip in (clips[0], *clips):
        one = [
            timed(lambda f=f, clip=clip: f.extract([getattr(clip, f.modality)]))  # type: ignore[misc]
            for f in EXTRAS[name].featurizers.values()
        ]
        took.append(sum(one))
    return took[1:]


def say(language: str, text: str) -> Audio:
    """Return a sentence spoken by espeak-ng."""
    import scipy.signal

    command = ["espeak-ng", "-v", language, "-s", "150", "--stdout", text]
    spoken = subprocess.run(command, capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(spoken)) as file:
        rate, raw = file.getframerate(), file.readframes(10**9)
    samples = np.frombuffer(raw, np.int16) / 32768
    heard = scipy.signal.resample_poly(samples, AUDIO_RATE_HZ, rate).clip(-1, 1)
    return Audio(heard.astype(np.float32))


def write(share: float) -> Frames:
    """Return a picture of 224 x 398 with a line of text of this height."""
    cv2 = load_opencv()
    picture = np.full((398, 224, 3), 60, np.uint8)
    cv2.putText(
        picture, TEXT, (6, 200), cv2.FONT_HERSHEY_SIMPLEX, share * 224 / 21.0, (255, 255, 255), 1,
        cv2.LINE_AA,
    )  # fmt: skip
    return Frames(picture[None], np.zeros(1), picture[None, :96, :54, 0], np.zeros(1), 1.0)


def alike(said: str, wanted: str) -> str:
    plain = ["".join(c for c in one.lower() if c.isalnum()) for one in (said, wanted)]
    return f"{SequenceMatcher(None, plain[0], plain[1], autojunk=False).ratio():.2f}"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder)
        make_corpus(corpus, clips=CLIPS)
        decoded = [decode(path).clip for path in sorted((corpus / "clips").glob("*.mp4"))]
    clips = [clip for clip in decoded if clip is not None]
    lengths = [clip.frames.duration_s for clip in clips if clip.frames is not None]
    rows: list[list[object]] = []
    for name in EXTRAS:
        took = cost(name, clips)
        rows.append([f"{name}: CPU s a clip", f"{np.mean(took):.2f}", f"{max(took):.2f} at most"])
    for language, text in SENTENCES.items() if shutil.which("espeak-ng") else ():
        sound = say(language, text)
        said = transcribe(sound)
        rows.append([f"transcript, {language}, letters alike", alike(said.text, text), said.text])
    for share in HEIGHTS:
        (screen,) = read_screens(write(share))
        read = " ".join(screen.lines)
        rows.append([f"screen, capitals {share:.1%} of the width", alike(read, TEXT), read])
    notes = [
        f"{len(clips)} demo clips of {min(lengths):.0f} to {max(lengths):.0f} s; models loaded."
    ]
    print(
        write_table("extras", "Extras", ("what", "value", "seen or heard"), rows, notes).read_text()
    )


if __name__ == "__main__":
    main()
