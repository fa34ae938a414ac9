"""Finds the forms of the site's pages, as a browser sees them, and says what may be typed into them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

HOSTILE = (
    "",
    "   ",
    "\x00",
    "a\x00b",
    "²",
    "-1",
    "99999999999999999999999",
    "1e309",
    "0000-00-00",
    "9999-12-31T23:59",
    "31 February 2024 25:61",
    "x" * 5000,
    "no-such-value",
    "\u202e<script>alert(1)</script>{{ 7*7 }}'\"",
    "{% x %}",
    "[[[[",
    "http://[",
    '"\\ud800"',
)
"""Empty, blank, NUL, a digit that is no number, negative, huge and infinite numbers, days and times that do not exist,
too long, unknown choices, markup, and what YAML and JSON readers stumble over."""


PLAUSIBLE = {
    "date": "2026-11-21",
    "datetime-local": "2026-11-21T22:00",
    "email": "somebody@example.org",
    "number": "1",
    "url": "https://example.org/",
}
"""What stands in a field that must not be empty, by its type; other types take a word. With an empty required field
beside it, a form is refused before the field that is tried has any effect."""


@dataclass
class Form:
    """A form's address, and its fields with what stands in them."""

    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)


class FormReader(HTMLParser):
    """Collects a page's POST forms, those of htmx included."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._form: Form | None = None
        self._select: str | None = None
        self._textarea: str | None = None
        self._is_required = False
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            is_post = given.get("method", "get").lower() == "post"
            self._form = Form(given.get("action") or self._address) if is_post else None
            self.forms += [self._form] if self._form else []
        elif self._form is not None:
            self._field(tag, given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            if self._form is not None and self._textarea and self._is_required:
                written = "".join(self._form.fields[self._textarea]).strip()
                self._form.fields[self._textarea] = [written or "something"]
            self._textarea = None

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._textarea is not None:
            self._form.fields[self._textarea] = ["".join(self._form.fields[self._textarea]) + data]

    def _field(self, tag: str, given: dict[str, Any]) -> None:
        assert self._form is not None
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "option" and self._select:
            chosen = self._form.fields[self._select]
            if not chosen or "selected" in given or (self._is_required and chosen == [""]):
                self._form.fields[self._select] = [value]
        if not name or name == "csrfmiddlewaretoken":
            return
        is_required = "required" in given
        if tag == "select":
            self._select, self._is_required = name, is_required
            self._form.fields.setdefault(name, [])
        elif tag == "textarea":
            self._textarea, self._is_required = name, is_required
            self._form.fields[name] = []
        elif given.get("type") == "file":
            self._form.files.append(name)
        elif given.get("type") in ("checkbox", "radio"):
            known = self._form.fields.setdefault(name, [])
            known += [value or "on"] if "checked" in given or (is_required and not known) else []
        elif tag in ("input", "button"):
            plausible = PLAUSIBLE.get(given.get("type", ""), "something") if is_required else ""
            self._form.fields.setdefault(name, [value or plausible])


def forms_of(page: str, address: str) -> list[Form]:
    """The POST forms of an HTML page."""
    reader = FormReader(address)
    reader.feed(page)
    return reader.forms
