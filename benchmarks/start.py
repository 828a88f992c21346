"""Seconds of `virality predict` from nothing, with a model tried before and with one that is new.

A model from elsewhere is first loaded in a child process; one that was trained or tried on this
machine is not. The floor is Python with LightGBM imported, which every prediction needs. Writes
`results/start.md`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from realistic_clip import write_clip
from results_table import write_table
from serve import ASKED_S, CAPTION, make_model

from virality.data.cache import CACHE_VARIABLE, find_cache
from virality.modeling.trust import FOLDER

REPEATS = 5


def seconds(command: Sequence[str], cache: Path, new: bool) -> float:
    """Return the seconds of one run, all models forgotten before it if asked."""
    if new:
        shutil.rmtree(cache / FOLDER, ignore_errors=True)
    begin = time.perf_counter()
    environment = {**os.environ, CACHE_VARIABLE: str(cache)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - begin


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, _ = make_model(folder)
        cache = folder / "cache"
        shutil.copytree(find_cache(), cache)
        clip = folder / "asked.mp4"
        write_clip(clip, ASKED_S, 7)
        predict = [sys.executable, "-m", "virality", "predict", str(model)]
        said = ["--caption", CAPTION, "--json", "--quiet"]
        for what, command in (
            ("a caption alone", [*predict, *said]),
            (f"a clip of {ASKED_S:.0f} s", [*predict, str(clip), *said]),
        ):
            floor = [sys.executable, "-c", "import lightgbm"]
            runs = [
                (seconds(command, cache, new=False), seconds(command, cache, new=True),
                 seconds(floor, cache, new=False))
                for _ in range(REPEATS)
            ]  # fmt: skip
            tried, new, least = (median(column) for column in zip(*runs, strict=True))
            rows.append([what, tried, new, least, new - tried, tried / new])
            print(*rows[-1])
    header = ("asked for", "tried before, s", "new here, s", "importing LightGBM, s", "saved, s",
              "tried / new")  # fmt: skip
    notes = [f"Medians of {REPEATS} runs in turn; a model of all default featurizers."]
    print(write_table("start", "A prediction from nothing", header, rows, notes))


if __name__ == "__main__":
    main()
