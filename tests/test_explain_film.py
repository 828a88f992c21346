"""Clips all the way: extracted, learned from, explained on a page, and seen there in Chromium."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from attack_strings import ATTACKS, MARKER
from chromium import chromium, needs_chromium
from clips import make_clip
from light_extraction import LIGHT
from typer.testing import CliRunner

from virality.cli import app
from virality.data.table import write_posts

CLIPS = 40


def call(*arguments: object) -> None:
    done = CliRunner().invoke(app, [*map(str, arguments), "--quiet"])
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features and a model of clips of hostile captions, and one clip nobody has learned from."""
    folder = tmp_path_factory.mktemp("film")
    media = folder / "clips"
    media.mkdir()
    for number in range(CLIPS):
        make_clip(media / f"p{number}.mp4", seconds=0.6 + number % 5 / 5, seed=number)
    make_clip(folder / "new.mp4", seconds=3.0, seed=99)
    ids = [f"p{number}" for number in range(CLIPS)]
    times = pd.date_range("2025-01-01", periods=CLIPS, freq="7h", tz="UTC")
    views = np.random.default_rng(0).integers(10, 100_000, CLIPS)
    posts = pd.DataFrame({"id": ids, "posted_at": times, "views": views})
    write_posts(posts.assign(caption=ATTACKS[:CLIPS]), folder / "posts.parquet")
    call(
        "extract", folder / "posts.parquet", "--media", media, "-o", folder / "features",
        "--only", ",".join(LIGHT), "--jobs", 1,
    )  # fmt: skip
    call("train", folder / "features", "-o", folder / "model")
    return folder


@pytest.fixture(scope="module")
def pages(folder: Path) -> dict[str, Path]:
    """Pages of a new clip, and of posts by their ids."""
    model, known = folder / "model", ("--features", folder / "features")
    call(
        "explain", model, folder / "new.mp4", *known, "--caption", ATTACKS[0],
        "-o", folder / "new.html",
    )  # fmt: skip
    call(
        "explain", model, "p1", "p2", *known, "--media", folder / "clips",
        "-o", folder / "ids.html",
    )  # fmt: skip
    return {"new": folder / "new.html", "ids": folder / "ids.html"}


def test_pictures_stay_out_of_the_twin(pages: dict[str, Path]) -> None:
    for page in pages.values():
        twin = page.with_suffix(".json").read_text(encoding="utf-8")
        assert json.loads(twin)["posts"]
        assert "data:image" not in twin
        assert "data:image" in page.read_text(encoding="utf-8")


@needs_chromium
@pytest.mark.parametrize(("name", "strips"), [("new", 1), ("ids", 2)])
def test_the_film_strip_is_seen(pages: dict[str, Path], name: str, strips: int) -> None:
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": 390, "height": 844})
        said: list[str] = []
        tab.on("console", lambda one: said.append(one.text))
        tab.on("dialog", lambda one: said.append(one.message))
        tab.goto(pages[name].as_uri())
        assert tab.locator(".film-strip").count() == strips
        seen = tab.evaluate(
            "[...document.querySelectorAll('.film-strip img')].map(one =>"
            " [one.complete && one.naturalWidth, one.getBoundingClientRect().height, one.src])"
        )
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        assert tab.evaluate(f"window.{MARKER}") is None
    assert said == []
    assert len(seen) >= 2 * strips
    assert all(width > 0 and height > 20 for width, height, _ in seen)
    assert len({source for *_, source in seen}) == len(seen)
