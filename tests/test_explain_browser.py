"""Trends and explained posts in Debian's Chromium: what they load, run and answer to hands."""

from pathlib import Path
from typing import Any

import pytest
from attack_strings import MARKER
from chromium import needs_chromium
from test_trends import hostile_page
from test_whatif import explained, made

from virality.reports.explain_page import page_of
from virality.reports.render import render_explained

pytest.importorskip("playwright.sync_api")
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    texts = {
        "trends": hostile_page(),
        "explain": render_explained(page_of(made()[0], explained()[:1], reference=True)),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


def opened(browser: Any, path: Path, width: int = 390) -> tuple[Any, list[str], list[str]]:
    tab = browser.new_page(viewport={"width": width, "height": 844})
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda one: asked.append(one.url))
    tab.on("console", lambda one: said.append(one.text))
    tab.on("pageerror", lambda one: said.append(str(one)))
    tab.on("dialog", lambda one: said.append(one.message))
    tab.goto(path.as_uri())
    return tab, asked, said


@pytest.mark.parametrize("name", ["trends", "explain"])
@pytest.mark.parametrize("width", [390, 1200])
def test_it_loads_nothing_runs_nothing_and_fits(
    browser: Any, pages: dict[str, Path], name: str, width: int
) -> None:
    tab, asked, said = opened(browser, pages[name], width)
    assert asked == [pages[name].as_uri()]
    assert said == []
    assert tab.evaluate(f"window.{MARKER}") is None
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()


@pytest.mark.parametrize("name", ["trends", "explain"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    browser: Any, pages: dict[str, Path], name: str, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    tab, _, _ = opened(browser, pages[name])
    tab.emulate_media(color_scheme=scheme)
    found = axe.Axe().run(tab).response["violations"]
    bad = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in bad] == []
    tab.close()


def test_dials_answer_to_keys_and_go_back(browser: Any, pages: dict[str, Path]) -> None:
    what_if = explained()[0].what_if
    assert what_if is not None
    joint = what_if.joint
    assert joint is not None
    tab, _, _ = opened(browser, pages["explain"])
    said = tab.locator(".tried strong")
    before = said.inner_text()
    assert before.replace("\u00a0", " ") in {text.replace("\u00a0", " ") for text in joint.says}
    dial = tab.locator(".dial input").first
    dial.focus()
    tab.keyboard.press("End")
    assert said.inner_text() != before
    last = joint.dials[0].texts[-1]
    assert tab.locator(".dial output").first.inner_text() == last
    assert dial.get_attribute("aria-valuetext") == last
    place = len(joint.dials[0].texts) - 1
    for number, other in enumerate(joint.dials):
        place = place if number == 0 else place * len(other.texts) + other.current
    assert said.inner_text() == joint.says[place]
    tab.locator(".reset").click()
    assert said.inner_text() == before
    tab.close()
