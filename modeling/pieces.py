"""A model taken apart into plain facts, arrays and model texts, and put together again."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from virality.data.errors import BundleError
from virality.data.matrix import Column
from virality.modeling.alike import Alike
from virality.modeling.blocks import Block, BlockSpec
from virality.modeling.card import ModelCard
from virality.modeling.categories import MEANINGS, Encoding
from virality.modeling.directions import Directions
from virality.modeling.history import COLUMNS
from virality.modeling.inputs import Projector
from virality.modeling.learned import NOBODY, check_marks
from virality.modeling.neighbours import NEAR_DIMS, Neighbours
from virality.modeling.pieces_parts import (
    Array,
    Pieces,
    alike_arrays,
    check_ascending,
    check_finite,
    check_names,
    check_shape,
    check_whole,
    history_arrays,
    interval_arrays,
    interval_facts,
    interval_texts,
    ratio_pieces,
    read_alike,
    read_booster,
    read_history,
    read_intervals,
    read_ratios,
)
from virality.modeling.recipe import Recipe
from virality.modeling.ridge import Ridge
from virality.modeling.stack import Base, Stack
from virality.modeling.targets import restore_target
from virality.modeling.terms import MOST_TERMS, NAME, Terms, Vocabulary
from virality.modeling.train import Model
from virality.modeling.weights import Weights

MOST_BAGS = 100

WEIGHT_ARRAYS = ("values", "gram", "cross", "means")

STATE = "target_"
"""Begins the names of what the target had learned."""

LEARNED = "learned"
"""Array of the marks of the training posts; older bundles have none."""

PULLS = "pulls"
"""Fact of how far weights were pulled towards equal ones; older bundles have none."""

RIVALS = "rivals"
"""Fact of how far off the baselines were; older bundles have none."""

BLOCK_ARRAYS: Mapping[str, tuple[str, ...]] = {
    "directions": ("centre", "axes", "spread"),
    "ridge": ("weights",),
    "neighbours": ("place", "outcome", "group"),
}
"""Part of a block -> its arrays; the ridge's centre is that of the directions."""


def take_apart(model: Model) -> Pieces:
    """Return the pieces of a model."""
    stack, projector = model.stack, model.stack.projector
    arrays: dict[str, Array] = {
        "outcomes": stack.outcomes,
        "authors": projector.authors,
        "numbers": projector.numbers,
        LEARNED: model.learned,
        **interval_arrays(stack.intervals),
        **history_arrays(projector.history),
        **alike_arrays(projector.alike),
    }
    for group, weights in (("cold", stack.cold), ("warm", stack.warm)):
        arrays |= {f"{group}_{inner}": getattr(weights, inner) for inner in WEIGHT_ARRAYS}
    arrays |= {f"{STATE}{name}": values for name, values in (model.target.state or {}).items()}
    for number, block in enumerate(projector.blocks.values()):
        if block is not None:
            arrays |= _block_arrays(f"block{number}", block)
    texts = interval_texts(stack.intervals)
    arrays |= _derived_arrays(projector)
    for number, base in enumerate(stack.bases):
        arrays[f"base{number}_places"] = base.places
        for bag, booster in enumerate(base.boosters):
            texts[_file(number, bag, booster.library)] = booster.text
    beside = ratio_pieces(stack.ratios)
    return Pieces(
        {**_facts(model), **beside.facts},
        {**arrays, **beside.arrays},
        {**texts, **beside.texts},
    )


def _facts(model: Model) -> dict[str, Any]:
    stack = model.stack
    return {
        "target": model.target.name,
        "card": model.card.as_json(),
        "recipe": stack.recipe.as_json(),
        "columns": [asdict(column) for column in model.columns.values()],
        "versions": dict(model.matrix_versions),
        "inputs": [asdict(column) for column in stack.projector.columns],
        "bases": [
            {
                "name": base.name,
                "library": base.library,
                "width": len(base.places),
                "bags": len(base.boosters),
            }
            for base in stack.bases
        ],
        "intercepts": [stack.cold.intercept, stack.warm.intercept],
        "levels": [stack.cold.level, stack.warm.level],
        PULLS: [stack.cold.pull, stack.warm.pull],
        "intervals": interval_facts(stack.intervals),
        "blocks": [
            {"name": name, "level": None if block is None else block.ridge.level}
            for name, block in stack.projector.blocks.items()
        ],
        "alike": {name: own is not None for name, own in stack.projector.alike.items()},
        "terms": [one.kind for one in stack.projector.terms.vocabularies]
        if stack.projector.terms
        else [],
        "categories": {name: one.level for name, one in stack.projector.encodings.items()},
        **({RIVALS: dict(stack.rivals)} if stack.rivals else {}),
    }


