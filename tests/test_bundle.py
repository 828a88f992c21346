import hashlib
import json
import re
import shutil

import numpy as np
import pytest
from matrices import light, make_case, small_model

from virality.data.errors import BundleError, StorageError
from virality.modeling import bundle
from virality.modeling.bundle import bundle_hash, load_model, model_hash, save_model
from virality.modeling.bundle_folder import strangers
from virality.modeling.manifest import ARRAYS, MANIFEST, sealed
from virality.modeling.pieces import take_apart
from virality.modeling.train import train
from virality.modeling.trees import check_lightgbm, check_xgboost
from virality.modeling.tune import read_tuning, tune
from virality.workflow.retrain import Options


@pytest.fixture
def saved(tmp_path):
    save_model(small_model(), tmp_path / "model")
    return tmp_path / "model"


def _reseal(folder, change=lambda facts: None):
    """Make every checksum right again after a change: what an attacker would do."""
    facts = json.loads((folder / MANIFEST).read_text())
    facts.pop("seal")
    for name in facts["files"]:
        if (folder / name).is_file():
            facts["files"][name] = bundle._mark((folder / name).read_bytes())
    change(facts)
    (folder / MANIFEST).write_bytes(sealed(facts))


def test_a_loaded_model_is_the_same_model(saved, forget_bundles):
    matrix, posts = make_case()
    forget_bundles()
    loaded = load_model(saved)
    one, other = small_model().predict(matrix, posts), loaded.predict(matrix, posts)
    for name in ("mean", "low", "high", "percentile", "hit_probability"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert loaded.card == small_model().card
    assert loaded.recipe == small_model().recipe
    a, b = (m.contributions(matrix, posts) for m in (small_model(), loaded))
    np.testing.assert_array_equal(a.frame, b.frame)
    assert a.columns == b.columns


def test_the_same_model_gives_the_same_bytes(saved, tmp_path):
    save_model(load_model(saved), tmp_path / "again")
    for file in saved.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_a_bundle_holds_no_pickle_and_every_file_is_named(saved):
    facts = json.loads((saved / MANIFEST).read_text())
    assert {file.name for file in saved.iterdir()} == {MANIFEST, *facts["files"]}
    for name, mark in facts["files"].items():
        assert hashlib.sha256((saved / name).read_bytes()).hexdigest() == mark["sha256"]
    with np.load(saved / ARRAYS, allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)


def test_saving_replaces_a_bundle_and_nothing_else(saved, tmp_path):
    save_model(small_model(), saved)
    assert load_model(saved).card == small_model().card
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.txt").write_text("years of work")
    with pytest.raises(StorageError, match="no model"):
        save_model(small_model(), other)
    assert (other / "chapter.txt").read_text() == "years of work"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model", "thesis"]


def test_what_is_not_of_the_bundle_stays_where_it_is(saved):
    (saved / "README.md").write_text("what I tried")
    (saved / "evaluation.json").write_text("{}")
    (saved / "more").mkdir()
    (saved / "more" / "notes.txt").write_text("more")
    (saved / "link").symlink_to("README.md")
    others = ("README.md", "evaluation.json", "link", "more")
    assert strangers(saved) == others
    for _ in range(2):
        save_model(small_model(), saved)
        assert strangers(saved) == others
    assert (saved / "README.md").read_text() == (saved / "link").read_text() == "what I tried"
    assert (saved / "more" / "notes.txt").read_text() == "more"
    assert load_model(saved).card == small_model().card
    assert [place.name for place in saved.parent.iterdir()] == ["model"]


def test_a_damaged_bundle_is_replaced_and_what_is_not_of_it_stays(saved):
    manifest = (saved / MANIFEST).read_bytes()
    (saved / MANIFEST).write_bytes(manifest.replace(b'"seed": 0', b'"seed": 1', 1))
    (saved / "evaluation.json").write_text("{}")
    assert strangers(saved) == ("evaluation.json",)
    save_model(small_model(), saved)
    assert strangers(saved) == ("evaluation.json",)
    assert load_model(saved).card == small_model().card


def test_a_folder_with_a_model_of_another_program_is_left_alone(tmp_path):
    (tmp_path / MANIFEST).write_text('{"class_name": "Sequential"}')
    with pytest.raises(StorageError, match="exists and is no model"):
        save_model(small_model(), tmp_path)
    assert [place.name for place in tmp_path.iterdir()] == [MANIFEST]


def test_a_file_of_somebody_is_not_taken_for_the_models(saved):
    def forget(facts):
        del facts["files"]["base0_0.txt"]

    _reseal(saved, forget)
    before = (saved / "base0_0.txt").read_bytes()
    with pytest.raises(StorageError, match=r"base0_0\.txt: is not of the model there"):
        save_model(small_model(), saved)
    assert (saved / "base0_0.txt").read_bytes() == before


def test_every_altered_file_is_refused(saved):
    for file in sorted(saved.iterdir()):
        content = file.read_bytes()
        for place in (len(content) // 3, len(content) - 2):
            flipped = bytes([*content[:place], content[place] ^ 1, *content[place + 1 :]])
            file.write_bytes(flipped)
            with pytest.raises(BundleError):
                load_model(saved)
        file.write_bytes(content[:-10])
        with pytest.raises(BundleError):
            load_model(saved)
        file.write_bytes(content)
    load_model(saved)


def test_a_manifest_that_is_written_otherwise_is_refused(saved):
    path = saved / MANIFEST
    facts = json.loads(path.read_bytes())
    path.write_text(json.dumps(facts))  # the same numbers, under another hash
    with pytest.raises(BundleError, match=r"model\.json: is not as it was written"):
        load_model(saved)


def test_missing_files_are_named(saved, tmp_path):
    (saved / ARRAYS).unlink()
    with pytest.raises(BundleError, match=r"arrays\.npz: is missing"):
        load_model(saved)
    with pytest.raises(StorageError, match="no trained model there"):
        load_model(tmp_path / "nothing")


@pytest.mark.parametrize(
    "name", ["../secret.txt", "/etc/passwd", "a/b.txt", ".hidden.txt", "x.pkl"]
)
def test_names_that_point_elsewhere_are_refused(saved, name):
    def add(facts):
        facts["files"][name] = {"sha256": "0", "bytes": 1}

    _reseal(saved, add)
    with pytest.raises(BundleError, match="outside itself"):
        load_model(saved)


def test_links_are_refused(saved, tmp_path):
    shutil.copy(saved / "base0_0.txt", tmp_path / "elsewhere.txt")
    (saved / "base0_0.txt").unlink()
    (saved / "base0_0.txt").symlink_to(tmp_path / "elsewhere.txt")
    with pytest.raises(BundleError, match="outside itself"):
        load_model(saved)


def test_another_format_says_so(saved):
    _reseal(saved, lambda facts: facts.update(format=99))
    with pytest.raises(BundleError, match="format 99, this program reads 2"):
        load_model(saved)


def _edit(saved, pattern, change):
    """Change the first match in the base on all inputs, checksums made right."""
    names = sorted(saved.glob("base*.txt"))
    text = names[-1].read_text()
    match = re.search(pattern, text, re.MULTILINE)
    names[-1].write_text(text[: match.start(1)] + change(match[1]) + text[match.end(1) :])
    _reseal(saved)


@pytest.mark.parametrize(
    ("pattern", "change"),
    [
        (r"^left_child=(\S+)", lambda v: "9" if len(v) == 1 else "-9"),
        (r"^left_child=(.+)", lambda v: v.replace("-", "0", 1)),
        (r"^right_child=(.+)", lambda v: v[:-1] + "7"),
        (r"^split_feature=(?:\d )*(\d\d)", lambda v: "-9"),
        (r"^num_leaves=(\d)", lambda v: "9" if v != "9" else "8"),
        (r"^leaf_value=(\S)", lambda v: "x"),
        (r"^leaf_value=(.+)", lambda v: v + " 1.5"),
        (r"^tree_sizes=(\d)", lambda v: "1" + v),
        (r"^decision_type=(\S)", lambda v: "1"),
        (r"^num_cat=(\d)", lambda v: "1"),
        (r"^(end of trees)", lambda v: "END OF TREES"),
        (r"^max_feature_idx=(\d+)", lambda v: str(int(v) + 1)),
    ],
)
def test_altered_trees_are_refused_before_a_library_reads_them(
    saved, pattern, change, forget_bundles
):
    _edit(saved, pattern, change)
    forget_bundles()
    with pytest.raises(BundleError, match="base"):
        load_model(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: tree["left_children"].__setitem__(0, 999),
        lambda tree: tree["left_children"].__setitem__(0, 0),
        lambda tree: tree["split_indices"].__setitem__(0, 10**6),
        lambda tree: tree["split_conditions"].append(1.0),
        lambda tree: tree["tree_param"].__setitem__("num_nodes", "1"),
        lambda tree: tree.pop("parents"),
    ],
)
def test_altered_xgboost_trees_are_refused(saved, change, forget_bundles):
    path = next(p for p in saved.glob("base*.json"))
    model = json.loads(path.read_text())
    trees = model["learner"]["gradient_booster"]["model"]["trees"]
    change(next(tree for tree in trees if len(tree["left_children"]) > 1))
    path.write_text(json.dumps(model))
    _reseal(saved)
    forget_bundles()
    with pytest.raises(BundleError, match="base"):
        load_model(saved)


def test_arrays_that_do_not_fit_are_refused(saved):
    with np.load(saved / ARRAYS) as stored:
        arrays = dict(stored)
    for name, value in (
        ("cold_values", arrays["cold_values"][:-1]),
        ("cold_values", -arrays["cold_values"] - 1),
        ("base0_places", arrays["base0_places"] + 10_000),
        ("outcomes", arrays["outcomes"][::-1]),
        ("means", arrays["means"][:-1]),
        ("era_factors", -arrays["era_factors"]),
        ("era_times", arrays["era_times"][:0]),
        ("block0_axes", arrays["block0_axes"][:-1]),
    ):
        (saved / ARRAYS).write_bytes(bundle._packed({**arrays, name: value}))
        _reseal(saved)
        with pytest.raises(BundleError):
            load_model(saved)


def test_objects_in_arrays_are_refused(saved):
    import io

    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, outcomes=np.array([{"a": 1}], dtype=object))
    (saved / ARRAYS).write_bytes(buffer.getvalue())
    _reseal(saved)
    with pytest.raises(BundleError, match="damaged"):
        load_model(saved)


