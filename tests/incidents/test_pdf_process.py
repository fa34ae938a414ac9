"""Hostile HTML gets nothing into the PDF and cannot take the machine along."""

import http.server
import re
import threading
import time
import zlib

import pytest

from incidents.exporting.pdf import CannotRender, Limits, render_pdf


class _Sentinel(http.server.BaseHTTPRequestHandler):
    hits: list[str] = []

    def do_GET(self) -> None:
        self.hits.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def sentinel():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Sentinel)
    _Sentinel.hits.clear()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def _everything_in(pdf: bytes) -> bytes:
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    unpacked = []
    for stream in streams:
        try:
            unpacked.append(zlib.decompress(stream))
        except zlib.error:
            unpacked.append(stream)
    return pdf + b"".join(unpacked)


def test_nothing_is_fetched_and_no_file_is_embedded(sentinel, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("very-secret-content")
    address = f"http://127.0.0.1:{sentinel.server_port}"
    html = f"""<!doctype html><html lang="en"><head><title>x</title>
      <link rel="stylesheet" href="{address}/style.css"><link rel="attachment" href="file://{secret}">
      <style>@import url({address}/import.css); @font-face {{ font-family: y; src: url({address}/font.woff) }}
      body {{ background: url({address}/background.png); font-family: y }}</style></head>
      <body><img src="{address}/picture.png"><img src="file://{secret}"><object data="file://{secret}"></object>
      <iframe src="{address}/frame"></iframe><embed src="{address}/embed"><a href="{address}/link">link</a>
      <svg><image href="{address}/svg.png"/><use href="file://{secret}#a"/></svg>
      <a rel="attachment" href="file:///etc/passwd">x</a><img src="asset:../secret.txt"><p>body</p></body></html>"""
    pdf = render_pdf(html, {})
    assert pdf.startswith(b"%PDF-")
    assert _Sentinel.hits == []
    assert b"very-secret-content" not in _everything_in(pdf)
    assert b"root:x:0" not in _everything_in(pdf)


def test_progress_is_told_in_words():
    told: list[str] = []
    rows = "<tr><td>a<td>b<td>c</tr>" * 400
    render_pdf(f"<!doctype html><html lang=en><title>t</title><table>{rows}</table>", {}, on_progress=told.append)
    assert "Laying out pages" in told


def test_a_document_that_needs_too_much_memory_is_stopped_with_a_reason():
    rows = "<tr><td>a<td>b<td>c</tr>" * 30_000
    with pytest.raises(CannotRender, match=r"memory|processor time"):
        render_pdf(f"<table>{rows}</table>", {}, limits=Limits(memory_bytes=300 * 1024**2, cpu_seconds=20))


def test_a_document_that_takes_too_long_is_stopped_with_a_reason():
    rows = "<tr><td>a<td>b<td>c</tr>" * 20_000
    started = time.monotonic()
    with pytest.raises(CannotRender, match="longer than 2 s"):
        render_pdf(f"<table>{rows}</table>", {}, limits=Limits(wall_seconds=2))
    assert time.monotonic() - started < 10
