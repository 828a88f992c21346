"""The page in Debian's Chromium: what it loads and runs, tells a screen reader, does to clicks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attack_strings import MARKER
from chromium import needs_chromium
from test_render import page

pytest.importorskip("playwright.sync_api")
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("browser") / "report.html"
    path.write_text(page(), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Any, report: Path) -> Iterator[tuple[Any, list[str], list[str]]]:
    """Yield the page, what it asked for, and what it complained about."""
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda one: asked.append(one.url))
    tab.on("console", lambda one: said.append(one.text))
    tab.on("pageerror", lambda one: said.append(str(one)))
    tab.on("dialog", lambda one: said.append(one.message))
    tab.goto(report.as_uri())
    yield tab, asked, said
    tab.close()


def test_it_asks_for_nothing_and_runs_nothing_of_strangers(opened: Any, report: Path) -> None:
    tab, asked, said = opened
    assert asked == [report.as_uri()]
    assert said == []
    assert tab.evaluate(f"window.{MARKER}") is None
    assert tab.title() == "What drives views"
    assert tab.evaluate("document.querySelectorAll('img, iframe, object, form').length") == 0


def test_it_fits_a_phone(opened: Any) -> None:
    tab, _, _ = opened
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_theme_changes_and_back(opened: Any) -> None:
    tab, _, _ = opened
    colour = "getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(colour)
    tab.click("#theme")
    assert tab.evaluate(colour) != light
    tab.click("#theme")
    assert tab.evaluate(colour) == light


def test_marks_speak_to_pointer_and_keys(opened: Any) -> None:
    tab, _, _ = opened
    canvas = tab.locator("#figure-features .canvas")
    canvas.scroll_into_view_if_needed()
    canvas.locator("[data-tip]").first.hover()
    assert tab.locator(".tip").inner_text()
    canvas.focus()
    tab.keyboard.press("ArrowDown")
    spoken = tab.locator("[role=status]").inner_text()
    tab.keyboard.press("ArrowDown")
    assert tab.locator("[role=status]").inner_text() != spoken
    tab.keyboard.press("Escape")
    assert not tab.locator(".tip").is_visible()


def test_tables_unfold_and_download(opened: Any) -> None:
    tab, _, _ = opened
    figure = tab.locator("#figure-weights_new")
    figure.locator("summary").click()
    assert figure.locator("table").is_visible()
    with tab.expect_download() as waiting:
        figure.locator("a[download]").click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert text.startswith("name,label,weight")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened: Any, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    tab, _, _ = opened
    tab.emulate_media(color_scheme=scheme)
    found = axe.Axe().run(tab).response["violations"]
    serious = [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
