"""The page under hasty hands: clips dropped anywhere, taken away, stopped; ends of sliders."""

from pathlib import Path

import pytest
import serve_case as case
from chromium import needs_chromium, that_keeps_pages
from serve_case import site

from virality.workflow.prediction_log import open_log

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.nightly, needs_chromium]
LAPTOP = {"width": 1280, "height": 640}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with (
        open_log(tmp_path_factory.mktemp("log") / "predictions.db") as log,
        site(clip_bytes=300_000, log=log) as one,
    ):
        yield one


@pytest.fixture
def page(browser, server):
    context = browser.new_context(base_url=server.url, viewport=LAPTOP)
    one = context.new_page()
    one.set_default_timeout(60_000)
    one.goto("/")
    yield one
    context.close()


def drop(page, place: str, *files: Path) -> None:
    """Drop files on the middle of something, as a file manager does."""
    box = page.locator(place).bounding_box()
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(one) for one in files], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **at})


def chosen(page) -> list[str]:
    return page.locator("#chosen li span").all_inner_texts()


@pytest.mark.parametrize("place", ["#drop", "#caption", "h1"])
def test_clips_may_be_dropped_anywhere(page, place):
    page.fill("#caption", "what was typed")
    drop(page, place, case.clip(0), case.clip(1))
    assert chosen(page) == ["clip0.mp4", "clip1.mp4"]
    page.wait_for_timeout(500)  # a browser that opens the clip does so in a page of its own
    assert len(page.context.pages) == 1
    assert page.input_value("#caption") == "what was typed"


def test_a_folder_is_no_clip(page, tmp_path):
    (tmp_path / "takes").mkdir()
    drop(page, "#drop", case.clip(0), tmp_path / "takes")
    sync_api.expect(page.locator("#trouble")).to_contain_text("This cannot be read: takes.")
    assert chosen(page) == ["clip0.mp4"]


def test_a_clip_that_was_taken_away_is_no_broken_connection(page, tmp_path):
    clip = tmp_path / "gone.mp4"
    clip.write_bytes(case.clip(0).read_bytes())
    page.set_input_files("#clip", [str(clip), str(case.clip(1))])
    page.wait_for_timeout(300)
    clip.unlink()
    page.click("button[type=submit]")
    sync_api.expect(page.locator("#trouble")).to_contain_text("This cannot be read: gone.mp4.")
    assert chosen(page) == ["clip1.mp4"]
    page.click("button[type=submit]")
    page.wait_for_selector("#sentence")


def test_the_servers_silence_and_a_proxys_refusal_are_told_apart(page):
    page.fill("#caption", "anything")
    page.route("**/api/v1/jobs", lambda route: route.abort())
    page.click("button[type=submit]")
    sync_api.expect(page.locator("#trouble")).to_contain_text("The connection broke")
    page.unroute("**/api/v1/jobs")
    page.route("**/api/v1/jobs", lambda route: route.fulfill(status=413, body="<h1>Too large</h1>"))
    page.click("button[type=submit]")
    sync_api.expect(page.locator("#trouble")).to_contain_text("refused it (status 413)")


def test_what_is_wrong_with_a_clip_is_in_sight(page, tmp_path):
    large = tmp_path / "large.mp4"
    large.write_bytes(b"x" * 300_001)
    drop(page, "#drop", large)
    sync_api.expect(page.locator("#trouble")).to_be_in_viewport()


def test_followers_may_be_pasted_with_any_blank_and_what_cannot_be_says_what_can(page):
    valid = "document.getElementById('followers').checkValidity()"
    page.fill("#followers", "12\u00a0000")
    assert page.evaluate(valid)
    page.fill("#followers", "12 k")
    assert not page.evaluate(valid)
    assert "12000" in page.get_attribute("#followers", "title")


