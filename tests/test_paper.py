"""Reports on paper, in colours that the machine forces, and at the narrowest."""

import re
from pathlib import Path
from typing import Any

import pytest
from chromium import needs_chromium
from report_case import case, make_tuning
from test_clip_page import inspection
from test_pages import hostile_pairs
from test_trends import hostile_page
from test_whatif import explained, made

from virality.reports.explain_page import page_of
from virality.reports.render import render, render_clip, render_explained
from virality.reports.summarize import summarize

pytest.importorskip("playwright.sync_api")
pytestmark = needs_chromium
NAMES = ("report", "trends", "explain", "pair", "clip")
SHEET = {"width": 718, "height": 1047}
"""Pixels of a page of A4 within margins of a centimetre."""

CUT_OFF = """() => [...document.querySelectorAll(".scroll, pre, .film-strip")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => one.getAttribute("aria-label") || one.textContent.slice(0, 60))"""
LEFT_OUT = "figure.plot > details.numbers:not([open]), details.whatif:not([open])"
"""What is printed only if it is open: a line at the top says so."""

UNSEEN = f"""() => [...document.querySelectorAll("details:not(.group) > *")]
  .filter((one) => !one.matches(".try, .csv") && !one.closest("{LEFT_OUT}"))
  .filter((one) => !one.checkVisibility()).map((one) => one.outerHTML.slice(0, 80))"""
OVERLAID = """() => [...document.querySelectorAll(".canvas")].flatMap((canvas) => {
  const boxes = [...canvas.querySelectorAll("text.tick")].filter((one) => one.checkVisibility())
    .map((one) => [one.textContent, one.getBoundingClientRect()]);
  return boxes.flatMap(([text, box], place) => [
    ...(box.left < 0 || box.right > innerWidth ? [[canvas.dataset.figure, text]] : []),
    ...boxes.slice(place + 1).filter(([, other]) =>
      Math.min(box.right, other.right) - Math.max(box.left, other.left) > 1 &&
      Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top) > 3)
      .map(([other]) => [canvas.dataset.figure, text, other]),
  ]);
})"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("paper")
    texts = {
        "report": render(summarize(*case(), make_tuning())),
        "trends": hostile_page(),
        "explain": render_explained(page_of(made()[0], explained()[:2], reference=True)),
        "pair": hostile_pairs()[2],
        "clip": render_clip(inspection()),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scripts", [True, False])
def test_paper_shows_all_that_is_folded_and_cuts_no_table(
    browser: Any, pages: dict[str, Path], name: str, scripts: bool
) -> None:
    context = browser.new_context(viewport=SHEET, java_script_enabled=scripts)
    tab = context.new_page()
    tab.goto(pages[name].as_uri())
    tab.emulate_media(media="print")
    assert tab.locator(LEFT_OUT).count() == 0 or tab.locator(".paper-note").is_visible()
    assert tab.locator(LEFT_OUT).locator("visible=true").count() == 0
    assert tab.evaluate(CUT_OFF) == []
    assert tab.evaluate(UNSEEN) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= SHEET["width"]
    context.close()


def sheets_of(tab: Any) -> int:
    """How many sheets of paper a page takes."""
    return len(re.findall(rb"/Type\s*/Page\b", tab.pdf(format="A4")))


@pytest.mark.parametrize("name", ["report", "explain"])
def test_the_numbers_behind_drawings_are_printed_where_the_reader_unfolded_them(
    browser: Any, pages: dict[str, Path], name: str
) -> None:
    tab = browser.new_page()
    tab.goto(pages[name].as_uri())
    assert not tab.locator(".paper-note").is_visible()
    folded = sheets_of(tab)
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert folded < 0.7 * sheets_of(tab)
    tab.emulate_media(media="print")
    numbers = tab.locator("figure.plot > details.numbers table")
    assert numbers.count() == numbers.locator("visible=true").count() > 0
    tab.close()


def test_printing_folds_what_it_unfolded(browser: Any, pages: dict[str, Path]) -> None:
    tab = browser.new_page()
    tab.goto(pages["report"].as_uri())
    is_open = "[...document.querySelectorAll('details')].map((one) => one.open)"
    before = tab.evaluate(is_open)
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    unfolded = tab.evaluate(is_open)
    assert tab.locator("figure.plot > details.numbers[open], details.whatif[open]").count() == 0
    assert sum(unfolded) > sum(before)
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.evaluate(is_open) == before
    tab.close()


def test_the_groups_of_a_clip_keep_their_names_on_paper(
    browser: Any, pages: dict[str, Path]
) -> None:
    tab = browser.new_page(viewport=SHEET)
    tab.goto(pages["clip"].as_uri())
    tab.emulate_media(media="print")
    titles = tab.locator(".group-title")
    assert titles.count()
    assert titles.count() == tab.locator(".group-title:visible").count()
    assert tab.locator(".group table:visible").count() == 0
    tab.close()


@pytest.mark.parametrize("name", ["report", "trends", "explain"])
@pytest.mark.parametrize("width", [320, 1280])
def test_no_label_of_an_axis_lies_over_another_or_leaves_the_page(
    browser: Any, pages: dict[str, Path], name: str, width: int
) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 800})
    tab.goto(pages[name].as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(OVERLAID) == []
    tab.close()


@pytest.mark.parametrize("name", NAMES)
def test_text_grows_with_the_readers_own_size_of_letters(
    browser: Any, pages: dict[str, Path], name: str
) -> None:
    tab = browser.new_page(viewport={"width": 640, "height": 800})
    tab.goto(pages[name].as_uri())
    size = "parseFloat(getComputedStyle(document.body).fontSize)"
    before = tab.evaluate(size)
    tab.evaluate("document.documentElement.style.fontSize = '200%'")
    assert tab.evaluate(size) == 2 * before
    assert tab.evaluate("document.documentElement.scrollWidth") <= 640
    tab.close()


def test_the_keys_of_a_drawing_keep_their_colours_where_colours_are_forced(
    browser: Any, pages: dict[str, Path]
) -> None:
    context = browser.new_context(forced_colors="active", color_scheme="dark")
    tab = context.new_page()
    tab.goto(pages["trends"].as_uri())
    colours = tab.evaluate(
        """[...document.querySelectorAll("#figure-trends-week .key:not(.ink)")].map(
        (one) => getComputedStyle(one, "::before").backgroundColor)"""
    )
    assert len(set(colours)) == len(colours) > 1
    assert not tab.locator("#theme").is_visible()
    context.close()


@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing_at_all(browser: Any, pages: dict[str, Path], name: str) -> None:
    """Its advice beyond the rules of WCAG is taken, too: names of tables, order of headings."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    tab = browser.new_page(viewport={"width": 320, "height": 800})
    tab.goto(pages[name].as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = axe.Axe().run(tab).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
    tab.close()


def test_escape_puts_a_tip_under_the_pointer_away(browser: Any, pages: dict[str, Path]) -> None:
    tab = browser.new_page(viewport={"width": 1000, "height": 800})
    tab.goto(pages["report"].as_uri())
    mark = tab.locator("#figure-features [data-tip]").first
    mark.hover()
    assert tab.locator(".tip").is_visible()
    tab.keyboard.press("Escape")
    assert not tab.locator(".tip").is_visible()
    tab.close()
