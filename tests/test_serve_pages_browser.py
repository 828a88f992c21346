"""Pages that a person meets in trouble, on a phone, in light and dark: words, width, axe."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from chromium import needs_chromium
from loop_world import join_weeks, make_week, predict_week
from serve_case import site
from typer.testing import CliRunner

from virality.cli import app
from virality.data.features import write_features
from virality.modeling.bundle import bundle_hash, save_model
from virality.modeling.train import train
from virality.web.refusal import Refusal
from virality.workflow.prediction_log import open_log

sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = [pytest.mark.nightly, needs_chromium]
PHONE = {"width": 390, "height": 844}
SMALL = 300_000
TOKEN = "a-token-of-the-tests-0123456789"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with (
        open_log(tmp_path_factory.mktemp("log") / "predictions.db") as log,
        site(clip_bytes=SMALL, waiting=2, log=log) as one,
    ):
        yield one


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@contextmanager
def opened(browser, url: str, scheme: str, *statuses: int, scripts: bool = True) -> Iterator:
    """A page on a phone; it may complain about answers of these statuses, and nothing else."""
    context = browser.new_context(
        base_url=url, viewport=PHONE, color_scheme=scheme, java_script_enabled=scripts
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    context.close()
    expected = [f"status of {status}" for status in statuses]
    assert not [text for text in said if not any(one in text for one in expected)]


def looks_well(page, scheme: str, *, scripts: bool = True) -> None:
    """Check what every page owes a reader: it fits, keeps to the theme, and axe is content."""
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(251, 250, 247)", "dark": "rgb(20, 23, 27)"}[scheme]
    read = page
    if not scripts:  # axe is a script itself: it reads a copy
        read = page.context.browser.new_page(viewport=PHONE, color_scheme=scheme)
        read.set_content(page.content())
    found = axe.Axe().run(read).response["violations"]
    if not scripts:
        read.close()
    nothing = [(one["id"], one["nodes"][0]["html"][:200]) for one in found]
    assert nothing == []


@contextmanager
def full_queue(server) -> Iterator[None]:
    """No place is free while this lasts."""
    folders = []
    with suppress(Refusal):
        while True:
            folders.append(server.board.reserve())
    try:
        yield
    finally:
        for folder in folders:
            server.board.release(folder)


@pytest.mark.parametrize(
    ("size", "why"),
    [(SMALL + 1, "A clip may have at most 300 kB."), (2_000_000, "A clip may have at most 300 kB."),
     (20_000_000, "One request may have at most 2.8 MB.")],
)  # fmt: skip
def test_a_clip_that_is_too_large_without_scripts(browser, server, scheme, tmp_path, size, why):
    """The answer arrives although it is given while the clip is still being sent."""
    (tmp_path / "large.mp4").write_bytes(b"x" * size)
    with opened(browser, server.url, scheme, 413, scripts=False) as page:
        page.goto("/")
        page.set_input_files("#clip", str(tmp_path / "large.mp4"))
        with page.expect_navigation() as going:
            page.click("button[type=submit]")
        assert going.value.status == 413
        assert page.inner_text("h1") == "That is too much"
        assert page.inner_text(".lead") == why
        assert not page.is_visible("#theme")  # it would do nothing here
        looks_well(page, scheme, scripts=False)
    assert server.board.busy() == 0


@pytest.mark.parametrize(
    ("size", "why"),
    [(2_000_000, "a clip may have at most 300 kB"),
     (20_000_000, "one request may have at most 2.8 MB")],
)  # fmt: skip
def test_a_clip_that_is_too_large_past_the_check(browser, server, scheme, tmp_path, size, why):
    (tmp_path / "large.mp4").write_bytes(b"x" * size)
    with opened(browser, server.url, scheme, 413) as page:
        page.goto("/")
        page.evaluate("Object.defineProperty(File.prototype, 'size', { get: () => 1 })")
        page.set_input_files("#clip", str(tmp_path / "large.mp4"))
        page.fill("#caption", "still here")
        page.click("button[type=submit]")
        trouble = page.locator("#trouble")
        sync_api.expect(trouble).to_have_text(f"That did not work: {why}.", timeout=60_000)
        assert page.input_value("#caption") == "still here"
        assert page.is_visible("#chosen li")
        looks_well(page, scheme)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_full_queue_says_when_to_come_back(browser, server, scheme, scripts):
    with opened(browser, server.url, scheme, 503, scripts=scripts) as page:
        page.goto("/")
        page.fill("#caption", "patience")
        with full_queue(server):
            with page.expect_response(re.compile("/predict|/jobs")) as coming:
                page.click("button[type=submit]")
            assert coming.value.status == 503
            seconds = coming.value.headers["retry-after"]
            if scripts:
                trouble = page.locator("#trouble")
                sync_api.expect(trouble).to_contain_text("too many are waiting")
            else:
                page.wait_for_selector(".status")
                assert page.inner_text("h1") == "Not right now"
                assert f"Wait {seconds} seconds" in page.inner_text("main")
            looks_well(page, scheme, scripts=scripts)
        if not scripts:
            page.go_back()
        assert page.input_value("#caption") == "patience"
        page.click("button[type=submit]")
        page.wait_for_selector("#sentence")


def test_a_clip_that_is_none_beside_what_the_caption_says(browser, server, scheme, tmp_path):
    (tmp_path / "holiday.mp4").write_text("not a film\n" * 100)
    with opened(browser, server.url, scheme) as page:
        page.goto("/")
        page.set_input_files("#clip", str(tmp_path / "holiday.mp4"))
        page.fill("#caption", "a caption that counts #tag1")
        page.click("button[type=submit]")
        page.wait_for_selector("#sentence")
        told = page.inner_text(".caution")
        assert "This file could not be read" in told
        assert "the first bytes are those of no media format" in told
        assert "knows only what was typed in" in told
        assert "Four times in five" in page.inner_text("#sentence")
        looks_well(page, scheme)


def test_several_candidates_fit_a_phone_with_their_ranges(browser, server, scheme):
    with opened(browser, server.url, scheme) as page:
        page.goto("/")
        page.click("#another")
        page.locator("textarea").nth(0).fill("one")
        page.locator("textarea").nth(1).fill("two words #tag2")
        page.click("button[type=submit]")
        page.wait_for_selector("#side")
        for row in page.locator("#side tbody tr").all():
            for cell in row.locator("td").all():
                box = cell.bounding_box()
                assert box is not None
                assert box["x"] + box["width"] <= PHONE["width"]
        looks_well(page, scheme)


def test_the_token_wrong_and_right(browser, scheme):
    with site(token=TOKEN) as locked, opened(browser, locked.url, scheme, 401) as page:
        page.goto("/")
        assert page.url.endswith("/login")
        looks_well(page, scheme)
        page.fill("#token", "not-the-token-of-the-tests")
        page.click("button[type=submit]")
        page.wait_for_selector("[role=alert]")
        assert page.inner_text("[role=alert]") == "That is not the token."
        assert page.input_value("#token") == ""
        looks_well(page, scheme)
        page.fill("#token", TOKEN)
        page.click("button[type=submit]")
        page.wait_for_selector("#ask")
        looks_well(page, scheme)


def test_what_is_not_there_any_more(browser, server, scheme):
    with opened(browser, server.url, scheme, 404) as page:
        for path, why in (
            ("/nothing", "There is nothing at this address."),
            (f"/results/{'a' * 32}", "results are kept for a while"),
            (f"/predictions/{'0' * 32}", "There is no such prediction."),
        ):
            page.goto(path)
            assert page.inner_text("h1") == "There is nothing here"
            assert why in page.inner_text(".lead")
            looks_well(page, scheme)
        page.click("main a")
        page.fill("#caption", "soon gone")
        page.click("button[type=submit]")
        page.wait_for_selector("#sentence")
        server.board.drop(page.url.rpartition("/")[2])
        page.fill("#w-caption", "what if it is gone")
        effect = page.locator("#effect")
        sync_api.expect(effect).to_contain_text("That did not work: there is no such result")
        page.reload()
        assert "results are kept for a while" in page.inner_text(".lead")


def test_feedback_thanked_for_held_and_refused(browser, server, scheme):
    with opened(browser, server.url, scheme, 422) as page:
        page.goto("/")
        page.fill("#caption", f"tell me later {scheme}")
        page.click("button[type=submit]")
        page.wait_for_selector("#told")
        looks_well(page, scheme)
        for views, likes, role, said in (
            ("12,000", "900", "status", "Thank you: kept for the next training."),
            ("12,000", "90000", "status", "more likes (90,000) than views (12,000)"),
            ("many", "", "alert", "That did not work: views is a whole number"),
        ):
            page.fill("#t-views", views)
            page.fill("#t-likes", likes)
            with page.expect_navigation():
                page.click(".told-form button")
            assert said in page.inner_text(f"[role={role}]")
            looks_well(page, scheme)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """Pages of `virality monitor`: one with outcomes of another rule, one with hardly any."""
    folder = tmp_path_factory.mktemp("watched")
    known = join_weeks([make_week(week, 60) for week in range(3)])
    write_features(folder / "features", known)
    model = train(known.matrix, known.posts, target="views")
    save_model(model, folder / "model")
    mark = bundle_hash(folder / "model")
    for name, posts in (("drifted", 50), ("few", 4)):
        with open_log(folder / f"{name}.db") as log:
            for week in (3, 4, 5):
                predict_week(log, mark, model, make_week(week, posts, drifted=True))
        options = ["--features", str(folder / "features")] if name == "drifted" else []
        done = CliRunner().invoke(
            app, ["monitor", str(folder / f"{name}.db"), "--model", str(folder / "model"),
                  "-o", str(folder / f"{name}.html"), *options, "-q"],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    return folder


@pytest.mark.parametrize(("name", "said"), [("drifted", "Train again."), ("few", "Too early")])
def test_the_monitors_page(browser, watched, scheme, name, said):
    with opened(browser, "", scheme) as page:
        asked: list[str] = []
        page.on("request", lambda one: asked.append(one.url))
        page.goto((watched / f"{name}.html").as_uri())
        assert said in page.inner_text(".headline")
        text = page.inner_text("main")
        assert "`" not in text
        assert "__" not in text  # features go by names that people know
        looks_well(page, scheme)
        page.set_viewport_size({"width": 1280, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        assert len(asked) == 1
