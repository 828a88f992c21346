"""`virality doctor`: what it looks at, says is missing, and that it leaves nothing behind."""

import json
import shutil
import tempfile
from collections import namedtuple
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from typer.testing import CliRunner

from virality.cli import app
from virality.workflow import doctor

Usage = namedtuple("Usage", "total used free")


def checked(*options: str, code: int = 0) -> dict[str, dict]:
    done = CliRunner().invoke(app, ["doctor", "--json", *options])
    assert done.exit_code == code, done.output
    told = json.loads(done.stdout)
    assert told["ok"] == (code == 0)
    return {check["name"]: check for check in told["checks"]}


def test_a_machine_that_is_well(tmp_path):
    found = checked("--folder", str(tmp_path))
    assert {"python", "lightgbm", "torch", "cores", "free memory"} <= set(found)
    assert found[f"can write ({tmp_path})"]["value"] == "yes"
    assert sum(name.startswith("encoder ") for name in found) >= 5
    assert not list(tmp_path.iterdir())


def test_the_limits_are_those_that_are_asked_for():
    done = CliRunner().invoke(app, ["doctor", "--json", "--max-duration", "900"])
    assert json.loads(done.stdout)["limits"]["seconds"] == 900


def test_a_folder_that_is_not_there_is_judged_and_not_made(tmp_path):
    wanted = tmp_path / "new" / "deeper"
    found = checked("--folder", str(wanted))
    assert found[f"can write ({wanted})"]["ok"]
    assert found[f"free disk ({wanted})"]["ok"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_is_no_folder(tmp_path, below):
    (tmp_path / "taken").write_text("")
    wanted = tmp_path / "taken" / below
    told = checked("--folder", str(wanted), code=1)[f"can write ({wanted})"]
    assert told["fix"] == f"{tmp_path / 'taken'} is no folder that can be entered: name another"


def test_a_cache_that_cannot_be_written_names_its_variable(tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("VIRALITY_CACHE", str(tmp_path / "taken" / "cache"))
    told = checked(code=1)[f"can write ({tmp_path / 'taken' / 'cache'})"]
    assert told["fix"].endswith("name another in VIRALITY_CACHE")


def test_a_folder_that_is_not_ours_says_so(tmp_path, monkeypatch):
    def refuse(**options: Path) -> None:
        raise PermissionError(13, "Permission denied", str(options["dir"]))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    told = checked("--folder", str(tmp_path / "new"), code=1)[f"can write ({tmp_path / 'new'})"]
    assert told["value"] == "Permission denied"
    assert told["fix"] == f"make {tmp_path} writable, or name another folder"


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(2**40, 2**40 - 2**30, 2**30))
    told = checked("--folder", str(tmp_path), code=1)[f"free disk ({tmp_path})"]
    assert (told["value"], told["ok"]) == ("1.0 GiB", False)
    assert told["fix"] == f"free 2 GiB on the disk of {tmp_path}"


@pytest.mark.parametrize(("cloned", "fix"), [(True, "make install"), (False, "pip install optuna")])
def test_a_library_that_is_missing_is_named_with_what_installs_it(monkeypatch, cloned, fix):
    really = doctor.version

    def version(name: str) -> str:
        if name == "optuna":
            raise PackageNotFoundError(name)
        return really(name)

    monkeypatch.setattr(doctor, "version", version)
    monkeypatch.setattr(doctor, "in_a_clone", lambda: cloned)
    told = checked(code=1)["optuna"]
    assert told["value"] == "not installed"
    assert fix in told["fix"]


def test_what_to_mend_is_told_whole_below_the_table(tmp_path):
    taken = tmp_path / ("a-long-name-" * 12) / "taken"
    taken.parent.mkdir()
    taken.write_text("")
    done = CliRunner().invoke(app, ["doctor", "--folder", str(taken)])
    assert done.exit_code == 1
    fix = f"{taken} is no folder that can be entered: name another"
    assert f"MEND can write ({taken}): {fix}\n" in done.stdout
    assert "\nok    python " in done.stdout
    assert max(map(len, done.stdout.split("MEND can write")[0].splitlines())) <= 160
    assert len(done.stdout.splitlines()) < 60  # no column of single letters
