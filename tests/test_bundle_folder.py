"""Where a model may be written, what else there stays, and what failures and kills leave."""

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from matrices import make_case, small_model
from typer.testing import CliRunner

from virality.cli import app
from virality.data.errors import BundleError, Notice, StorageError
from virality.data.features import Features, write_features
from virality.data.table import conform
from virality.modeling import bundle, bundle_folder
from virality.modeling.bundle import load_marked, load_model, save_model
from virality.modeling.bundle_folder import PART, check_place, strangers
from virality.modeling.manifest import MANIFEST
from virality.workflow import run as workflow_run
from virality.workflow.run import train_model


@pytest.fixture
def saved(tmp_path):
    save_model(small_model(), tmp_path / "model")
    return tmp_path / "model"


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


FOREIGN = {
    "settings": '// settings\n{"a": 1}\n',
    "other model": json.dumps({"files": {"weights.bin": {}, "trees.txt": {}}}),
    "a seal of another kind": json.dumps({"seal": "wax", "files": {"trees.txt": {}}}),
    "a list": "[1, 2]",
    "nothing": "",
    "cut off": "{",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_folder_that_is_not_ours_is_left_alone(tmp_path, name):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / MANIFEST).write_text(FOREIGN[name])
    for own in ("trees.txt", "spread.txt", "weights.bin", "base0_0.txt"):
        (folder / own).write_text("mine")
    before = content(folder)
    for refuse in (check_place, lambda path: save_model(small_model(), path)):
        with pytest.raises(StorageError, match="exists and is no model"):
            refuse(folder)
    assert content(folder) == before


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_of_a_damaged_bundle_only_what_matches_its_hash_is_replaced(saved, share):
    manifest = (saved / MANIFEST).read_bytes()
    (saved / MANIFEST).write_bytes(manifest[: int(share * len(manifest))])
    (saved / "base0_0.txt").write_text("mine")
    (saved / "notes.txt").write_text("mine")
    assert {"base0_0.txt", "notes.txt"} <= set(strangers(saved))
    before = content(saved)
    for refuse in (check_place, lambda path: save_model(small_model(), path)):
        with pytest.raises(StorageError, match=r"is not of the model there"):
            refuse(saved)
    assert content(saved) == before


