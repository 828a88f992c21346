"""The documents against the program: commands parse, links resolve, every command is described."""

import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer
from typer.testing import CliRunner

from virality.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    page for page in [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))] if page.is_file()
]
PROGRAM: Any = typer.main.get_command(app)
UsageError: Any = typer.BadParameter.__base__
"""typer carries a click of its own, whose errors are not the installed click's."""

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)")


def commands(page: Path) -> Iterator[str]:
    """Yield the `virality ...` commands of a page's console blocks, continued lines joined."""
    for language, block in _FENCE.findall(page.read_text(encoding="utf-8")):
        if language not in ("console", "bash", "sh", "shell"):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            text = line.strip().removeprefix("$ ").strip()
            text = re.sub(
                r"^(?:[A-Z_]+=\S+\s+)*(?:\S*/)?(?:python -m )?virality\b", "virality", text
            )
            synopsis = "[OPTIONS]" in text  # as `--help` prints it; not to be typed
            if text.split(" ", 1)[0] == "virality" and not synopsis:
                yield text


SHOWN = [
    pytest.param(text, id=f"{page.name}: {text[:70]}") for page in PAGES for text in commands(page)
]


def words(text: str) -> list[str]:
    """Split a shown command; what follows a pipe, a redirection or `&&` is not ours."""
    parts = shlex.split(text, comments=True)
    ends = [i for i, part in enumerate(parts) if part in ("|", "&&", ">", ">>", "<", "2>", ";")]
    return parts[1 : ends[0]] if ends else parts[1:]


def parse(parts: list[str]) -> None:
    """Parse a command line as the program would, without running it."""
    context = typer.Context(PROGRAM, info_name="virality")
    if not parts or parts[0].startswith("-"):
        assert {p for p in parts if p.startswith("-")} <= options(PROGRAM)
        return
    name, command, rest = PROGRAM.resolve_command(context, parts)
    assert command is not None
    if {"--help", "-h"} & set(rest):
        return
    # A shown configuration file is not there to be read; all else is parsed in earnest.
    absent = "--config" in rest
    with command.make_context(name, _known(rest), parent=context, resilient_parsing=absent):
        pass
    unknown = {p.split("=")[0] for p in rest if re.match(r"--?[a-z]", p)} - options(command)
    assert not unknown, f"{name} has no {sorted(unknown)}"


def _known(rest: list[str]) -> list[str]:
    """Leave out `...` and [brackets], which stand for more of the same."""
    return [part for part in rest if not part.startswith(("...", "["))]


def options(command: Any) -> set[str]:
    context = typer.Context(command, help_option_names=["-h", "--help"])
    return {name for p in command.get_params(context) for name in (*p.opts, *p.secondary_opts)} | {
        *("-h", "--help", "--install-completion", "--show-completion")
    }


def test_commands_are_shown() -> None:
    assert SHOWN, "README.md and docs/ show no `virality ...` command"


@pytest.mark.parametrize("text", SHOWN)
def test_a_shown_command_parses(text: str) -> None:
    parse(words(text))


@pytest.mark.parametrize(
    "text",
    [
        "virality tune features/ --no-such 3",
        "virality fly",
        "virality tune",
        "virality tune f/ --trials few",
        "virality --fly",
    ],
)
def test_a_wrong_command_is_noticed(text: str) -> None:
    with pytest.raises((AssertionError, UsageError)):
        parse(words(text))


def _anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings as hosts of repositories make them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+\s+(.*?)\s*#*$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    for link in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z][a-z0-9+.-]*:", link):
            continue
        target, _, anchor = unquote(link).partition("#")
        place = (page.parent / target).resolve() if target else page
        assert place.exists(), f"{page.name}: {link}"
        assert place.is_relative_to(ROOT), f"{page.name}: {link} leads out of the project"
        if anchor and place.suffix == ".md":
            assert anchor in _anchors(place), f"{page.name}: {link}"


PICTURES = ROOT / "docs" / "pictures"
MOST_BYTES = 150_000


def test_every_picture_is_shown_with_words_and_is_small() -> None:
    page = (ROOT / "docs" / "report-tour.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[([^\]]*)\]\(pictures/([\w-]+)\.png\)", page)
    there = {path.stem: path.stat().st_size for path in PICTURES.glob("*.png")}
    assert sorted(name for _, name in shown) == sorted(there)
    taken = runpy.run_path(str(ROOT / "docs" / "pictures.py"))
    assert {*taken["REPORT"], *taken["FILM"]} == set(there)
    assert all(size <= MOST_BYTES for size in there.values()), there
    for words, name in shown:
        assert len(words) >= 40, f"{name}.png: say what is to be seen in it"


def _subcommands() -> dict[str, Any]:
    return dict(PROGRAM.commands)


@pytest.mark.parametrize("name", sorted(_subcommands()))
def test_every_command_and_option_is_documented(name: str) -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert re.search(rf"^#+ .*\b{re.escape(name)}\b", text, re.MULTILINE), f"no heading for {name}"
    for parameter in _subcommands()[name].params:
        longest = max(parameter.opts, key=len)
        if parameter.param_type_name == "option" and not parameter.hidden:
            assert f"`{longest}" in text or f" {longest}" in text, f"{name}: {longest}"


@pytest.mark.parametrize("name", sorted(_subcommands()))
def test_every_command_helps_with_an_example(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert f"virality {name}" in shown.output.replace("Usage: virality", "")


BENCHMARKS = sorted(
    path.name
    for path in (ROOT / "benchmarks").glob("*.py")
    if re.search(r"from results_table import .*write_table", path.read_text(encoding="utf-8"))
)


def test_every_benchmark_is_described() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert BENCHMARKS
    assert [name for name in BENCHMARKS if f"`{name}`" not in page] == []


def test_make_bench_runs_every_benchmark_and_no_module_beside_them() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    left_out = set(re.findall(r"%/(\w+\.py)", makefile))
    every = {path.name for path in (ROOT / "benchmarks").glob("*.py")}
    assert every - left_out == set(BENCHMARKS)
