"""What is shipped, and that versions and locks agree."""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import virality

ROOT = Path(__file__).resolve().parents[1]
LEFT_BEHIND = shutil.ignore_patterns(
    *(".*", "build", "dist", "*.egg-info", "__pycache__", "demo", "work")
)
BUILD = "import sys, setuptools.build_meta as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"


@pytest.fixture(scope="module")
def project() -> dict[str, dict[str, object]]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


def build(what: str, source: Path, out: Path) -> Path:
    """Build an sdist or a wheel from a folder with the installed setuptools; no network."""
    out.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, f"build_{what}", str(out)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    shutil.copytree(ROOT, folder / "source", ignore=LEFT_BEHIND)
    return build("sdist", folder / "source", folder / "dist")


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> zipfile.ZipFile:
    with tarfile.open(sdist) as archive:
        archive.extractall(sdist.parent, filter="data")
    folder = sdist.parent / sdist.name.removesuffix(".tar.gz")
    return zipfile.ZipFile(build("wheel", folder, sdist.parent))


def test_the_wheel_holds_only_the_package(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    tops = {name.split("/")[0] for name in names}
    assert tops == {"virality", f"virality-{virality.__version__}.dist-info"}
    inside = {name.split("/")[1] for name in names if name.startswith("virality/")}
    layers = {"data", "featurizers", "modeling", "reports", "web", "workflow"}
    assert inside == layers | {"__init__.py", "__main__.py", "cli.py", "py.typed"}


def test_the_wheel_holds_every_module_and_template(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for layer in ("data", "featurizers", "modeling", "reports", "web", "workflow"):
        for path in (ROOT / layer).rglob("*.py"):
            assert f"virality/{path.relative_to(ROOT).as_posix()}" in names
    templates = {p.name for p in (ROOT / "reports" / "templates").iterdir() if p.is_file()}
    assert templates
    assert {f"virality/reports/templates/{name}" for name in templates} <= names


def test_the_wheel_brings_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    info = f"virality-{virality.__version__}.dist-info"
    assert "virality = virality.__main__:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert any(name.endswith("LICENSE") for name in wheel.namelist())


def test_the_sdist_brings_the_tests(sdist: Path) -> None:
    assert re.search(r"^graft tests$", (ROOT / "MANIFEST.in").read_text(), re.MULTILINE)
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert {f"tests/{path.name}" for path in (ROOT / "tests").glob("*.py")} <= names


def pins(name: str) -> dict[str, str]:
    """Return package -> version of a lock; every line must pin one exactly."""
    found = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        text = line.split("#")[0].strip()
        if text:
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([\w.!+]+)(\s*;.*)?", text)
            assert match, f"{name}: {text!r} is not an exact pin"
            found[canonicalize_name(match[1])] = match[2]
    return found


def test_the_lock_pins_every_dependency(project: dict[str, dict[str, list[str]]]) -> None:
    locked = pins("requirements.lock")
    for text in project["project"]["dependencies"]:
        wanted = Requirement(text)
        version = locked[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version), f"{text} against {version}"
    assert locked["torch"] == "2.13.0"
    assert not [name for name in locked if name.startswith(("nvidia-", "triton"))]


def test_the_development_lock_pins_the_tools(project: dict[str, dict[str, list[str]]]) -> None:
    locked = pins("requirements.lock") | pins("requirements-dev.lock")
    for text in project["dependency-groups"]["dev"]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(locked[canonicalize_name(wanted.name)])


def test_the_locks_agree_with_each_other() -> None:
    main, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {n: dev[n] for n in main.keys() & dev} == {n: main[n] for n in main.keys() & dev}


def test_versions_agree(project: dict[str, dict[str, object]]) -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[?v?(\d+\.\d+\.\d+)", changes, re.MULTILINE)
    assert newest
    assert project["project"]["version"] == virality.__version__ == newest[1]


def test_every_package_of_the_source_is_declared(
    project: dict[str, dict[str, dict[str, list[str]]]],
) -> None:
    declared = set(project["tool"]["setuptools"]["packages"])
    found = {"virality"} | {
        "virality." + ".".join(path.parent.relative_to(ROOT).parts)
        for layer in ("data", "featurizers", "modeling", "reports", "web", "workflow")
        for path in (ROOT / layer).rglob("__init__.py")
    }
    assert declared == found
