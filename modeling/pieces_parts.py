"""Parts of a bundle that a model may hold several of: boosters, histories and intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from virality.data.errors import BundleError
from virality.modeling.alike import Alike
from virality.modeling.booster import Booster
from virality.modeling.eras import Eras
from virality.modeling.history import COLUMNS, History, Ledger
from virality.modeling.intervals import Intervals, Scores
from virality.modeling.ratios import Ratio
from virality.modeling.trees import check_lightgbm, check_xgboost

Array = npt.NDArray[Any]

LEDGERS = ("authors", "sounds", "hashtags")
LEDGER_FIELDS = ("keys", "place", "time", "value")


@dataclass(frozen=True)
class Pieces:
    """What a bundle stores.

    Attributes:
        facts: plain values.
        arrays: name -> array, no objects.
        texts: file name -> model text.
    """

    facts: Mapping[str, Any]
    arrays: Mapping[str, Array]
    texts: Mapping[str, str]


def check_shape(what: str, values: Array, wanted: tuple[int, ...]) -> None:
    """Refuse an array of another shape.

    Raises:
        BundleError: naming what it is of.
    """
    if values.shape != wanted:
        raise BundleError(
            f"an array of the {what} has shape {values.shape}, not {wanted}; train again"
        )


def check_ascending(*arrays: Array) -> None:
    """Refuse arrays that do not ascend along their last axis, or hold no numbers.

    Raises:
        BundleError: if one does not.
    """
    if any(np.any(np.diff(values) < 0) or np.isnan(values).any() for values in arrays):
        raise BundleError("an array that must be ascending is not; train again")


def check_finite(what: str, *arrays: Array) -> None:
    """Refuse arrays that hold something else than finite numbers.

    Raises:
        BundleError: naming what they are of.
    """
    if any(values.dtype.kind not in "fiu" or not np.isfinite(values).all() for values in arrays):
        raise BundleError(f"an array of the {what} holds more than finite numbers; train again")


def check_whole(what: str, values: Array, least: int, below: float) -> None:
    """Refuse an array that holds something else than whole numbers from `least` to `below`.

    Raises:
        BundleError: naming what it is of.
    """
    if values.dtype.kind != "i" or np.any(values < least) or np.any(values >= below):
        raise BundleError(f"an array of the {what} counts what is not there; train again")


def check_names(what: str, names: Array) -> None:
    """Refuse names that are not text, ascending and all different.

    Raises:
        BundleError: naming what they are of.
    """
    if names.ndim != 1 or names.dtype.kind != "U" or np.any(names[1:] <= names[:-1]):
        raise BundleError(f"the names of the {what} are not in order; train again")


def read_booster(library: str, width: int, pieces: Pieces, stem: str) -> Booster:
    """Return a booster from its text.

    Args:
        library: who made it.
        width: number of inputs.
        pieces: of the bundle.
        stem: of the text's file name.

    Raises:
        BundleError: if the text is not such a booster.
    """
    if library == "lightgbm":
        name = f"{stem}.txt"
        check_lightgbm(pieces.texts[name], width, name)
        return Booster("lightgbm", pieces.texts[name], width)
    if library != "xgboost":
        raise BundleError(f"{stem}: made by {library!r}, which this program does not read")
    name = f"{stem}.json"
    check_xgboost(pieces.texts[name], width, name)
    return Booster("xgboost", pieces.texts[name], width)


def history_arrays(history: History, stem: str = "") -> dict[str, Array]:
    """Return the arrays of a history, their names beginning with `stem`."""
    arrays: dict[str, Array] = {
        f"{stem}clock": history.clock,
        f"{stem}means": history.means,
        f"{stem}ahead": history.ahead,
    }
    for name in LEDGERS:
        arrays |= _ledger_arrays(getattr(history, name), f"{stem}{name}")
    return arrays


def _ledger_arrays(ledger: Ledger, stem: str) -> dict[str, Array]:
    return {f"{stem}_{inner}": getattr(ledger, inner) for inner in LEDGER_FIELDS}


def alike_arrays(alike: Mapping[str, Alike | None]) -> dict[str, Array]:
    """Return the arrays of authors' own posts by each embedding, numbered in its order."""
    arrays: dict[str, Array] = {}
    for number, own in enumerate(alike.values()):
        if own is not None:
            arrays |= {f"alike{number}_spots": own.spots, f"alike{number}_clock": own.clock}
            arrays |= _ledger_arrays(own.posts, f"alike{number}")
    return arrays


def read_alike(
    names: Mapping[str, bool], arrays: Mapping[str, Array], widths: Mapping[str, int]
) -> dict[str, Alike | None]:
    """Return what `alike_arrays` wrote.

    Args:
        names: embedding -> whether there are arrays of it.
        arrays: of the bundle.
        widths: embedding -> numbers of a post's place in it.

    Raises:
        BundleError: if the arrays do not fit together.
    """
    found: dict[str, Alike | None] = {}
    for number, (name, there) in enumerate(names.items()):
        found[name] = None
        if there:
            stem = f"alike{number}"
            ledger = _read_ledger(arrays, stem, arrays[f"{stem}_clock"], "authors' own posts")
            spots, clock = arrays[f"{stem}_spots"], arrays[f"{stem}_clock"]
            check_shape("authors' own posts", spots, (len(ledger.place), widths[name]))
            check_finite("authors' own posts", spots, clock)
            check_ascending(clock)
            found[name] = Alike(spots, ledger, clock)
    return found


