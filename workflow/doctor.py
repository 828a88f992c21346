"""What this machine has: versions, encoders, limits, room, and what is missing."""

import os
import platform
import shlex
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from virality.data.cache import CACHE_VARIABLE, find_cache
from virality.data.installing import in_a_clone
from virality.data.limits import Limits

LIBRARIES = (
    "virality",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "lightgbm",
    "xgboost-cpu",
    "optuna",
    "shap",
    "librosa",
    "opensmile",
    "sentence-transformers",
    "torch",
    "onnxruntime",
    "av",
    "opencv-python-headless",
)
LICENCE_NOTES = (
    "openSMILE (audio_voice): audEERING research licence, free for non-commercial use only; "
    "leave it out with --without audio_voice.",
)
MEMORY_WANTED_GIB = 4.0
DISK_WANTED_GIB = 2.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        value: what was found.
        ok: whether the product works with it.
        fix: what to do if it does not.
    """

    name: str
    value: str
    ok: bool
    fix: str = ""


@dataclass(frozen=True)
class Health:
    """All checks, the limits in force, and licence notes."""

    checks: tuple[Check, ...]
    limits: dict[str, Any]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return all(check.ok for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"ok": self.ok, **asdict(self)}


def diagnose(folder: Path, limits: Limits | None = None) -> Health:
    """Look at the machine.

    Args:
        folder: where the user means to write.
        limits: what one clip may cost, the defaults if not given.
    """
    checks = [
        Check("python", platform.python_version(), True),
        *map(_library, LIBRARIES),
        _ffmpeg(),
        *_encoders(),
        Check("cores", str(len(os.sched_getaffinity(0))), True),
        _memory(),
        _disk(folder),
        _writable(folder),
        _writable(find_cache(), f" in {CACHE_VARIABLE}"),
    ]
    return Health(tuple(checks), asdict(limits or Limits()), LICENCE_NOTES)


def _library(name: str) -> Check:
    try:
        return Check(name, version(name), True)
    except PackageNotFoundError:
        again = "run `make install` in the clone"
        if not in_a_clone():
            again = f"run `{shlex.join([sys.executable, '-m', 'pip', 'install', name])}`"
        return Check(name, "not installed", False, again)


def _ffmpeg() -> Check:
    import av

    level = ".".join(map(str, av.library_versions["libavcodec"]))
    return Check("ffmpeg (libavcodec inside av)", level, True)


def _encoders() -> list[Check]:
    from virality.featurizers.encoder import encoder_facts

    return [
        Check(
            f"encoder {fact.name}",
            f"{fact.package} {fact.version}, sha256 {fact.found[:12]}",
            fact.ok,
            f"reinstall {fact.package}=={fact.version}: its weights are not the ones expected",
        )
        for fact in encoder_facts()
    ]


def _memory() -> Check:
    import psutil

    free = psutil.virtual_memory().available / 2**30
    return Check(
        "free memory",
        f"{free:.1f} GiB",
        free >= MEMORY_WANTED_GIB,
        f"free {MEMORY_WANTED_GIB:.0f} GiB, or use --jobs 1",
    )


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(_nearest(folder)).free / 2**30
    fix = f"free {DISK_WANTED_GIB:.0f} GiB on the disk of {folder}"
    return Check(f"free disk ({folder})", f"{free:.1f} GiB", free >= DISK_WANTED_GIB, fix)


def _writable(folder: Path, otherwise: str = "") -> Check:
    """Look whether a folder can be written to, or made; it is not made for that."""
    name, nearest = f"can write ({folder})", _nearest(folder)
    below = Path(os.path.abspath(folder)).relative_to(nearest)
    taken = nearest / below.parts[0] if below.parts else None
    if taken is not None and os.path.lexists(taken):
        fix = f"{taken} is no folder that can be entered: name another{otherwise}"
        return Check(name, "no", False, fix)
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return Check(name, "yes", True)
    except OSError as error:
        fix = f"make {nearest} writable, or name another folder{otherwise}"
        return Check(name, error.strerror or "no", False, fix)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the innermost one above it that is there."""
    place = Path(os.path.abspath(folder))
    return next((one for one in (place, *place.parents) if os.path.isdir(one)), Path("/"))
