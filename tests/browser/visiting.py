"""Opening the system's Chromium, pages that watch for the browser's complaints, and signing in."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.browser.live_site import LiveSite

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    assert CHROMIUM, "Chromium is not installed: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A browser context and what went wrong in it: script errors, refusals by the content security policy, 5xx."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.page = context.new_page()
        self.troubles: list[str] = []
        self._watch(self.page)

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.troubles.append(f"{page.url}: {error}"))
        page.on("console", self._heard)
        page.on(
            "response",
            lambda response: (
                self.troubles.append(f"{response.status} {response.url}") if response.status >= 500 else None
            ),
        )

    def _heard(self, message: ConsoleMessage) -> None:
        if "Security Policy" in message.text:
            self.troubles.append(f"{self.page.url}: {message.text}")


@contextlib.contextmanager
def visit(browser: Browser, **options: Any) -> Iterator[Visit]:
    """A fresh context (no cookies). Fails at its end when the browser had anything to complain about."""
    context = browser.new_context(**options)
    context.set_default_timeout(15_000)
    try:
        visited = Visit(context)
        yield visited
        assert not visited.troubles, visited.troubles
    finally:
        context.close()


def sign_in(page: Page, site: LiveSite) -> None:
    """With the address and password that the site printed."""
    email, password = site.sign_in
    page.goto(f"{site.url}/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/accounts/login" not in url)
