"""What people do with Hindsight, in a real browser, on an installation started the way they start it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from replays.vm_migration import Ports, VmMigration
from tests.browser.live_site import LiveSite
from tests.browser.visiting import sign_in, visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.xdist_group("browser: main job")]

TITLE = "Checkout answers 502 for one customer in ten"


@pytest.fixture
def page(browser: Browser, sample_site: LiveSite) -> Iterator[Page]:
    """Signed in with what the site printed."""
    with visit(browser, accept_downloads=True) as visited:
        sign_in(visited.page, sample_site)
        yield visited.page


@pytest.fixture
def page_without_script(browser: Browser) -> Iterator[Page]:
    with visit(browser, java_script_enabled=False) as visited:
        yield visited.page


def declare(page: Page, site: LiveSite) -> str:
    """Declare an incident; its key."""
    page.goto(site.url)
    page.get_by_role("link", name="Declare incident").click()
    page.get_by_label("Title").fill(TITLE)
    page.get_by_label("Severity").select_option("sev2")
    page.get_by_role("button", name="Declare", exact=True).click()
    page.wait_for_url(re.compile(r"/incidents/INC-\d+/$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text(TITLE)
    return page.url.rstrip("/").rpartition("/")[2]


def log(page: Page, line: str) -> None:
    page.get_by_label("What happened").fill(line)
    page.get_by_role("button", name="Log", exact=True).click()


def entry(page: Page, text: str) -> Locator:
    return page.locator("li.entry", has_text=text)


def test_an_incident_from_its_declaration_to_its_pdf(page, sample_site, tmp_path):
    key = declare(page, sample_site)
    log(page, "14:05 restarted the proxy **by hand**")
    expect(entry(page, "restarted the proxy").locator("time")).to_contain_text("14:05")
    expect(entry(page, "restarted the proxy").locator("strong")).to_have_text("by hand")
    expect(page.get_by_label("What happened")).to_have_value("")

    page.get_by_role("link", name="Postmortem", exact=True).click()
    page.locator("#section-summary").get_by_role("link").last.click()
    page.get_by_role("textbox", name="Summary").fill("One backend in *ten* was gone. <script>alert(1)</script>")
    expect(page.locator("#preview em")).to_have_text("ten")
    expect(page.locator("#preview")).to_contain_text("One backend in ten was gone.")
    assert page.locator("#preview script").count() == 0
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#section-summary em")).to_have_text("ten")

    page.get_by_role("button", name="Export PDF").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the PDF").click(timeout=60_000)
    pdf = tmp_path / "postmortem.pdf"
    download.value.save_as(pdf)
    assert download.value.suggested_filename == f"{key}-postmortem.pdf"
    assert_is_the_pdf(pdf)


def assert_is_the_pdf(pdf: Path) -> None:
    assert pdf.read_bytes().startswith(b"%PDF")
    text = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=True).stdout
    text = " ".join(text.split())
    assert TITLE in text
    assert "One backend in ten was gone." in text
    assert "restarted the proxy by hand" in text


def test_a_maintenance_is_planned_its_checks_find_the_fault_and_a_step_is_ticked(page, sample_site):
    with VmMigration(ports=Ports.free()) as replay:
        plan(page, sample_site, replay)
        page.get_by_role("button", name="Run all checks of the after phase").click()
        expect(badge(page, "WebSocket by name")).to_have_text("Failed", timeout=60_000)
        expect(badge(page, "front page by name")).to_have_text("Passed", timeout=60_000)
        expect(badge(page, "WebSocket pinned to the new address")).to_have_text("Passed")
        tick_and_undo(page)
        after_phase(page).get_by_role("link", name="WebSocket by name", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("WebSocket by name")
        expect(page.get_by_role("main")).to_contain_text("status == 101 && echoed")


def plan(page: Page, site: LiveSite, replay: VmMigration) -> None:
    page.goto(f"{site.url}/maintenance/")
    page.get_by_role("link", name=re.compile("^Plan")).first.click()
    page.get_by_role("link", name=re.compile("^Move")).click()
    page.get_by_label("Title").fill("Move chat tonight")
    page.get_by_label("Chat", exact=True).check()
    starts_at = datetime.now(UTC) + timedelta(days=1)
    page.get_by_label("Window starts").fill(f"{starts_at:%Y-%m-%dT22:00}")
    page.get_by_label("Window ends").fill(f"{starts_at:%Y-%m-%dT23:30}")
    values = {**replay.variables(), "name_servers": replay.ports.resolvers}
    for name, value in values.items():
        field = page.locator(f"[name='variable-{name}']")
        if field.count():
            field.fill(",".join(value) if isinstance(value, list) else str(value))
    page.get_by_role("button", name="Make the checklist").click()
    page.wait_for_url(re.compile(r"/maintenance/MNT-\d+/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Move chat tonight")


def badge(page: Page, check: str) -> Locator:
    """The verdict beside a check of the checklist."""
    return after_phase(page).locator("li.check", has_text=check).locator(".badge").first


def after_phase(page: Page) -> Locator:
    return page.get_by_role("region", name="after", exact=True)


def tick_and_undo(page: Page) -> None:
    step = page.locator("li.step", has_text="Tell users and the neighbours about the window")
    step.get_by_role("button", name=re.compile("^Tick step")).click()
    expect(step.get_by_role("button", name=re.compile("^Open step"))).to_have_attribute("aria-pressed", "true")
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(step.get_by_role("button", name=re.compile("^Tick step"))).to_be_visible()


def test_the_sample_maintenance_names_the_lesson_it_carries(page, sample_site):
    page.goto(sample_site.url)
    page.get_by_label("Main", exact=True).get_by_role("link", name="Maintenance").click()
    page.get_by_role("link", name="Move chat to its new host").click()
    page.wait_for_url("**/maintenance/MNT-1/")
    step = page.locator("li.step", has_text="WebSockets by name arrive at a new address")
    expect(step).to_contain_text("Lesson from INC-1")
    step.get_by_role("link", name="INC-1").click()
    page.wait_for_url("**/incidents/INC-1/actions/#action-*")


def test_without_javascript_the_same_can_be_done(page_without_script, sample_site):
    page = page_without_script
    sign_in(page, sample_site)
    declare(page, sample_site)
    log(page, "14:05 restarted the proxy")
    expect(entry(page, "restarted the proxy").locator("time")).to_contain_text("14:05")
    page.goto(f"{sample_site.url}/maintenance/MNT-1/")
    step = page.locator("li.step", has_text="Tell users and the neighbours about the window")
    step.get_by_role("button", name=re.compile("^Tick step")).click()
    step = page.locator("li.step", has_text="Tell users and the neighbours about the window")
    expect(step.get_by_role("button", name=re.compile("^Open step"))).to_have_attribute("aria-pressed", "true")
