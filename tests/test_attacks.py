"""Every attack string on the pages of report, comparison, explanation, trends, and by command."""

import json
from dataclasses import replace
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from attack_strings import ATTACKS, MARKER
from chromium import CHROMIUM, chromium, needs_chromium
from report_case import make_features
from test_pages import hostile_pairs
from test_render import KNOWN, Reader
from test_render import page as report_page
from test_trends import found
from test_whatif import explained, made
from typer.testing import CliRunner

from virality.cli import app
from virality.data.features import write_features
from virality.data.table import write_posts
from virality.modeling.bundle import save_model
from virality.modeling.train import train
from virality.reports.explain_page import page_of
from virality.reports.render import render_explained, render_trends
from virality.reports.trends import LONGEST_NAME, tell_trends
from virality.reports.words import tidy

pytestmark = pytest.mark.usefixtures("light_recipes")

AT_ONCE = 16
"""As many hashtags, and as many sounds, as a page of trends shows."""

SEEN = 30
"""Letters of an attack that are looked for; some pages cut off what is longer."""


def trend_pages() -> list[str]:
    """Return pages on which every attack is a hashtag, a sound and the word of a topic."""
    calm = found()
    assert calm.topics is not None
    item, topic = next(one for one in calm.hashtags if one.lift.clear), calm.topics.topics[0]
    pages = []
    for start in range(0, len(ATTACKS), AT_ONCE):
        names = ATTACKS[start : start + AT_ONCE]
        items = tuple(replace(item, name=name) for name in names)
        topics = tuple(replace(topic, words=(name,)) for name in names)
        hostile = replace(
            calm, hashtags=items, sounds=items, topics=replace(calm.topics, topics=topics)
        )
        pages.append(render_trends(tell_trends(hostile)))
    return pages


def explained_page() -> str:
    """Return a page of a post for every attack, which is its caption and its neighbours'."""
    model, story = made()[0], explained()[0]
    assert story.similar is not None
    posts = []
    for attack in ATTACKS:
        near = tuple(replace(one, caption=attack, id=attack) for one in story.similar.posts)
        similar = replace(story.similar, posts=near)
        posts.append(replace(story, id=attack, caption=attack, what_if=None, similar=similar))
    return render_explained(page_of(model, (story, *posts), reference=True))


@cache
def pages_of(kind: str) -> tuple[str, ...]:
    """Return the pages of a kind that show all attacks between them."""
    if kind == "report":
        return (report_page(),)
    if kind == "comparison":
        return tuple(hostile_pairs())
    return (explained_page(),) if kind == "explanation" else tuple(trend_pages())


@pytest.mark.parametrize("kind", ["explanation", "trends"])
def test_every_attack_is_read_and_none_becomes_an_element(kind: str) -> None:
    seen = ""
    for page in pages_of(kind):
        reader = Reader()
        reader.feed(page)
        check_elements(reader)
        seen += tidy(reader.text, len(reader.text)) + "\n"
    for attack in ATTACKS:
        assert tidy(attack, LONGEST_NAME)[:SEEN].rstrip("… ") in seen


def check_elements(reader: Reader) -> None:
    """Check that a page has our elements only, and that none runs or loads anything."""
    assert {tag for tag, _ in reader.tags} <= KNOWN
    for _, attrs in reader.tags:
        assert not any(name.startswith("on") or name == "style" for name in attrs)
        assert "src" not in attrs
        assert (attrs.get("href") or "#").startswith(("#", "data:text/csv;"))


USE = """
() => {
  document.querySelectorAll("details").forEach(one => { one.open = true; });
  document.querySelectorAll("[data-tip]").forEach(one => {
    for (const kind of ["pointerover", "pointermove", "mouseover", "focus"])
      one.dispatchEvent(new Event(kind, { bubbles: true }));
  });
  for (const one of document.querySelectorAll(".canvas, input, button, a:not([download])")) {
    one.focus();
    one.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
    one.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
"""
"""Touch all that a reader may touch: what lies folded, every mark, every control."""


@pytest.mark.nightly
@needs_chromium
@pytest.mark.parametrize("kind", ["report", "comparison", "explanation", "trends"])
def test_no_attack_runs_in_a_browser_when_all_is_touched(kind: str, tmp_path: Path) -> None:
    paths = []
    for number, page in enumerate(pages_of(kind)):
        paths.append(tmp_path / f"{number}.html")
        paths[-1].write_text(page, encoding="utf-8")
    check_in_chromium(paths)


def check_in_chromium(paths: list[Path]) -> None:
    """Open pages, touch everything, and check that they load, run and say nothing of strangers."""
    said: list[str] = []
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": 390, "height": 844})
        tab.on("request", lambda one: said.append(one.url))
        for event in ("console", "pageerror", "dialog", "popup"):
            tab.on(event, lambda one: said.append(str(one)))
        for path in paths:
            tab.goto(path.as_uri())
            tab.evaluate(USE)
            tab.wait_for_timeout(50)  # for what an event would have started
            assert said == [path.as_uri()]
            said.clear()
            assert tab.evaluate(f"window.{MARKER}") is None
            for bad in ("img", "iframe", "object", "form", "base", "math", "video"):
                assert tab.locator(bad).count() == 0
            assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def call(*arguments: object) -> Any:
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    assert done.exit_code == 0, (done.output, done.exception)
    return done


@pytest.mark.nightly
def test_the_commands_take_a_table_of_attacks(tmp_path: Path) -> None:
    """Every post has an attack as caption, author, hashtag and sound; all four commands bear it."""
    features = make_features(2 * len(ATTACKS))
    texts = list(islice(cycle(ATTACKS), len(features.posts)))
    posts = features.posts.assign(
        caption=pd.array(texts, dtype="string"),
        author_id=pd.array(texts[5:] + texts[:5], dtype="string"),
        hashtags=[[text, "calm"] for text in texts],
        sound_id=pd.array(texts, dtype="string"),
        sound_title=pd.array(texts, dtype="string"),
    )
    features = replace(features, posts=posts)
    table, models = tmp_path / "features", [tmp_path / "[bold red]one[/bold red]", tmp_path / "two"]
    write_features(table, features)
    write_posts(posts, tmp_path / "posts.parquet")
    for seed, model in enumerate(models):
        save_model(train(features.matrix, features.posts, seed=seed), model)
    some = posts["id"].tolist()[:40]
    told = [
        call("report", models[0], table, "-q", "-o", tmp_path / "report.html"),
        call("explain", models[0], *some, "--features", table, "--most", 40, "-q",
             "-o", tmp_path / "explain.html"),
        call("trends", tmp_path / "posts.parquet", "-q", "-o", tmp_path / "trends.html"),
        call("report", "--compare", tmp_path / "report.json", tmp_path / "report.json", "-q",
             "-o", tmp_path / "pair.html"),
        call("compare", *models, table, "-q"),
        call("compare", *models, table, "-q", "--json"),
    ]  # fmt: skip
    for one in told:
        assert "\x1b]" not in one.output
        assert "\x07" not in one.output
    json.loads(told[-1].stdout)
    pages = [tmp_path / f"{name}.html" for name in ("report", "explain", "trends", "pair")]
    for path in pages:
        reader = Reader()
        reader.feed(path.read_text(encoding="utf-8"))
        check_elements(reader)
    if CHROMIUM is not None:
        check_in_chromium(pages)
