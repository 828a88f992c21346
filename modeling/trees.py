"""Structural check of stored trees, before a library that trusts its input reads them.

LightGBM 4.7 follows child indices without looking: an altered index ends the process. Everything
that its reader trusts is checked here: counts, sizes, ranges, and that nodes form one tree.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from virality.data.errors import BundleError

_TREE = re.compile(r"^Tree=(\d+)$", re.MULTILINE)


def check_lightgbm(text: str, width: int, name: str) -> None:
    """Check LightGBM's model text for `width` columns.

    Raises:
        BundleError: naming the file and what is wrong.
    """
    head, end = text.find("\nTree="), text.find("\nend of trees")
    if end < 0 or not text.startswith("tree\n"):
        raise BundleError(f"{name}: not a whole LightGBM model; train again")
    head = head if 0 <= head < end else end
    facts = _facts(text[:head], name)
    _equal(name, "max_feature_idx", facts.get("max_feature_idx"), str(width - 1))
    sizes = _numbers(facts.get("tree_sizes", ""), int, name)
    starts = [match.start() for match in _TREE.finditer(text, 0, end)]
    _equal(name, "number of trees", len(starts), len(sizes))
    content = text.encode("utf-8")
    if len(content) != len(text):
        raise BundleError(f"{name}: holds characters that no LightGBM model has; train again")
    for number, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        stop = starts[number + 1] if number + 1 < len(starts) else end + 1
        _equal(name, f"size of tree {number}", stop - start, size)
        _check_tree(_facts(text[start:stop], name), width, f"{name}: tree {number}")


def _check_tree(facts: Mapping[str, str], width: int, name: str) -> None:
    leaves = _numbers(facts.get("num_leaves", ""), int, name)
    if len(leaves) != 1 or leaves[0] < 1:
        raise BundleError(f"{name}: has no number of leaves; train again")
    _equal(name, "num_cat", facts.get("num_cat"), "0")
    _equal(name, "is_linear", facts.get("is_linear", "0"), "0")
    count = leaves[0]
    values = _numbers(facts.get("leaf_value", ""), float, name)
    _equal(name, "leaf_value", len(values), count)
    _finite(name, values)
    if count == 1:
        return
    features = _numbers(facts.get("split_feature", ""), int, name)
    _in_range(name, "split_feature", features, 0, width)
    for key in ("split_feature", "threshold", "decision_type", "internal_value", "internal_count"):
        _equal(name, key, len(_numbers(facts.get(key, ""), float, name)), count - 1)
    for key in ("leaf_count", "leaf_weight"):
        _equal(name, key, len(_numbers(facts.get(key, ""), float, name)), count)
    kinds = _numbers(facts.get("decision_type", ""), int, name)
    _in_range(name, "decision_type", kinds, 0, 16)
    if any(kind & 1 for kind in kinds):
        raise BundleError(f"{name}: holds a categorical split, which this program never makes")
    left = _numbers(facts.get("left_child", ""), int, name)
    right = _numbers(facts.get("right_child", ""), int, name)
    _one_tree(name, left, right, count)


def _one_tree(name: str, left: Sequence[int], right: Sequence[int], leaves: int) -> None:
    """Check that inner nodes 1.. and all leaves (~0, ~1, ...) are each some node's child once."""
    wanted = sorted([*range(1, leaves - 1), *(~leaf for leaf in range(leaves))])
    if len(left) != leaves - 1 or len(right) != leaves - 1 or sorted([*left, *right]) != wanted:
        raise BundleError(f"{name}: its nodes do not form a tree; train again")
    reached, waiting = 0, [0]
    while waiting:
        node = waiting.pop()
        reached += 1
        waiting += [child for child in (left[node], right[node]) if child >= 0]
    if reached != leaves - 1:
        raise BundleError(f"{name}: its nodes do not form one tree; train again")


def check_xgboost(text: str, width: int, name: str) -> None:
    """Check XGBoost's JSON for `width` columns.

    Raises:
        BundleError: naming the file and what is wrong.
    """
    try:
        learner = json.loads(text)["learner"]
        booster = learner["gradient_booster"]
        trees = booster["model"]["trees"]
        _equal(name, "num_feature", str(learner["learner_model_param"]["num_feature"]), str(width))
        _equal(name, "booster", booster["name"], "gbtree")
        for number, tree in enumerate(trees):
            _check_xgboost_tree(tree, width, f"{name}: tree {number}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(f"{name}: not a whole XGBoost model ({error!r}); train again") from error


def _check_xgboost_tree(tree: Mapping[str, Any], width: int, name: str) -> None:
    left, right = tree["left_children"], tree["right_children"]
    count = len(left)
    _equal(name, "num_nodes", int(tree["tree_param"]["num_nodes"]), count)
    keys = (
        "right_children", "parents", "split_indices", "split_conditions", "default_left",
        "base_weights", "sum_hessian", "loss_changes",
    )  # fmt: skip
    for key in keys:
        _equal(name, key, len(tree[key]), count)
    _in_range(name, "split_indices", tree["split_indices"], 0, max(width, 1))
    _finite(name, tree["split_conditions"])
    _finite(name, tree["base_weights"])
    if any(tree["split_type"]) or tree["categories"]:
        raise BundleError(f"{name}: holds a categorical split, which this program never makes")
    if any((a < 0) != (b < 0) for a, b in zip(left, right, strict=True)):
        raise BundleError(f"{name}: a node has one child only; train again")
    children = sorted(child for child in (*left, *right) if child >= 0)
    if children != list(range(1, count)):
        raise BundleError(f"{name}: its nodes do not form a tree; train again")
    reached, waiting = 0, [0]
    while waiting:
        node = waiting.pop()
        reached += 1
        waiting += [child for child in (left[node], right[node]) if child >= 0]
    _equal(name, "reachable nodes", reached, count)


def _facts(text: str, name: str) -> dict[str, str]:
    """Return the `key=value` lines; a key twice is refused, as readers differ on which counts."""
    facts: dict[str, str] = {}
    for line in text.splitlines():
        key, sign, value = line.partition("=")
        if sign and key in facts:
            raise BundleError(f"{name}: {key!r} stands in it twice; train again")
        if sign:
            facts[key] = value
    return facts


def _numbers(text: str, kind: type, name: str) -> list[Any]:
    try:
        return [kind(word) for word in text.split()]
    except ValueError as error:
        raise BundleError(f"{name}: {str(error)[:80]}; train again") from error


def _in_range(name: str, key: str, values: Sequence[int], low: int, high: int) -> None:
    if any(not low <= value < high for value in values):
        raise BundleError(f"{name}: {key} out of range; train again")


def _finite(name: str, values: Sequence[float]) -> None:
    if not all(math.isfinite(value) for value in values):
        raise BundleError(f"{name}: a value is not finite; train again")


def _equal(name: str, key: str, there: object, wanted: object) -> None:
    if there != wanted:
        raise BundleError(f"{name}: {key} is {there}, should be {wanted}; train again")
