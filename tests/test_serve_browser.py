"""The page in a real browser: upload, progress, result, what-if, errors, at a phone's width too."""

from pathlib import Path

import pytest
import serve_case as case
from chromium import needs_chromium, that_keeps_pages
from serve_case import site

from virality.workflow.prediction_log import open_log

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.nightly, needs_chromium]
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with (
        open_log(tmp_path_factory.mktemp("log") / "predictions.db") as log,
        site(clip_bytes=300_000, log=log) as one,
    ):
        yield one


@pytest.fixture
def page(browser, server):
    context = browser.new_context(base_url=server.url, viewport={"width": 1200, "height": 900})
    one = context.new_page()
    one.set_default_timeout(60_000)
    said: list[str] = []
    asked: list[str] = []
    one.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    one.on("pageerror", lambda error: said.append(str(error)))
    one.on("request", lambda request: asked.append(request.url))
    yield one
    context.close()
    assert all(url.startswith((server.url, "data:")) for url in asked)
    assert not [text for text in said if "422" not in text and "404" not in text]


def predict(page, *clips: Path, caption: str = "") -> None:
    page.goto("/")
    if clips:
        page.set_input_files("#clip", [str(one) for one in clips])
    page.fill("#caption", caption)
    page.fill("#followers", "12000")
    page.click("button[type=submit]")
    page.wait_for_url("**/results/**")
    page.wait_for_selector("#sentence")


def test_upload_result_and_what_if(page):
    predict(page, case.clip(0), caption="word word #tag1")
    assert "Four times in five" in page.inner_text("#sentence")
    assert page.is_visible("#apart")
    assert not page.is_visible("#stack")
    page.click("[data-mode=stack]")
    assert page.is_visible("#stack")
    assert not page.is_visible("#apart")
    before = page.inner_text("#then")
    page.fill("#w-caption", "word " * 60)
    sync_api.expect(page.locator("#then")).not_to_have_text(before, timeout=60_000)
    assert page.inner_text("#effect").startswith(("times", "divided"))
    page.click("#what-if button[type=reset]")
    sync_api.expect(page.locator("#then")).to_have_text(before, timeout=60_000)


def test_feedback_is_thanked_for_held_and_found_again(page):
    predict(page, caption="tell me later")
    place = page.get_attribute("#told .keep", "href")
    page.fill("#t-views", "12,000")
    page.fill("#t-likes", "900")
    page.click(".told-form button")
    page.wait_for_url(f"**{place}")
    assert "kept for the next training" in page.inner_text("[role=status]")
    page.goto(place)
    assert page.locator("[role=status]").count() == 0
    page.fill("#t-likes", "5000")
    page.fill("#t-views", "999")
    page.click(".told-form button")
    page.wait_for_selector(".caution")
    assert "more likes" in page.inner_text("[role=status]")
    page.fill("#t-views", "many")
    page.click(".told-form button")
    page.wait_for_selector("[role=alert]")
    assert "whole number" in page.inner_text("[role=alert]")


def changed(page, text: str) -> dict:
    """Change the caption of the what-if and return what the server is asked."""
    with page.expect_request("**/what-if") as asked:
        page.fill("#w-caption", text)
    sync_api.expect(page.locator(".then.busy")).to_have_count(0, timeout=60_000)
    return asked.value.post_data_json


def test_a_slider_that_nobody_moved_is_no_change(page):
    predict(page, case.clip(0), caption="word word #tag1")
    slider = page.locator("[data-column]").first
    slider.evaluate(  # as most values do, it lies between two steps
        "one => one.setAttribute('value', Number(one.min) + 10.3 * Number(one.step))"
    )
    assert changed(page, "word word #tag1 ")["levers"] == {}
    assert page.inner_text("#effect") == "no change so far"
    slider.focus()
    page.keyboard.press("End")
    column = slider.get_attribute("data-column")
    assert list(changed(page, "word word #tag1")["levers"]) == [column]


def test_coming_back_the_answer_is_of_what_is_filled_in_again(page):
    predict(page, caption="word word #tag1")
    changed(page, "word " * 60)
    told = page.inner_text("#then"), page.inner_text("#effect")
    assert told[1] != "no change so far"
    page.click(".bar-end a")
    page.wait_for_selector("#ask")
    page.go_back()
    assert page.input_value("#w-caption") == "word " * 60
    sync_api.expect(page.locator("#effect")).to_have_text(told[1], timeout=60_000)
    assert page.inner_text("#then") == told[0]


