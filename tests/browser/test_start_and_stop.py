"""An empty installation's first admin, and nothing left running at the end."""

from __future__ import annotations

import psutil
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.live_site import live_site
from tests.browser.visiting import visit
from tests.servers import answers, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.xdist_group("browser: main job")]

PASSWORD = "a sentence nobody would guess"


def test_an_empty_installation_asks_for_its_first_admin_and_stops_without_a_trace(browser: Browser) -> None:
    with live_site(SAMPLE="0") as site:
        with visit(browser) as visited:
            page = visited.page
            page.goto(site.url)
            page.wait_for_url("**/welcome/")
            fill_in(page, setup_code="not-the-code")
            page.get_by_role("button", name="Begin").click()
            expect(page.get_by_role("main")).to_contain_text("This is not the code")
            assert page.get_by_label("Your name").input_value() == "Ada Admin", "what was typed is kept"
            fill_in(page, setup_code=site.setup_code)
            page.get_by_role("button", name="Begin").click()
            page.wait_for_url("**/team/")
            expect(page.get_by_role("main")).to_contain_text("Ada Admin")
            page.goto(f"{site.url}/welcome/")
            expect(page.get_by_role("heading", level=1)).to_contain_text("not", ignore_case=True)
        everyone = site.processes()
        assert len(everyone) >= 4, "supervisor, web server, check worker, document worker"
        assert site.stop() == 0
        wait_until(lambda: not any(is_alive(process) for process in everyone), 5, "every process is gone")
        assert not answers(int(site.url.rpartition(":")[2]))


def fill_in(page, setup_code: str) -> None:
    page.get_by_label("Setup code").fill(setup_code)
    page.get_by_label("Your name").fill("Ada Admin")
    page.get_by_label("Your address").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Your team's name").fill("Platform")
    page.get_by_label("Time zone").fill("Europe/Oslo")


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
