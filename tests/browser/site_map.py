"""Every page of the site: one address for each route that answers GET with a page.

Routes come from the access matrix, so a new route is not forgotten: it needs a row there, and an address here. Routes
without arguments have theirs; the others are found by following links from Today, as people do. What no link leads to
stands in `EXTRA` with its reason, what is no page in `NO_PAGE`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from playwright.sync_api import Page

from tests.access_matrix import all_rows

NO_PAGE = {
    "incidents:live": "a fragment",
    "runbooks:live": "a fragment",
    "incidents:attachment": "a file",
    "incidents:export_file": "a file",
    "runbooks:download": "a file",
    "pages:healthz": "JSON",
}
EXTRA = {
    "teams:zone_from_refusal": "/team/zones/allow/?cidr=10.1.2.0/24",
    "teams:zone_edit": "",  # the sample team has no zone
}
ANONYMOUS = {
    "account_login": "/accounts/login/",
    "account_signup": "/accounts/signup/",
    "account_reset_password": "/accounts/password/reset/",
    "account_reset_password_done": "/accounts/password/reset/done/",
    "account_reset_password_from_key": "/accounts/password/reset/key/1-guessed/",
    "account_reset_password_from_key_done": "/accounts/password/reset/key/done/",
    "account_confirm_email": "/accounts/confirm-email/guessed/",
    "account_email_verification_sent": "/accounts/confirm-email/",
    "account_inactive": "/accounts/inactive/",
    "teams:invitation": "/invitations/guessed/",
    "not found": "/no-such-page/",
}
"""Pages for who is not signed in, which differ from those for who is."""
ONE_MORE_OF = (
    "/incidents/INC-1/actions/",  # steps with results
    "/incidents/INC-3/",  # times without a date, no durations at all
    "/incidents/INC-3/analysis/",
    "/incidents/INC-2/postmortem/sections/background/",  # a text with its preview
    "/maintenance/plan/?runbook=move-host-or-change-address",
)
"""Pages whose looks depend on what they hold."""
PREFERRED = "/incidents/INC-2/"
MOST_PAGES_READ = 250


class _Links(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self.base, self.found = base, set[str]()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        href = dict(attributes).get("href")
        if tag == "a" and href:
            self.found.add(urljoin(self.base, href).partition("#")[0])


def page_routes() -> set[str]:
    """Names of the routes that show an admin a page."""
    return {
        name
        for name, rows in all_rows().items()
        if any(row.method == "GET" and row.expected["admin"] == 200 and "HX-Request" not in row.headers for row in rows)
    } - set(NO_PAGE)


def pages_of(page: Page, site_url: str) -> dict[str, str]:
    """Route → path for whoever is signed in on `page`. Fails when a route's address was not found."""
    found = {name: path for name in page_routes() if (path := _without_arguments(name))} | {
        name: path for name, path in EXTRA.items() if path
    }
    _follow_links(page, site_url, found, start=[path for path in found.values() if path != "/accounts/logout/"])
    missing = {name for name in page_routes() - set(found) - set(ANONYMOUS) if EXTRA.get(name) != ""}
    assert not missing, f"no link leads to {', '.join(sorted(missing))}: add a link, or its address to {__name__}.EXTRA"
    pages = {name: path for name, path in found.items() if name in page_routes()}
    return pages | {f"also {path}": path for path in ONE_MORE_OF}


def _without_arguments(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def _follow_links(page: Page, site_url: str, found: dict[str, str], start: Iterable[str]) -> None:
    """Breadth first. Of each route a page or two are read, so that the time does not grow with the data."""
    waiting, seen = list(start), set[str]()
    read: dict[str, int] = {}
    while waiting and len(seen) < MOST_PAGES_READ:
        path = waiting.pop(0)
        name = route_of(path)
        if name is None or path in seen or read.get(name, 0) >= (2 if PREFERRED in path else 1):
            continue
        seen.add(path)
        response = page.request.get(site_url + path)
        assert response.status < 500, f"{response.status} at {path}"
        if not response.ok or "text/html" not in response.headers.get("content-type", ""):
            continue
        read[name] = read.get(name, 0) + 1
        if name not in found or (PREFERRED in path and PREFERRED not in found[name]):
            found[name] = path
        links = _Links(site_url + path)
        links.feed(response.text())
        for link in sorted(links.found, key=lambda link: (PREFERRED not in link, link)):
            if link.startswith(site_url + "/"):
                waiting.append(link.removeprefix(site_url))


def route_of(path: str) -> str | None:
    try:
        return resolve(urlsplit(path).path).view_name
    except Resolver404:
        return None


def labelled(pages: Mapping[str, str]) -> dict[str, str]:
    """File-name friendly labels: `incidents:postmortem` → `incidents-postmortem`."""
    return {re.sub(r"[^\w=-]+", "-", name).strip("-"): path for name, path in pages.items()}
