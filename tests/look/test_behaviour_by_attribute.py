"""The modules of static/js do what docs/style-guide.md says, in a browser, under the content security policy."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.look.conftest import Answer, Site, page_with

pytestmark = pytest.mark.browser

DRAFT_FORM = """<form method="post" action="/save" data-draft-key="summary-2" class="form">
<input type="hidden" name="csrfmiddlewaretoken" value="t"><label for="text">Summary</label>
<textarea id="text" name="text" {attributes}>{text}</textarea>{error}<button class="button">Save</button></form>"""


def draft_form(text: str = "", error: str = "") -> str:
    return DRAFT_FORM.format(text=text, error=error, attributes='aria-invalid="true"' if error else "")


def live_part(version: int, state: str, inside: str = "") -> str:
    return f"""<section id="run" data-live-url="/run" data-live-version="{version}" data-live-interval="0.2">
<p id="step" data-live-key="step-3" data-state="{state}" data-live-label="Step 3: {state}">{state}</p>
{inside}</section>"""


def test_a_live_part_asks_with_its_version_and_is_replaced_when_something_changed(site: Site, page: Page) -> None:
    current: dict[str, Any] = {"version": 1, "state": "running"}

    def answer(method: str, path: str, body: bytes) -> Answer:
        if path == "/":
            return page_with(live_part(1, "running"))
        if path == f"/run?version={current['version']}":
            return 204, {}, ""
        return 200, {"Content-Type": "text/html"}, live_part(current["version"], current["state"])

    site.answer = answer
    page.goto(site.url)
    page.wait_for_timeout(500)
    expect(page.locator("#step")).to_have_text("running")
    current.update(version=2, state="failed")
    expect(page.locator("#step")).to_have_text("failed")
    expect(page.locator("#step")).to_have_attribute("data-just-changed", "")
    expect(page.locator("#announcer")).to_have_text("Step 3: failed")
    page.wait_for_timeout(500)
    assert any(path == "/run?version=2" for _, path, _, _ in site.requests)


def test_a_live_part_waits_while_somebody_types_in_it(site: Site, page: Page) -> None:
    current = {"version": 1}

    def answer(method: str, path: str, body: bytes) -> Answer:
        field = '<input id="note" aria-label="Note">'
        if path == "/":
            return page_with(live_part(1, "running", field))
        return 200, {"Content-Type": "text/html"}, live_part(current["version"], "failed", field)

    site.answer = answer
    page.goto(site.url)
    page.locator("#note").press_sequentially("half a thought")
    page.wait_for_timeout(800)
    expect(page.locator("#note")).to_have_value("half a thought")
    expect(page.locator("#step")).to_have_text("running")
    page.locator("#note").fill("")
    page.locator("#note").blur()
    expect(page.locator("#step")).to_have_text("failed")


def test_a_lost_connection_is_said_and_the_page_catches_up(site: Site, page: Page) -> None:
    broken = {"now": True}

    def answer(method: str, path: str, body: bytes) -> Answer:
        if path == "/":
            return page_with(live_part(1, "running"))
        if broken["now"]:
            return 502, {}, ""
        return 200, {"Content-Type": "text/html"}, live_part(2, "passed")

    site.answer = answer
    page.goto(site.url)
    expect(page.locator("#connection")).to_contain_text("Connection lost. What you see is from")
    broken["now"] = False
    expect(page.locator("#step")).to_have_text("passed", timeout=10000)
    expect(page.locator("#connection")).to_have_count(0)


def test_a_live_part_stops_and_says_so_when_the_session_has_ended(site: Site, page: Page) -> None:
    site.answer = lambda method, path, body: page_with(live_part(1, "running")) if path == "/" else (403, {}, "")
    page.goto(site.url)
    expect(page.locator("#connection")).to_contain_text("You are signed out")
    asked = len(site.requests)
    page.wait_for_timeout(700)
    assert len(site.requests) == asked


def test_typed_text_survives_a_closed_page_and_is_offered_back(site: Site, page: Page) -> None:
    site.answer = lambda method, path, body: page_with(draft_form())
    page.goto(site.url)
    page.locator("#text").press_sequentially("Three services were down")
    page.wait_for_timeout(600)
    page.goto("about:blank")
    page.goto(site.url)
    expect(page.locator("#text")).to_have_value("")
    page.get_by_role("button", name="Restore").click()
    expect(page.locator("#text")).to_have_value("Three services were down")
    expect(page.locator(".draft-offer")).to_have_count(0)


def test_a_saved_text_is_not_offered_again(site: Site, page: Page) -> None:
    def answer(method: str, path: str, body: bytes) -> Answer:
        return (302, {"Location": "/"}, "") if method == "POST" else page_with(draft_form())

    site.answer = answer
    page.goto(site.url)
    page.locator("#text").press_sequentially("Saved words")
    page.wait_for_timeout(600)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"{site.url}/")
    page.goto(f"{site.url}/")
    expect(page.locator("#text")).to_have_value("")
    expect(page.locator(".draft-offer")).to_have_count(0)


COMPOSER = """<form id="composer" method="post" action="/log" hx-post="/log" hx-target="#composer" hx-swap="outerHTML"
data-draft-key="composer-2"><textarea name="text" id="text" aria-label="Text" data-enter-submits>{text}</textarea>
{error}<button>Log</button></form>"""


def test_a_line_logged_by_htmx_leaves_no_draft_and_a_refused_one_does(site: Site, page: Page) -> None:
    refusing = {"now": False}

    def answer(method: str, path: str, body: bytes) -> Answer:
        if method == "GET":
            return page_with(COMPOSER.format(text="", error=""))
        if refusing["now"]:
            error = '<p class="composer-error">No such time.</p>'
            return 422, {"Content-Type": "text/html"}, COMPOSER.format(text="25:99 x", error=error)
        return 200, {"Content-Type": "text/html"}, COMPOSER.format(text="", error="")

    site.answer = answer
    page.goto(site.url)
    for line in ("14:05 restarted proxy", "14:09 no better"):
        page.locator("#text").press_sequentially(line)
        page.keyboard.press("Enter")
        expect(page.locator("#text")).to_have_value("")
    page.wait_for_timeout(600)
    expect(page.locator(".draft-offer")).to_have_count(0)
    page.goto(site.url)
    expect(page.locator("#text")).to_have_value("")
    expect(page.locator(".draft-offer")).to_have_count(0)
    refusing["now"] = True
    page.locator("#text").press_sequentially("25:99 x")
    page.keyboard.press("Enter")
    expect(page.locator(".composer-error")).to_have_text("No such time.")
    page.goto(site.url)
    expect(page.locator(".draft-offer")).to_have_count(1)


def test_a_text_the_server_broke_on_is_offered_again(site: Site, page: Page) -> None:
    def answer(method: str, path: str, body: bytes) -> Answer:
        if method == "POST":
            return 500, *page_with("<h1>Something broke</h1>", " data-error-page")[1:]
        return page_with(draft_form())

    site.answer = answer
    page.goto(site.url)
    page.locator("#text").press_sequentially("Not yet saved")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Something broke")).to_be_visible()
    page.goto(site.url)
    page.get_by_role("button", name="Restore").click()
    expect(page.locator("#text")).to_have_value("Not yet saved")


def test_a_refused_form_keeps_its_draft(site: Site, page: Page) -> None:
    def answer(method: str, path: str, body: bytes) -> Answer:
        if method == "POST":
            return page_with(draft_form("Too short", '<ul class="errorlist"><li>Say more.</li></ul>'))
        return page_with(draft_form())

    site.answer = answer
    page.goto(site.url)
    page.locator("#text").press_sequentially("Too short")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Say more.")).to_be_visible()
    page.goto(site.url)
    expect(page.get_by_role("button", name="Restore")).to_be_visible()


def test_keys_follow_links_and_rest_while_somebody_types(site: Site, page: Page) -> None:
    site.answer = lambda method, path, body: page_with(
        """<a href="/declare" data-key="d" data-key-label="Declare an incident">Declare</a>
        <a href="/maintenance" data-key="g m">Maintenance</a><input id="name" aria-label="Name">"""
    )
    page.goto(site.url)
    page.locator("#name").press_sequentially("d g m ?")
    assert page.url == f"{site.url}/"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_contain_text("Declare an incident")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url(f"{site.url}/maintenance")
    page.keyboard.press("d")
    page.wait_for_url(f"{site.url}/declare")


def test_clocks_run_and_relative_times_are_words(site: Site, page: Page) -> None:
    now = datetime.now(UTC)
    hours_ago, opens = (
        (now - timedelta(hours=3, minutes=5)).isoformat(),
        (now + timedelta(days=1, minutes=1)).isoformat(),
    )
    site.answer = lambda method, path, body: page_with(
        f"""<time id="relative" datetime="{hours_ago}" data-relative>x</time>
        <span id="since" data-clock-since="{hours_ago}">x</span><span id="until" data-clock-until="{opens}">x</span>"""
    )
    page.goto(site.url)
    expect(page.locator("#relative")).to_have_text("3 hours ago")
    expect(page.locator("#since")).to_contain_text("03:05:")
    expect(page.locator("#until")).to_contain_text("1 d 00:00:")
    first = page.locator("#since").text_content()
    page.wait_for_timeout(1300)
    assert page.locator("#since").text_content() != first


PASTE = """async (element) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array([137, 80, 78, 71])], "graph.png", {type: "image/png"}));
  element.dispatchEvent(new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true}));
}"""


def test_a_pasted_picture_is_uploaded_with_the_token_and_linked_at_the_cursor(site: Site, page: Page) -> None:
    def answer(method: str, path: str, body: bytes) -> Answer:
        if path == "/pictures":
            return 200, {"Content-Type": "application/json"}, json.dumps({"markdown": "![graph.png](/files/7)"})
        return page_with('<textarea id="text" aria-label="Text" data-paste-upload-url="/pictures">Seen: </textarea>')

    site.answer = answer
    page.goto(site.url)
    page.locator("#text").press("Control+End")
    page.locator("#text").evaluate(PASTE)
    expect(page.locator("#text")).to_have_value("Seen: ![graph.png](/files/7)")
    method, path, body, headers = site.requests[-1]
    assert (method, path, headers["X-CSRFToken"]) == ("POST", "/pictures", "token-of-the-page")
    assert b'filename="graph.png"' in body


def test_a_refused_picture_leaves_the_text_and_says_why(site: Site, page: Page) -> None:
    def answer(method: str, path: str, body: bytes) -> Answer:
        if path == "/pictures":
            return 413, {"Content-Type": "application/json"}, json.dumps({"error": "Larger than 10 MB."})
        return page_with('<textarea id="text" aria-label="Text" data-paste-upload-url="/pictures">Seen: </textarea>')

    site.answer = answer
    page.goto(site.url)
    page.locator("#text").evaluate(PASTE)
    expect(page.locator(".toast")).to_contain_text("graph.png was not uploaded. Larger than 10 MB.")
    expect(page.locator("#text")).to_have_value("Seen: ")


def test_a_dialog_opens_in_place_and_its_link_works_in_a_new_tab(site: Site, page: Page) -> None:
    site.answer = lambda method, path, body: page_with(
        """<a href="/skip" data-dialog-open="skip">Skip</a><dialog class="dialog" id="skip">
        <button data-dialog-close>Keep it</button></dialog>"""
    )
    page.goto(site.url)
    page.get_by_role("link", name="Skip").click()
    expect(page.locator("#skip")).to_be_visible()
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#skip")).to_be_hidden()
    assert page.url == f"{site.url}/"


def test_an_htmx_error_is_said_in_words_and_the_text_stays(site: Site, page: Page) -> None:
    def answer(method: str, path: str, body: bytes) -> Answer:
        if path == "/log":
            return 503, {}, "nothing for readers"
        return page_with(
            """<form hx-post="/log" action="/log" method="post"><textarea id="text" name="text" aria-label="Text"
            data-enter-submits></textarea><button class="button">Log</button></form>"""
        )

    site.answer = answer
    page.goto(site.url)
    page.locator("#text").press_sequentially("14:05 restarted proxy")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("does not answer")
    expect(page.locator("#text")).to_have_value("14:05 restarted proxy")
    assert [request[3]["X-CSRFToken"] for request in site.requests if request[1] == "/log"] == ["token-of-the-page"]


def test_unsaved_changes_are_asked_about_before_leaving(site: Site, page: Page) -> None:
    site.answer = lambda method, path, body: page_with(
        '<form data-unsaved-guard><input id="title" aria-label="Title"></form><a href="/away">Away</a>'
    )
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.goto(site.url)
    page.locator("#title").press_sequentially("x")
    page.get_by_role("link", name="Away").click(no_wait_after=True)
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    assert page.url == f"{site.url}/"
