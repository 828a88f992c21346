import os
import subprocess
import sys
from dataclasses import dataclass, field

import numpy as np
import pytest

from virality.data.errors import UsageError
from virality.data.matrix import Column
from virality.featurizers import FEATURIZERS
from virality.featurizers.checks import CHECKS, BrokenRuleError, check_featurizer
from virality.featurizers.samples import sample_media
from virality.featurizers.worker import environment


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", FEATURIZERS)
def test_every_featurizer_keeps_every_rule(name, check):
    featurizer = FEATURIZERS[name]
    CHECKS[check](featurizer, sample_media(featurizer.modality))


@pytest.mark.parametrize("name", FEATURIZERS)
def test_a_name_begins_with_the_modality(name):
    assert name.startswith(FEATURIZERS[name].modality + "_")


@pytest.mark.parametrize("modality", ["text", "audio", "frames", "stream", "metadata"])
def test_samples_are_the_same_every_time(modality):
    assert repr(sample_media(modality)) == repr(sample_media(modality))


def test_history_has_no_media():
    with pytest.raises(UsageError, match="history"):
        sample_media("history")


# Featurizers that each break one rule: the checks must see it.


@dataclass(frozen=True)
class Length:
    modality: str = "text"
    version: str = "1"
    columns: tuple[Column, ...] = (Column("characters", "text", meaning="characters"),)

    def extract(self, batch):
        return np.array([[len(text)] for text in batch], np.float32).reshape(len(batch), 1)


@dataclass
class Open:
    modality: str = "text"
    __hash__ = object.__hash__


class Plain:
    modality = "text"


class Centred(Length):
    def extract(self, batch):
        values = super().extract(batch)
        return values - values.mean() if len(batch) else values


class Random(Length):
    def extract(self, batch):
        return np.random.default_rng().normal(size=(len(batch), 1)).astype(np.float32)


class Double(Length):
    def extract(self, batch):
        return super().extract(batch).astype(np.float64)


class Infinite(Length):
    def extract(self, batch):
        return super().extract(batch) + np.float32(np.inf)


class Silent(Length):
    def extract(self, batch):
        return super().extract(batch) * np.float32(np.nan)


class Ragged(Length):
    def extract(self, batch):
        return np.zeros((max(1, len(batch)), 1), np.float32)


@dataclass(frozen=True)
class Loud(Length):
    weights: bytes = field(default=bytes(20_000), repr=False)


def test_the_checks_accept_a_featurizer_of_a_third_party():
    check_featurizer(Length())


def with_column(**facts):
    return Length(
        columns=(Column(**{"name": "size", "modality": "text", "meaning": "it"} | facts),)
    )


@pytest.mark.parametrize(
    ("featurizer", "check"),
    [
        (Open(), "is_a_value"),
        (Plain(), "is_a_value"),
        (Centred(), "learns_nothing"),
        (Random(), "repeats"),
        (Double(), "shape"),
        (Ragged(), "shape"),
        (Infinite(), "values"),
        (Silent(), "values"),
        (Loud(), "pickles"),
        (Length(version=" "), "names_itself"),
        (Length(columns=()), "column_names"),
        (with_column(name="Size"), "column_names"),
        (with_column(name="a__b"), "column_names"),
        (with_column(unit="Hz"), "column_names"),
        (with_column(known="post"), "column_facts"),
        (with_column(meaning=""), "column_facts"),
        (with_column(modality="audio"), "column_facts"),
    ],
)
def test_the_checks_refuse(featurizer, check):
    with pytest.raises(BrokenRuleError):
        CHECKS[check](featurizer, ["one", "three", "a"])


def test_no_model_that_runs_leaves_an_identifier_or_calls_home(tmp_path):
    """ONNX Runtime keeps a device's number and what it ran under ~/.cache/Microsoft, to send it."""
    code = (
        "from onnx import TensorProto as T, helper as h\n"
        "from virality.featurizers.weights import open_session\n"
        "x, y = (h.make_tensor_value_info(name, T.FLOAT, [1]) for name in 'xy')\n"
        "graph = h.make_graph([h.make_node('Identity', ['x'], ['y'])], 'g', [x], [y])\n"
        "model = h.make_model(graph, opset_imports=[h.make_opsetid('', 17)], ir_version=10)\n"
        "print(open_session(model.SerializeToString()).run(None, {'x': [1.0]}))\n"
    )
    kept = {
        k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "HOME": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "1." in done.stdout
    assert not [path for path in tmp_path.rglob("*") if "icrosoft" in path.name]
    assert environment()["ORT_DISABLE_TELEMETRY"] == "1"
