"""The one Markdown renderer: what people write becomes HTML that can do nothing.

Python-Markdown with raw HTML switched off shows tags as text, but still lets ``javascript:`` and ``data:`` links
and remote images through. So its result goes through nh3 with a short list of our own.
"""

import re
from html import escape

import markdown
import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown.extensions.codehilite import CodeHiliteExtension
from markdown.extensions.toc import TocExtension
from pygments.token import STANDARD_TYPES

LONGEST_TEXT_CHARACTERS = 100_000
"""Longer texts are shown as they are: Python-Markdown takes more than linear time on hostile input."""

# Texts beyond these are shown as they are too. Measured: up to them a second or two on a small machine.
MOST_CHARACTERS_FOR_BRACKETS = 2_000_000
MOST_CHARACTERS_FOR_FENCES = 20_000_000
_BRACKET = re.compile(r"\[|\]\(|\]|\)")
_RUNS = re.compile(r"\\{10000}|(?:> ?){50}|(?:(?:\d{1,9}\.|[-*+]) ){50}")

_TAGS = {
    *("p", "br", "hr", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a", "img"),
    *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "span", "div"),
}
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}}
_CLASSES = {"div": {"codehilite"}, "span": {name for name in STANDARD_TYPES.values() if name}}
_LINK = re.compile(r"^(https?://|mailto:|/(?!/)|#)", re.IGNORECASE)
_OUR_PICTURE = re.compile(r"^/incidents/INC-\d+/attachments/\d+/$")


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    if (tag, name) == ("a", "href"):
        return value if _LINK.match(value) else None
    if (tag, name) == ("img", "src"):
        return value if _OUR_PICTURE.match(value) else None
    return value


def sanitise(html: str) -> str:
    """Keep what is on the list. Doing it twice changes nothing."""
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        allowed_classes=_CLASSES,
        attribute_filter=_filter_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )


def render_markdown(text: str) -> SafeString:
    """HTML of a Markdown text: links to http, https, mailto and our own paths; pictures from our attachments only.

    Headings start at h3, below the page's own. Raw HTML in the text is shown, not obeyed.
    """
    if len(text) > LONGEST_TEXT_CHARACTERS or _is_too_much_work(text):
        return _as_it_is(text)
    converter = markdown.Markdown(
        extensions=[
            "tables",
            "fenced_code",
            "sane_lists",
            CodeHiliteExtension(guess_lang=False, css_class="codehilite"),
            TocExtension(baselevel=3, marker=""),
        ],
        output_format="html",
    )
    converter.preprocessors.deregister("html_block")
    converter.inlinePatterns.deregister("html")
    try:
        html = converter.convert(text)
    except RecursionError:  # lists in lists in lists
        return _as_it_is(text)
    return mark_safe(sanitise(html))  # noqa: S308 - sanitised in the same breath


def _is_too_much_work(text: str) -> bool:
    """Python-Markdown looks from every bracket to its partner or the paragraph's end, and from every fence through the
    whole text; runs of backslashes and things nested in one line cost it their square.
    """
    if _RUNS.search(text) or (text.count("```") + text.count("~~~")) * len(text) > MOST_CHARACTERS_FOR_FENCES:
        return True
    return sum(map(_distance_of_brackets, text.split("\n\n"))) > MOST_CHARACTERS_FOR_BRACKETS


def _distance_of_brackets(paragraph: str) -> int:
    """From every [ to its ], and every ]( to its ), in characters; of those never closed to the paragraph's end."""
    distance = 0
    opened: dict[str, list[int]] = {"[": [], "(": []}
    for bracket in _BRACKET.finditer(paragraph):
        closing = {"]": "[", ")": "("}.get(bracket[0][0])
        if closing and opened[closing]:
            distance += bracket.start() - opened[closing].pop()
        if bracket[0][-1] in opened:
            opened[bracket[0][-1]].append(bracket.start())
    return distance + sum(len(paragraph) - start for starts in opened.values() for start in starts)


def _as_it_is(text: str) -> SafeString:
    return mark_safe(f"<pre>{escape(text)}</pre>")  # noqa: S308 - escaped in the same breath