def test_a_crash_of_the_child_is_a_sentence_here(saved, monkeypatch, tmp_path, forget_bundles):
    crash = tmp_path / "python"
    crash.write_text("#!/bin/sh\nkill -SEGV $$\n")
    crash.chmod(0o755)
    monkeypatch.setattr(bundle.sys, "executable", str(crash))
    forget_bundles()
    with pytest.raises(BundleError, match="trial load failed"):
        load_model(saved)


def test_garbage_is_no_model():
    for text in ("", "tree\n", "tree\nend of trees", "{}", "[" * 10_000, "null"):
        with pytest.raises(BundleError):
            check_lightgbm(text, 3, "x.txt")
        with pytest.raises(BundleError):
            check_xgboost(text, 3, "x.json")


def test_the_libraries_that_a_study_tried_are_told_and_older_cards_stay_as_they_were(tmp_path):
    model = small_model()
    assert "tried_libraries" not in take_apart(model).facts["card"]
    matrix, posts = make_case()
    study = tmp_path / "study.log"
    tune(matrix, posts, trials=1, study=study, libraries=("lightgbm",))
    with light():
        told = train(matrix, posts, tuning=read_tuning(study))
    save_model(told, tmp_path / "told")
    assert load_model(tmp_path / "told").card.tried_libraries == ("lightgbm",)
    assert Options.of(told).libraries == ("lightgbm",)
    save_model(model, tmp_path / "older")
    assert model_hash(load_model(tmp_path / "older")) == bundle_hash(tmp_path / "older")