@pytest.mark.parametrize("kept", [True, False])
def test_stopping_leads_back_to_the_form_as_it_was_left(browser, server, kept):
    with that_keeps_pages(browser) as other:
        page = (other if kept else browser).new_page(base_url=server.url)
        page.set_default_timeout(60_000)
        page.goto("/")
        page.fill("#caption", "a caption with a mistale")
        page.set_input_files("#clip", str(case.clip(0)))
        server.board.predictor._lock.acquire()
        try:
            page.click("button[type=submit]")
            page.wait_for_selector("#wait")
            page.click("#stop")
            page.wait_for_selector("#ask")
            assert page.input_value("#caption") == "a caption with a mistale"
            assert chosen(page) == (["clip0.mp4"] if kept else [])
        finally:
            server.board.predictor._lock.release()
        page.close()


def test_stopping_a_job_whose_address_was_opened_leads_to_a_form(page, server):
    server.board.predictor._lock.acquire()
    try:
        with server.client() as client:
            job = client.post("/api/v1/jobs", files=case.form(captions=("two",))).json()["id"]
        page.goto(f"/results/{job}")
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.route(f"**/api/v1/jobs/{job}", lambda route: route.abort())  # nobody hears it
        page.click("#stop")
        page.wait_for_selector("#ask")
        assert wrong == []
    finally:
        server.board.predictor._lock.release()


def predicted(page) -> None:
    page.set_input_files("#clip", str(case.clip(0)))
    page.click("button[type=submit]")
    page.wait_for_selector("#sentence")


def test_what_has_not_changed_is_not_told_again(page, server):
    """A live region whose text is set anew is read out anew, several times a second."""
    server.board.predictor._lock.acquire()
    try:
        page.fill("#caption", "wait for me")
        page.click("button[type=submit]")
        page.wait_for_selector("[data-stage=predict].now")
        page.wait_for_timeout(700)
        page.evaluate(
            "window.told = 0; new MutationObserver(all => { told += all.filter("
            "one => one.type == 'childList').length; }).observe("
            "document.getElementById('wait'), { subtree: true, childList: true })"
        )
        page.wait_for_timeout(1500)
        assert page.evaluate("told") == 0
    finally:
        server.board.predictor._lock.release()
    page.wait_for_selector("#sentence")


def test_both_ends_of_a_slider_are_answered_and_said(page):
    predicted(page)
    slider = page.locator("[data-column]").first
    assert slider.get_attribute("aria-valuetext") == page.inner_text("#o-1")
    page.evaluate(
        "document.addEventListener('input', event => {"
        " window.meanwhile = event.target.getAttribute('aria-valuetext'); })"
    )
    for key, end in (("End", "max"), ("Home", "min")):
        slider.focus()
        slider.evaluate("one => { one.value = (Number(one.min) + Number(one.max)) / 2; }")
        with page.expect_response("**/what-if") as answer:
            page.keyboard.press(key)
        assert page.evaluate("meanwhile") is None  # not where it stood before
        assert answer.value.status == 200
        low, high = (float(slider.get_attribute(name)) for name in ("min", "max"))
        value = float(slider.input_value())
        assert value == pytest.approx({"min": low, "max": high}[end], abs=1e-5 * (high - low))
        words = answer.value.json()["words"]["levers"][slider.get_attribute("data-column")]
        sync_api.expect(slider).to_have_attribute("aria-valuetext", words)


def test_the_answer_of_a_slider_stays_in_sight(browser, server):
    page = browser.new_page(
        base_url=server.url, viewport={"width": 320, "height": 500}, reduced_motion="reduce"
    )
    page.set_default_timeout(60_000)
    page.goto("/")
    predicted(page)
    page.locator("[data-column]").last.focus()
    sync_api.expect(page.locator("#then")).to_be_in_viewport()
    top, bottom = (
        f"document.{one}.getBoundingClientRect()"
        for one in ("activeElement", "querySelector('.then')")
    )
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('#what-if .field *')"):
            assert page.evaluate(f"{top}.top >= {bottom}.bottom")
    page.close()


def test_the_address_to_keep_is_whole(page, server):
    predicted(page)
    told = page.inner_text("#told .keep")
    assert told == server.url + page.get_attribute("#told .keep", "href")