def put_together(pieces: Pieces) -> Model:
    """Return the model of these pieces.

    Raises:
        BundleError: if they do not fit together.
        KeyError, TypeError, ValueError, AttributeError: if something is missing or of another kind.
    """
    facts, arrays = pieces.facts, pieces.arrays
    recipe = Recipe.from_json(facts["recipe"])
    columns = tuple(Column(**values) for values in facts["inputs"])
    blocks = {
        str(values["name"]): _block(f"block{number}", values, arrays, recipe.widest)
        for number, values in enumerate(facts["blocks"])
    }
    projector = Projector(
        blocks,
        _terms(pieces),
        _encodings(pieces),
        _alike(pieces, blocks),
        read_history(arrays),
        arrays["authors"],
        arrays["numbers"],
        columns,
        recipe.widest,
    )
    bases = tuple(
        _base(number, values, pieces, len(columns)) for number, values in enumerate(facts["bases"])
    )
    learned = {name.removeprefix(STATE): arrays[name] for name in arrays if name.startswith(STATE)}
    target = restore_target(facts["target"], learned)
    stack = Stack(
        recipe,
        projector,
        bases,
        _weights("cold", 0, pieces),
        _weights("warm", 1, pieces),
        read_intervals(pieces.facts["intervals"], pieces),
        arrays["outcomes"],
        target.bar,
        read_ratios(pieces, len(columns)),
        {str(name): float(error) for name, error in facts.get(RIVALS, {}).items()},
    )
    read = {values["name"]: Column(**values) for values in facts["columns"]}
    card = ModelCard.from_json(facts["card"])
    marks = check_marks(arrays.get(LEARNED, NOBODY))
    model = Model(target, stack, read, dict(facts["versions"]), card, marks)
    _check(model)
    return model


def _file(number: int, bag: int, library: str) -> str:
    return f"base{number}_{bag}.{'txt' if library == 'lightgbm' else 'json'}"


def _weights(group: str, number: int, pieces: Pieces) -> Weights:
    values, gram, cross, means = (pieces.arrays[f"{group}_{inner}"] for inner in WEIGHT_ARRAYS)
    intercept, level = (float(pieces.facts[name][number]) for name in ("intercepts", "levels"))
    pull = float(pieces.facts.get(PULLS, (0.0, 0.0))[number])
    return Weights(values, intercept, gram, cross, means, level, pull)


def _block_arrays(stem: str, block: Block) -> dict[str, Array]:
    return {
        f"{stem}_{inner}": getattr(getattr(block, part), inner)
        for part, names in BLOCK_ARRAYS.items()
        for inner in names
    }


def _block(
    stem: str, values: Mapping[str, Any], arrays: Mapping[str, Array], spec: BlockSpec
) -> Block | None:
    level = values["level"]
    if level is None:
        return None
    spec = spec.for_terms if values["name"] == NAME else spec
    names = [inner for part in BLOCK_ARRAYS.values() for inner in part]
    a = {inner: arrays[f"{stem}_{inner}"] for inner in names}
    width, kept, posts = len(a["centre"]), a["axes"].shape[1], len(a["outcome"])
    check_shape("block", a["axes"], (width, kept))
    check_shape("block", a["weights"], (width,))
    check_shape("block", a["spread"], (kept,))
    check_shape("block", a["place"], (posts, min(kept, a["place"].shape[1])))
    check_shape("block", a["group"], (posts,))
    check_finite("block", *(values for name, values in a.items() if name != "group"))
    check_whole("block", a["group"], 0, np.inf)
    return Block(
        Directions(a["centre"], a["axes"], a["spread"]),
        Ridge(a["centre"], a["weights"], float(level)),
        Neighbours(a["place"], a["outcome"], a["group"], spec.neighbours),
        spec,
    )


def _alike(pieces: Pieces, blocks: Mapping[str, Block | None]) -> dict[str, Alike | None]:
    """Return authors' own posts by each embedding; models of earlier releases have none."""
    told = pieces.facts.get("alike", {})
    names = {name: bool(told[name]) for name in blocks if name in told}  # JSON keeps no order
    widths = {
        name: min(block.directions.axes.shape[1], NEAR_DIMS)
        for name, block in blocks.items()
        if block is not None
    }
    if set(told) != set(names) or any(names[name] and name not in widths for name in names):
        raise BundleError("authors' own posts are of other embeddings than there are; train again")
    return read_alike(names, pieces.arrays, widths)


