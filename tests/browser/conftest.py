"""A real browser against a real installation. Nothing here touches the ORM: Playwright's loop and it do not mix."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.live_site import LiveSite, live_site
from tests.browser.visiting import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Of a module: while Playwright's loop runs, Django's ORM refuses to work in this process.
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def sample_site() -> Iterator[LiveSite]:
    """An installation on its first start, with the sample data."""
    with live_site() as site:
        yield site
