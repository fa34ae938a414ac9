"""Every page in both themes without a violation that axe knows, and at 360 px without scrolling sideways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.live_site import LiveSite
from tests.browser.site_map import ANONYMOUS, pages_of
from tests.browser.visiting import sign_in, visit

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600), pytest.mark.xdist_group("browser: every page")]

RULES = {
    "light": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    # The same elements in other colours: looking at those alone takes a third of the time.
    "dark": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}
Theme = Literal["light", "dark"]
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def visited_site(sample_site: LiveSite) -> LiveSite:
    """The sample data with one run of the after-checks: nothing answers, so there are results to show."""
    sample_site.manage("run_checks", "MNT-1", "--phase", "after", "--wait")
    return sample_site


@pytest.fixture(scope="module")
def signed_in(browser, visited_site: LiveSite) -> Iterator[Page]:
    # axe puts styles into the page, which its content security policy refuses.
    with visit(browser, viewport=DESK, bypass_csp=True) as visited:
        sign_in(visited.page, visited_site)
        yield visited.page


@pytest.fixture(scope="module")
def nobody(browser, visited_site: LiveSite) -> Iterator[Page]:
    with visit(browser, viewport=DESK, bypass_csp=True) as visited:
        yield visited.page


@pytest.fixture(scope="module")
def pages(signed_in: Page, visited_site: LiveSite) -> dict[str, str]:
    """With one PDF asked for, so that its page is there."""
    signed_in.goto(f"{visited_site.url}/incidents/INC-2/postmortem/")
    signed_in.get_by_role("button", name="Export PDF").click()
    signed_in.get_by_role("link", name="Download the PDF").wait_for(timeout=60_000)
    return pages_of(signed_in, visited_site.url)


def violations_on(page: Page, theme: str) -> list[str]:
    """One line for each element that breaks a rule: rule, element, why."""
    results = Axe().run(page, options={"resultTypes": ["violations"], "runOnly": RULES[theme]})
    return [
        f"{violation['id']}: {node['target']}: {node['failureSummary']}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]


def width_at(page: Page, url: str) -> int:
    page.goto(url, wait_until="load")
    return int(page.evaluate("document.scrollingElement.scrollWidth"))


def look_at_all(page: Page, site: LiveSite, paths: dict[str, str], theme: Theme) -> list[str]:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    found = []
    for name, path in paths.items():
        page.goto(site.url + path, wait_until="load")
        assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (theme == "dark")
        found += [f"{name} ({path}) {theme}: {line}" for line in violations_on(page, theme)]
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(signed_in, nobody, visited_site, pages, theme):
    found = look_at_all(signed_in, visited_site, pages, theme) + look_at_all(nobody, visited_site, ANONYMOUS, theme)
    assert not found, "\n".join(found)


def test_no_page_scrolls_sideways_on_a_phone_or_breaks_its_security_policy(browser, signed_in, visited_site, pages):
    state = signed_in.context.storage_state()
    phone = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
    with visit(browser, storage_state=state, **phone) as member, visit(browser, **phone) as nobody:
        too_wide = [
            f"{name} ({path}) is {width} px wide"
            for page, paths in ((member.page, pages), (nobody.page, ANONYMOUS))
            for name, path in paths.items()
            if (width := width_at(page, visited_site.url + path)) > PHONE["width"]
        ]
    assert not too_wide, "\n".join(too_wide)
