"""Pages with 10,000 incidents in the database beside the same pages with 100: seconds and queries."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.installation import Inside, installation
from benchmarks.lines import Line, at_most, skipped
from benchmarks.servers import EMBEDDED, SCALED_OUT, Form, another_database, missing_servers, scaled_out
from benchmarks.sizes import Size

TARGET = 1.3
MOST_QUERIES = 15
# Each page with all its rows, and again with fewer rows of its own: the number of queries is to be the same.
PAGES: dict[str, tuple[str, list[str], list[str] | None]] = {
    "incident list": ("incidents:list", [], None),
    "incident page": ("incidents:incident", ["INC-1"], ["INC-2"]),
    "maintenance page": ("runbooks:maintenance", ["MNT-1"], ["MNT-2"]),
}


def measure(size: Size) -> Iterator[Line]:
    yield from _on(Form(EMBEDDED), Form(EMBEDDED), size)
    if missing := missing_servers():
        yield skipped(f"pages, {SCALED_OUT}", missing)
        return
    with scaled_out() as form:
        yield from _on(form, replace(form, database_url=another_database(form.database_url)), size)


def _on(form_of_few: Form, form_of_many: Form, size: Size) -> Iterator[Line]:
    database = form_of_few.name.split()[0]
    with contextlib.ExitStack() as stack:
        few, many = (
            stack.enter_context(stack.enter_context(installation(form)).inside("pages"))
            for form in (form_of_few, form_of_many)
        )
        few.do("furnish", incidents=size.few_incidents, entries=size.entries, steps=size.steps)
        many.do("furnish", incidents=size.many_incidents, entries=size.entries, steps=size.steps)
        for page in PAGES:
            try:
                yield _line(page, database, few, many, size)
            except RuntimeError as trouble:
                yield Line(f"{page}, {database}: broke down", str(trouble), "", None)
                return


def _line(page: str, database: str, few: Inside, many: Inside, size: Size) -> Line:
    url_name, arguments, with_fewer_rows = PAGES[page]
    fastest = [float("inf"), float("inf")]
    for round_number in range(size.requests + 1):
        seconds = [inside.do("ask", url_name=url_name, arguments=arguments) for inside in (few, many)]
        if round_number:  # the first request compiles templates
            fastest = [min(pair) for pair in zip(fastest, seconds, strict=True)]
    askings = [(few, arguments), (many, arguments)]
    if with_fewer_rows is not None:
        askings.append((many, with_fewer_rows))
    queries = [inside.do("count_queries", url_name=url_name, arguments=which) for inside, which in askings]
    line = at_most(
        f"{page}, {database}, {size.many_incidents:,} ÷ {size.few_incidents:,}",
        f"{fastest[1] * 1000:.1f} ms, {_in_words(queries)} queries",
        f"{fastest[0] * 1000:.1f} ms, {queries[0]} queries",
        fastest[1] / fastest[0],
        TARGET,
    )
    is_met = bool(line.is_met) and len(set(queries)) == 1 and max(queries) <= MOST_QUERIES
    return replace(line, target=f"{line.target}, ≤ {MOST_QUERIES} queries, always as many", is_met=is_met)


def _in_words(queries: list[int]) -> str:
    return "–".join(str(each) for each in sorted({min(queries), max(queries)}))