def test_a_sealed_list_frees_no_folders_and_no_links(saved, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    (saved / "base0_0.txt").unlink()
    (saved / "base0_0.txt").symlink_to(tmp_path / "thesis.txt")
    assert strangers(saved) == ("base0_0.txt",)
    with pytest.raises(StorageError, match=r"base0_0\.txt: is not of the model"):
        save_model(small_model(), saved)


def test_every_file_of_a_bundle_has_the_name_of_a_part(saved):
    assert all(PART.fullmatch(path.name) for path in saved.iterdir() if path.name != MANIFEST)


@pytest.mark.parametrize("name", [".", "..", "file/model", "a" * 300])
def test_places_that_can_be_no_model_are_told(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"give|cannot be read"):
        check_place(Path(name))


def test_nothing_is_trained_for_a_folder_that_is_refused(tmp_path, monkeypatch):
    trained = []
    monkeypatch.setattr("virality.modeling.train.train", lambda *_, **__: trained.append(1))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("years of work")
    with pytest.raises(StorageError, match="exists and is no model"):
        train_model(tmp_path / "features", None, tmp_path / "model")
    monkeypatch.setattr(workflow_run, "Stages", lambda *_: trained.append(1))
    plan = workflow_run.Plan(posts=tmp_path / "posts.csv", out=tmp_path)
    with pytest.raises(StorageError, match="exists and is no model"):
        workflow_run.run(plan, None)
    assert not trained


@pytest.mark.usefixtures("light_recipes")
def test_the_command_says_what_it_kept(tmp_path, saved):
    matrix, posts = make_case()
    write_features(tmp_path / "features", Features(matrix, conform(posts), _status(posts)))
    (saved / "notes.txt").write_text("mine")
    words = ["train", str(tmp_path / "features"), "-o", str(saved)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (done.output, done.exception)
    assert "kept what is not of the model: notes.txt" in done.output
    assert (saved / "notes.txt").read_text() == "mine"


def _status(posts):
    status = posts[["id"]].assign(status="ok", reason="", detail="", seconds=0.0)
    return status.astype({"id": object})


def test_a_link_is_not_replaced_by_a_folder(saved, tmp_path):
    (tmp_path / "current").symlink_to("model")
    (tmp_path / "leading nowhere").symlink_to("gone")
    before = content(saved)
    for name in ("current", "leading nowhere"):
        with pytest.raises(StorageError, match="is a link to"):
            save_model(small_model(), tmp_path / name)
        assert (tmp_path / name).is_symlink()
    assert content(saved) == before
    assert load_model(tmp_path / "current").card == small_model().card


def _fail_at(monkeypatch, number, error):
    """Let the rename of this number fail."""
    really, count = os.replace, [0]

    def replace(source, target):
        count[0] += 1
        if count[0] == number:
            raise error
        really(source, target)

    monkeypatch.setattr(os, "replace", replace)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")]
)
def test_what_was_there_is_there_again_if_the_new_one_cannot_take_its_place(
    saved, monkeypatch, number, error
):
    (saved / "notes.txt").write_text("mine")
    before = content(saved)
    with monkeypatch.context() as patch:
        _fail_at(patch, number, error)
        with pytest.raises((KeyboardInterrupt, StorageError)):
            save_model(small_model(), saved)
    assert content(saved) == before
    assert [place.name for place in saved.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("use", [load_model, check_place, lambda p: save_model(small_model(), p)])
def test_what_a_kill_between_the_renames_left_is_brought_back(saved, use):
    (saved / "notes.txt").write_text("mine")
    saved.rename(saved.with_name(".model.99.old"))
    shutil.copytree(saved.with_name(".model.99.old"), saved.with_name(".model.99.tmp"))
    with pytest.warns(Notice, match="was cut off; the model that was there before is back"):
        use(saved)
    assert (saved / "notes.txt").read_text() == "mine"
    assert load_model(saved).card == small_model().card
    assert not saved.with_name(".model.99.old").exists()


def test_the_command_line_says_in_a_line_that_a_model_is_back(saved):
    saved.rename(saved.with_name(".model.99.old"))
    words = [sys.executable, "-m", "virality", "train", "nothing", "-o", "model"]
    done = subprocess.run(words, cwd=saved.parent, capture_output=True, text=True, check=False)
    assert done.stderr.startswith("warning: model: a run that replaced this model was cut off;")
    assert len(done.stderr.splitlines()) == 2  # the other one: there are no features
    assert load_model(saved).card == small_model().card


def test_what_a_kill_after_the_renames_left_goes_and_notes_stay(saved):
    old, half = saved.with_name(".model.99.old"), saved.with_name(".model.99.tmp")
    shutil.copytree(saved, old)
    shutil.copytree(saved, half)
    (old / "notes.txt").write_text("mine")
    save_model(small_model(), saved)
    assert [place.name for place in saved.parent.iterdir()] == ["model"]
    assert (saved / "notes.txt").read_text() == "mine"


def test_a_folder_that_another_run_replaces_is_waited_for_and_not_touched(saved, monkeypatch):
    monkeypatch.setattr(bundle_folder, "WAITS", 2)
    descriptor = os.open(saved, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(StorageError, match="another run writes it"):
        save_model(small_model(), saved)
    saved.rename(saved.with_name(".model.99.old"))
    with pytest.raises(StorageError, match="no trained model there"):
        load_model(saved)
    assert saved.with_name(".model.99.old").is_dir()
    os.close(descriptor)
    with pytest.warns(Notice, match="is back"):
        load_model(saved)


def _other(folder, to):
    """Copy a bundle with another seed on its card and another text."""
    shutil.copytree(folder, to)
    facts = json.loads((to / MANIFEST).read_text())
    facts.pop("seal")
    text = (to / "base0_0.txt").read_bytes() + b"\n"
    (to / "base0_0.txt").write_bytes(text)
    facts["files"]["base0_0.txt"] = bundle._mark(text)
    facts["card"]["seed"] = 7
    (to / MANIFEST).write_bytes(bundle.sealed(facts))


def _link(to, link):
    link.with_name("next").symlink_to(to)
    os.replace(link.with_name("next"), link)


def test_a_link_that_moves_while_it_is_loaded_leads_to_one_bundle(saved, tmp_path, monkeypatch):
    _other(saved, tmp_path / "other")
    marks = {small_model().card.seed: load_marked(saved)[1], 7: load_marked(tmp_path / "other")[1]}
    current = tmp_path / "current"
    _link("model", current)
    really, targets = bundle._verified, ["other", "model"]

    def verified(folder, name, mark):
        targets.reverse()
        _link(targets[0], current)
        return really(folder, name, mark)

    monkeypatch.setattr(bundle, "_verified", verified)
    for _ in range(4):
        model, mark = load_marked(current)
        assert marks[model.card.seed] == mark


def test_a_bundle_that_is_replaced_while_it_is_loaded_is_read_again(saved, tmp_path, monkeypatch):
    _other(saved, tmp_path / "other")
    really, replaced = bundle._verified, []

    def verified(folder, name, mark):
        if name == "base0_0.txt" and not replaced:
            replaced.append(name)
            shutil.rmtree(saved)
            shutil.copytree(tmp_path / "other", saved)
        return really(folder, name, mark)

    monkeypatch.setattr(bundle, "_verified", verified)
    model, mark = load_marked(saved)
    assert model.card.seed == 7
    assert mark == load_marked(tmp_path / "other")[1]
    (saved / "base0_0.txt").write_text("damaged")
    with pytest.raises(BundleError, match="another size"):
        load_marked(saved)


def test_two_that_save_to_one_folder_leave_one_bundle(saved):
    said = []

    def save():
        try:
            save_model(small_model(), saved)
        except StorageError as error:
            said.append(str(error))

    threads = [threading.Thread(target=save) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("another run" in text or "cannot be" in text for text in said)
    assert load_model(saved).card == small_model().card
    assert [place.name for place in saved.parent.iterdir()] == ["model"]
