"""Pictures of every page: `python -m tests.browser.screenshots OUT_DIR [--only WORD]`.

Light and dark at 1280 px, and 360 px, from a fresh installation with the sample data, the replay running, and the
sample maintenance's checks run once. For looking at; no test.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from playwright.sync_api import Browser, Page, StorageState  # noqa: E402

from replays.errors import ReplayError  # noqa: E402
from replays.vm_migration import VmMigration  # noqa: E402
from tests.browser.live_site import LiveSite, live_site  # noqa: E402
from tests.browser.site_map import ANONYMOUS, labelled, pages_of  # noqa: E402
from tests.browser.visiting import chromium, sign_in  # noqa: E402

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": DESK, "color_scheme": "light"},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "has_touch": True, "is_mobile": True},
}
TALLEST = 3200
"""Pixels; the rest of a longer page is cut off."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="OUT_DIR")
    parser.add_argument("--only", default="", metavar="WORD", help="pages with this word in their name")
    parser.add_argument("--look", choices=list(LOOKS), action="append", help="default: all three")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with live_site() as site, chromium() as browser:
        state, pages = prepare(site, browser)
        everybody = labelled(ANONYMOUS)
        members = {name: path for name, path in pages.items() if options.only in name}
        nobodys = {f"anonymous-{name}": path for name, path in everybody.items() if options.only in name}
        for look in options.look or LOOKS:
            take(browser, site, look, members, options.folder, storage_state=state)
            take(browser, site, look, nobodys, options.folder)
            print(f"{look}: {len(members) + len(nobodys)} pictures in {options.folder}", file=sys.stderr)
    return 0


def prepare(site: LiveSite, browser: Browser) -> tuple[StorageState, dict[str, str]]:
    """Run all checks against the replay and ask for a PDF. The cookies of who is signed in; their pages by label."""
    try:
        with VmMigration():
            done = site.manage("run_checks", "MNT-1", "--wait")
            print(done.stdout, file=sys.stderr)
    except ReplayError as error:  # somebody plays it already, then that one is probed
        print(error, file=sys.stderr)
        site.manage("run_checks", "MNT-1", "--wait")
    page = browser.new_page()
    sign_in(page, site)
    page.goto(f"{site.url}/incidents/INC-2/postmortem/")
    page.get_by_role("button", name="Export PDF").click()
    page.get_by_role("link", name="Download the PDF").wait_for(timeout=60_000)
    return page.context.storage_state(), labelled(pages_of(page, site.url))


def take(browser: Browser, site: LiveSite, look: str, pages: dict[str, str], folder: Path, **options: Any) -> None:
    context = browser.new_context(reduced_motion="reduce", **LOOKS[look], **options)
    page = context.new_page()
    for name, path in pages.items():
        picture(page, site.url + path, folder / f"{name}.{look}.png", LOOKS[look]["viewport"])
    context.close()


def picture(page: Page, url: str, file: Path, viewport: dict[str, int]) -> None:
    """As tall as the page. The window grows instead of a full-page shot, so that what sticks stays where it belongs."""
    page.set_viewport_size({"width": viewport["width"], "height": viewport["height"]})
    page.goto(url, wait_until="load")
    page.wait_for_timeout(300)  # previews and clocks fill in
    height = min(int(page.evaluate("document.scrollingElement.scrollHeight")), TALLEST)
    page.set_viewport_size({"width": viewport["width"], "height": max(height, viewport["height"])})
    page.screenshot(path=str(file))


if __name__ == "__main__":
    raise SystemExit(main())