def test_without_a_connection_no_older_answer_stands_beside_new_values(browser, server):
    context = browser.new_context(base_url=server.url)
    page = context.new_page()
    page.set_default_timeout(60_000)
    predict(page, caption="word word #tag1")
    context.set_offline(True)
    page.fill("#w-caption", "nobody hears this")
    sync_api.expect(page.locator("#effect")).to_have_text(
        "The connection broke. Is the server still running?"
    )
    assert page.inner_text("#then") == "\u2013"
    context.set_offline(False)
    changed(page, "word word #tag1")
    assert page.inner_text("#effect") == "no change so far"
    context.close()


def test_the_way_says_that_the_connection_broke_and_goes_on(browser, server):
    page = browser.new_page(base_url=server.url)
    page.set_default_timeout(60_000)
    server.board.predictor._lock.acquire()
    try:
        page.goto("/")
        page.fill("#caption", "wait for me")
        page.click("button[type=submit]")
        page.wait_for_selector("[data-stage=predict].now")
        sync_api.expect(page.locator("#stage")).to_have_text("Asking the model")
        page.route("**/api/v1/jobs/*?brief=true", lambda route: route.abort())
        measured = page.locator("#measured")
        sync_api.expect(measured).to_contain_text("The connection broke", timeout=60_000)
        page.unroute("**/api/v1/jobs/*?brief=true")
        sync_api.expect(measured).to_contain_text("measured", timeout=60_000)
    finally:
        server.board.predictor._lock.release()
    page.wait_for_selector("#sentence")
    page.close()


def test_keys_are_never_left_without_a_place(page):
    focused = "document.activeElement.id || document.activeElement.getAttribute('aria-label')"
    page.goto("/")
    page.set_input_files("#clip", [str(case.clip(0)), str(case.clip(1))])
    page.focus("#chosen li:first-child button")
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "Remove clip1.mp4"
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "clip"
    page.route("**/api/v1/jobs", lambda route: None)
    page.fill("#caption", "sent by keys")
    page.focus("button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#progress")
    assert page.evaluate(focused) == "progress"
    page.focus("#stop")
    page.keyboard.press("Enter")
    assert page.is_visible("#ask")
    assert page.evaluate("document.activeElement.type") == "submit"
    for _ in range(5):
        page.click("#another")
    assert page.locator("#captions textarea").count() == 6
    assert not page.is_visible("#another")


def test_a_form_that_is_brought_back_while_sending_can_be_sent(page):
    page.goto("/")
    page.fill("#caption", "there and back")
    page.route("**/api/v1/jobs", lambda route: None)
    page.click("button[type=submit]")
    page.wait_for_selector("#progress")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert page.is_visible("#ask")
    assert not page.is_visible("#progress")


def sent_with_two_captions(page) -> None:
    page.goto("/")
    page.set_input_files("#clip", [str(case.clip(0)), str(case.clip(1))])
    page.click("#another")
    page.locator("textarea").nth(0).fill("one")
    page.locator("textarea").nth(1).fill("two words #tag2")
    page.click("button[type=submit]")
    page.wait_for_selector("#side")


def test_several_clips_and_captions_side_by_side(page):
    sent_with_two_captions(page)
    assert page.locator("#side tbody tr").count() == 4
    page.locator("#side tbody a").nth(3).click()
    page.wait_for_url("**?item=*")
    assert page.locator("#side tr.ours").count() == 1


def test_progress_is_told_by_stage_and_can_be_stopped(page, server):
    folders = [server.board.reserve()]  # nothing: the job below is held before it runs
    server.board.predictor._lock.acquire()
    try:
        page.goto("/")
        page.fill("#caption", "wait for me")
        page.click("button[type=submit]")
        page.wait_for_selector("[data-stage=predict].now")
        assert page.locator(".stages .past").count() >= 1
        # A look at the job that is answered after the stop finds nothing: that must not show.
        page.route("**/api/v1/jobs/*?brief=true", lambda route: route.fulfill(status=404))
        page.click("#stop")
        page.wait_for_selector("#ask")
    finally:
        server.board.predictor._lock.release()
        server.board.release(folders[0])


def test_what_cannot_be_sent_is_said_before_it_is_sent(page, tmp_path):
    page.goto("/")
    page.click("button[type=submit]")
    assert "Drop a clip or write a caption" in page.inner_text("#trouble")
    large = tmp_path / "large.mp4"
    large.write_bytes(b"x" * 300_001)
    page.set_input_files("#clip", str(large))
    assert "large.mp4 is larger than" in page.inner_text("#trouble")
    page.set_input_files("#clip", str(case.clip(0)))
    assert page.locator("#chosen li").count() == 1
    page.set_input_files("#clip", [str(case.clip(i % 2)) for i in range(5)])
    for number in range(3):
        if number:
            page.click("#another")
        page.locator("textarea").nth(number).fill(f"caption {number}")
    page.click("button[type=submit]")
    assert "18 candidates, and at most 12" in page.inner_text("#trouble")
    page.reload()
    page.set_input_files("#clip", str(case.clip(0)))
    page.click("#chosen button")
    assert page.locator("#chosen li").count() == 0
    page.fill("#caption", "fine")
    page.evaluate("document.getElementById('followers').removeAttribute('pattern')")
    page.fill("#followers", "many")
    page.click("button[type=submit]")
    sync_api.expect(page.locator("#trouble")).to_contain_text("followers", timeout=60_000)