def _read_ledger(arrays: Mapping[str, Array], stem: str, clock: Array, what: str) -> Ledger:
    ledger = Ledger(*(arrays[f"{stem}_{inner}"] for inner in LEDGER_FIELDS))
    check_ascending(ledger.place)
    check_names(what, ledger.keys)
    check_whole(what, ledger.place, 0, len(ledger.keys) * (len(clock) + 1))
    check_shape(what, ledger.time, ledger.place.shape)
    check_shape(what, ledger.value, ledger.place.shape)
    check_finite(what, ledger.time, ledger.value)
    return ledger


def read_history(arrays: Mapping[str, Array], stem: str = "") -> History:
    """Return the history that `history_arrays` wrote.

    Raises:
        BundleError: if the arrays do not fit together.
    """
    clock, means, ahead = (arrays[f"{stem}{name}"] for name in ("clock", "means", "ahead"))
    ledgers = [_read_ledger(arrays, f"{stem}{name}", clock, "history") for name in LEDGERS]
    check_shape("history", means, (len(clock) + 1,))
    check_shape("history", ahead, (len(clock) + 1,))
    check_ascending(clock)
    check_finite("history", clock, means[1:])
    check_whole("history", ahead, 0, np.inf)
    return History(clock, means, ahead, *ledgers)


def interval_facts(intervals: Intervals) -> dict[str, Any]:
    """Return the plain values of intervals."""
    spread = intervals.spread
    return {
        "constant": intervals.constant,
        "belief": intervals.belief,
        "width": 0 if spread is None else spread.width,
    }


def interval_arrays(intervals: Intervals, stem: str = "") -> dict[str, Array]:
    """Return the arrays of intervals, their names beginning with `stem`."""
    return {
        f"{stem}scores_warm": intervals.warm.quantiles,
        f"{stem}scores_cold": intervals.cold.quantiles,
        f"{stem}levels_warm": intervals.warm.levels,
        f"{stem}levels_cold": intervals.cold.levels,
        f"{stem}era_times": intervals.eras.times,
        f"{stem}era_factors": intervals.eras.factors,
    }


def interval_texts(intervals: Intervals, stem: str = "") -> dict[str, str]:
    """Return the model texts of intervals, their names beginning with `stem`."""
    return {} if intervals.spread is None else {f"{stem}spread.txt": intervals.spread.text}


def read_intervals(facts: Mapping[str, Any], pieces: Pieces, stem: str = "") -> Intervals:
    """Return the intervals that the three functions above wrote.

    Raises:
        BundleError: if the pieces do not fit together.
    """
    width = int(facts["width"])
    spread = read_booster("lightgbm", width, pieces, f"{stem}spread") if width else None
    warm, cold = (
        Scores(pieces.arrays[f"{stem}levels_{group}"], pieces.arrays[f"{stem}scores_{group}"])
        for group in ("warm", "cold")
    )
    for scores in (warm, cold):
        check_shape("intervals", scores.quantiles, (len(scores.levels), scores.quantiles.shape[-1]))
        if not scores.quantiles.size:
            raise BundleError("the model holds no calibration scores; train again")
    eras = Eras(pieces.arrays[f"{stem}era_times"], pieces.arrays[f"{stem}era_factors"])
    check_shape("intervals", eras.factors, eras.times.shape)
    if not (eras.factors.size and np.isfinite(eras.factors).all() and (eras.factors > 0).all()):
        raise BundleError("a factor of the intervals is not a positive number; train again")
    ascending = (warm.quantiles, warm.levels, cold.quantiles, cold.levels, eras.times)
    check_finite("intervals", *ascending)
    check_ascending(*ascending)
    constant, belief = float(facts["constant"]), float(facts["belief"])
    if not (constant > 0 and belief >= 0 and width >= 0):
        raise BundleError("intervals of no width or less; train again")
    return Intervals(spread, constant, belief, warm, cold, eras)


def ratio_pieces(ratios: Sequence[Ratio]) -> Pieces:
    """Return what is stored of responses that were learned together with views."""
    facts: list[dict[str, Any]] = []
    arrays: dict[str, Array] = {}
    texts: dict[str, str] = {}
    for number, one in enumerate(ratios):
        stem = f"ratio{number}_"
        facts.append(
            {
                "name": one.name,
                "width": one.booster.width,
                "bounded": one.bounded,
                "line": list(one.line),
                "intervals": interval_facts(one.intervals),
            }
        )
        arrays |= {**history_arrays(one.history, stem), **interval_arrays(one.intervals, stem)}
        texts |= {f"{stem}trees.txt": one.booster.text, **interval_texts(one.intervals, stem)}
    return Pieces({"ratios": facts}, arrays, texts)


def read_ratios(pieces: Pieces, inputs: int) -> tuple[Ratio, ...]:
    """Return the ratios that `ratio_pieces` wrote.

    Args:
        pieces: of the bundle.
        inputs: number of the stack's inputs.

    Raises:
        BundleError: if the pieces do not fit together.
    """
    found = []
    for number, facts in enumerate(pieces.facts["ratios"]):
        stem, width = f"ratio{number}_", int(facts["width"])
        if width != inputs + len(COLUMNS):
            raise BundleError(f"a ratio reads {width} inputs of {inputs}; train again")
        found.append(
            Ratio(
                str(facts["name"]),
                read_booster("lightgbm", width, pieces, f"{stem}trees"),
                read_history(pieces.arrays, stem),
                read_intervals(facts["intervals"], pieces, stem),
                bool(facts["bounded"]),
                (float(facts["line"][0]), float(facts["line"][1])),
            )
        )
    return tuple(found)
