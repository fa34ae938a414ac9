"""`python -m benchmarks.weasyprint_alone FOLDER OUTPUT`: WeasyPrint on document.html and assets.json, nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from weasyprint import HTML
from weasyprint.urls import URLFetcher, URLFetcherResponse


class Assets(URLFetcher):  # type: ignore[misc]
    """The files of a table, by name."""

    def __init__(self, table: dict[str, dict[str, str]]) -> None:
        super().__init__()
        self.table = table

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        asset = self.table[url.removeprefix("asset:")]
        return URLFetcherResponse(url, Path(asset["path"]).read_bytes(), {"Content-Type": asset["content_type"]})


def main(folder: Path, output: str) -> None:
    fetcher = Assets(json.loads((folder / "assets.json").read_text()))
    html = HTML(string=(folder / "document.html").read_text(), base_url="asset:", url_fetcher=fetcher)
    html.write_pdf(output, pdf_tags=True, custom_metadata=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