def test_names_and_captions_run_nothing(page):
    attack = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
    predict(page, caption=attack)
    assert page.title() != "1"
    assert page.locator("main img").count() == 0
    assert "<script>" in page.inner_text(".caption")


def test_errors_are_pages(page):
    page.goto("/nothing")
    assert "There is nothing here" in page.inner_text("h1")
    page.click("main a")
    page.wait_for_selector("#ask")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(browser, server, scheme):
    context = browser.new_context(base_url=server.url, viewport=PHONE, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(60_000)
    predict(page, case.clip(1), caption="a long caption " * 20 + "w" * 90)
    kept = page.get_attribute("#told .keep", "href")
    for path in (page.url, kept, "/", "/nothing"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(20, 23, 27)") == (scheme == "dark")
    context.close()


def test_long_names_and_captions_are_no_wider_than_a_small_phone(browser, server, tmp_path):
    clip = tmp_path / f"{'n' * 150}.mp4"
    clip.write_bytes(case.clip(0).read_bytes())
    context = browser.new_context(base_url=server.url, viewport={"width": 320, "height": 700})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto("/")
    page.set_input_files("#clip", [str(clip), str(case.clip(1))])
    page.click("#another")
    page.locator("textarea").nth(0).fill("w" * 300)
    page.locator("textarea").nth(1).fill("\u0645\u0631\u062d\u0628\u0627" * 60 + " \U0001f525" * 9)
    page.click("button[type=submit]")
    page.wait_for_selector("#side")
    for item in range(4):
        page.goto(f"{page.url.partition('?')[0]}?item={item}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
    context.close()


def test_going_back_what_was_typed_is_there(page):
    typed = {"followers": "12000", "hashtags": "#a #b", "author": "me", "sound_title": "a song",
             "sound": "77", "posted_at": "2026-05-01T18:00", "caption": "x"}  # fmt: skip
    page.goto("/")
    for name, value in typed.items():
        page.fill(f"#{name}", value)
    page.click("button[type=submit]")
    page.wait_for_selector("#sentence")
    page.go_back()
    page.wait_for_selector("#ask")
    page.wait_for_timeout(500)  # browsers fill in after the page is there
    assert {name: page.input_value(f"#{name}") for name in typed} == typed


def captions_of(page) -> list[str]:
    return [one.input_value() for one in page.locator("#captions textarea").all()]


def test_going_back_chosen_clips_are_there(browser, server):
    """As long as the browser keeps the page, which it does unless it is told not to store it."""
    with that_keeps_pages(browser) as other:
        page = other.new_page(base_url=server.url)
        page.set_default_timeout(60_000)
        sent_with_two_captions(page)
        page.go_back(wait_until="commit")
        page.wait_for_selector("#ask")
        assert page.locator("#chosen li span").all_inner_texts() == ["clip0.mp4", "clip1.mp4"]
        assert captions_of(page) == ["one", "two words #tag2"]
        page.click("button[type=submit]")
        page.wait_for_selector("#side")
        assert page.locator("#side tbody tr").count() == 4


def test_going_back_to_a_page_that_was_not_kept_added_captions_are_there(page):
    sent_with_two_captions(page)
    page.go_back()
    page.wait_for_selector("#ask")
    assert captions_of(page) == ["one", "two words #tag2"]
    assert "Choose your clips again" in page.inner_text("#trouble")
    assert "clip0.mp4, clip1.mp4" in page.inner_text("#trouble")
    page.locator("textarea").nth(1).fill("another")
    page.set_input_files("#clip", str(case.clip(1)))
    assert page.inner_text("#trouble") == ""
    page.reload()
    assert captions_of(page) == ["one", "another"]
    assert "clip1.mp4" in page.inner_text("#trouble")
    page.goto("/nothing")
    page.goto("/")  # coming by a link is no coming back
    assert captions_of(page) == [""]
    assert page.inner_text("#trouble") == ""


def test_without_scripts_the_form_still_works(browser, server):
    context = browser.new_context(base_url=server.url, java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto("/")
    page.fill("#caption", "no scripts here")
    page.click("button[type=submit]")
    page.wait_for_selector("#sentence")  # the page looks again by itself
    assert page.is_visible("#apart")
    assert page.is_visible("#stack")
    context.close()
