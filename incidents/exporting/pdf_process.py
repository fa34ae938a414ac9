"""The process that turns HTML into a PDF, shut in: run as ``python -m incidents.exporting.pdf_process``.

Standard input: one JSON line with the limits and the assets, then the HTML. Standard output: the PDF.
Standard error: lines of progress. It imports no Django, reads no settings and no database; its fetcher serves the
assets it was handed and nothing else, so neither the network nor any other file can come into the document.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
from pathlib import Path
from typing import Any

from weasyprint import HTML
from weasyprint.logger import PROGRESS_LOGGER
from weasyprint.urls import URLFetcher, URLFetcherResponse

from incidents.exporting.pdf import CANNOT_RENDER, OUT_OF_MEMORY

ASSET_SCHEME = "asset:"


class OnlyHandedAssets(URLFetcher):  # type: ignore[misc]
    """Serves `asset:NAME` from the table it was given. Everything else is refused, redirects included."""

    def __init__(self, assets: dict[str, dict[str, str]]) -> None:
        super().__init__(allowed_protocols=(), allow_redirects=False)
        self.assets = assets

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        """The bytes of a handed asset. Raises ValueError for every other address."""
        asset = self.assets.get(url.removeprefix(ASSET_SCHEME)) if url.startswith(ASSET_SCHEME) else None
        if asset is None:
            raise ValueError("only the document's own assets are served")
        return URLFetcherResponse(url, Path(asset["path"]).read_bytes(), {"Content-Type": asset["content_type"]})


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)


def limit_this_process(limits: dict[str, int]) -> None:
    """Memory and file size in bytes, processor time in seconds; no core dump, no child process."""
    for name, value in (
        (resource.RLIMIT_AS, limits["memory_bytes"]),
        (resource.RLIMIT_CPU, limits["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, limits["output_bytes"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(name, (value, value))


def render(html: str, assets: dict[str, dict[str, str]]) -> bytes:
    """The tagged PDF of a whole HTML document."""
    document: Any = HTML(string=html, base_url="asset:", url_fetcher=OnlyHandedAssets(assets))
    return bytes(document.write_pdf(pdf_tags=True, custom_metadata=False))


def main() -> int:
    order = json.loads(sys.stdin.readline())
    html = sys.stdin.read()
    limit_this_process(order["limits"])
    PROGRESS_LOGGER.setLevel(logging.INFO)
    PROGRESS_LOGGER.addHandler(_Lines())
    try:
        pdf = render(html, order["assets"])
    except MemoryError:
        return OUT_OF_MEMORY
    except Exception as error:
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        return CANNOT_RENDER
    sys.stdout.buffer.write(pdf)
    return 0


if __name__ == "__main__":
    sys.exit(main())
