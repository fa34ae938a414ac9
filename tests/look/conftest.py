"""A real browser and a real listener that serves the project's static files under its content security policy."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_htmx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

STATIC = Path(__file__).resolve().parents[2] / "static"
HTMX = Path(django_htmx.__file__).parent / "static"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# The very settings of the frame, so that what is tried here is what people get.
BASE = (STATIC.parent / "templates" / "base.html").read_text()
HTMX_CONFIG = next(line.strip() for line in BASE.splitlines() if 'name="htmx-config"' in line)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; font-src 'self'"
)

# (status, headers, body) for (method, path with query, request body)
Answer = tuple[int, dict[str, str], str]
Answerer = Callable[[str, str, bytes], Answer]


def page_with(body: str, attributes: str = "") -> Answer:
    """A page with the project's styles and scripts around `body`."""
    return (
        200,
        {"Content-Type": "text/html; charset=utf-8"},
        f"""<!doctype html><html lang="en"{attributes}><head><meta charset="utf-8"><title>Page</title>
{HTMX_CONFIG}
<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/css/app.css">
<script src="/static/django_htmx/htmx-2.min.js" defer></script>
<script src="/static/js/app.js" type="module"></script></head>
<body hx-headers='{{"X-CSRFToken": "token-of-the-page"}}'><main id="content">{body}</main>
<div class="toasts" id="toasts" role="status"></div>
<div class="visually-hidden" id="announcer" aria-live="polite"></div>
<dialog class="dialog" id="shortcuts"><dl class="shortcuts" data-shortcut-list></dl></dialog></body></html>""",
    )


class Site:
    """What the test lets the server say. `requests` holds (method, path, body, headers) as they came in."""

    def __init__(self) -> None:
        self.answer: Answerer = lambda method, path, body: page_with("")
        self.requests: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.url = ""


def static_file(path: str) -> Answer | None:
    name = path.removeprefix("/static/")
    for root in (STATIC, HTMX):
        file = root / name
        if file.is_file():
            return 200, {"Content-Type": TYPES[file.suffix]}, file.read_text()
    return None


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size)
            path = urlsplit(self.path).path
            answer = static_file(path) if path.startswith("/static/") else None
            if answer is None:
                site.requests.append((self.command, self.path, body, dict(self.headers)))
                answer = site.answer(self.command, self.path, body)
            status, headers, text = answer
            self.send_response(status)
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Referrer-Policy", "same-origin")
            self.send_header("Cache-Control", "no-store")
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815 (the name http.server asks for)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()


# Of a module and not of the session: while Playwright's loop runs, Django's ORM refuses to work in this process.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page; the test fails when the browser reports an error, which a refused inline script or style is."""
    context = browser.new_context()
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if "Security Policy" in message.text else None)
    yield page
    context.close()
    assert troubles == []