def _derived_arrays(projector: Projector) -> dict[str, Array]:
    """Return the arrays of caption terms and encoded categories."""
    arrays: dict[str, Array] = {}
    if projector.terms is not None:
        arrays["terms_axes"] = projector.terms.axes
        for one in projector.terms.vocabularies:
            arrays |= {f"terms_{one.kind}": one.terms, f"terms_{one.kind}_weights": one.weights}
    for name, encoding in projector.encodings.items():
        arrays |= {f"category_{name}": encoding.keys, f"category_{name}_means": encoding.means}
    return arrays


def _terms(pieces: Pieces) -> Terms | None:
    kinds, arrays = pieces.facts["terms"], pieces.arrays
    if not kinds:
        return None
    if len(set(kinds)) < len(kinds) or not set(kinds) <= set(MOST_TERMS):
        raise BundleError(f"caption terms of kinds {kinds!r}, which are not known; train again")
    vocabularies = tuple(
        Vocabulary(kind, arrays[f"terms_{kind}"], arrays[f"terms_{kind}_weights"]) for kind in kinds
    )
    for one in vocabularies:
        check_shape("caption terms", one.weights, one.terms.shape)
        check_names("caption terms", one.terms)
        check_finite("caption terms", one.weights)
    axes = arrays["terms_axes"]
    check_finite("caption terms", axes)
    check_shape(
        "caption terms", axes, (sum(len(one.terms) for one in vocabularies), axes.shape[-1])
    )
    return Terms(vocabularies, axes)


def _encodings(pieces: Pieces) -> dict[str, Encoding]:
    levels = pieces.facts["categories"]
    if not set(levels) <= set(MEANINGS):
        raise BundleError(f"encodes {sorted(levels)}, of which not all are known; train again")
    encodings = {}
    for name in MEANINGS:  # the order of the inputs, which JSON does not keep
        if name not in levels:
            continue
        keys, means = pieces.arrays[f"category_{name}"], pieces.arrays[f"category_{name}_means"]
        check_shape("categories", means, keys.shape)
        check_names("categories", keys)
        check_finite("categories", means)
        encodings[name] = Encoding(keys, means, float(levels[name]))
    return encodings


def _base(number: int, values: Mapping[str, Any], pieces: Pieces, inputs: int) -> Base:
    places = pieces.arrays[f"base{number}_places"]
    width, bags = int(values["width"]), int(values["bags"])
    if not (width >= 1 and 1 <= bags <= MOST_BAGS):
        raise BundleError(f"base {number} has {bags} boosters of {width} inputs; train again")
    boosters = tuple(
        read_booster(values["library"], width, pieces, f"base{number}_{bag}") for bag in range(bags)
    )
    check_shape("base", places, (width,))
    check_whole("base", places, 0, inputs)
    return Base(str(values["name"]), places, boosters)


def _check(model: Model) -> None:
    """Check what must hold between the pieces, so that no later step trips over it."""
    stack = model.stack
    for weights in (stack.cold, stack.warm):
        bases = len(stack.bases)
        for inner in (weights.values, weights.cross, weights.means):
            check_shape("weights", inner, (bases,))
        check_shape("weights", weights.gram, (bases, bases))
        if not all(np.isfinite(getattr(weights, inner)).all() for inner in WEIGHT_ARRAYS):
            raise BundleError("what weights were solved from is not a number; train again")
        if not (np.isfinite(weights.values).all() and (weights.values >= 0).all()):
            raise BundleError("a weight of the stack is negative or not a number; train again")
        if not 0 <= weights.pull < np.inf:
            raise BundleError("the pull towards equal weights is negative or none; train again")
    projector = stack.projector
    latent = projector.blocks.get(NAME)
    if latent is not None:
        axes = (0, 0) if projector.terms is None else projector.terms.axes.shape
        check_shape("caption terms", latent.directions.centre, axes[1:])
    if set(projector.encodings) != (set(MEANINGS) if projector.spec.categories else set()):
        raise BundleError("categories are missing or were not asked for; train again")
    check_names("authors", projector.authors)
    check_shape("authors", projector.numbers, projector.authors.shape)
    check_whole("authors", projector.numbers, 0, np.inf)
    check_finite("outcomes", stack.outcomes)
    check_shape("outcomes", stack.outcomes, (stack.outcomes.size,))
    check_ascending(stack.outcomes)
    if not len(stack.outcomes):
        raise BundleError("the model holds no outcomes; train again")
    if len(stack.projector.columns) < len(COLUMNS):
        raise BundleError("the model has no history inputs; train again")
