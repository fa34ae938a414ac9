"""Draws the timeline picture as one SVG string, the same for the page and the PDF.

Colours are presentation attributes, which the page's style sheet overrides by class (`picture-…`) and `data-tone`,
so that they follow the theme; there are no style attributes. States differ by thickness and dashes too: latent thin,
detectable dashed and thicker, impact solid and thickest; so the picture reads in grey.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from textwrap import wrap

from incidents.durations import format_duration
from incidents.label_placement import PlacedLabel, place_labels
from incidents.timeline_picture import Lane, LaneSpan, Mark, TimelinePicture
from incidents.timeline_scale import TimelineScale

COMPACT_BELOW_PIXELS = 520
COLOURS = {"neutral": "#50504a", "warning": "#865300", "danger": "#bb2523", "info": "#2b50c8", "ok": "#166b39"}
SPAN_STROKES = {
    "latent": 'stroke="#b5b5ac" stroke-width="4"',
    "detectable": 'stroke="#865300" stroke-width="7" stroke-dasharray="5 2"',
    "impact": 'stroke="#bb2523" stroke-width="13"',
}
_LANE_HALF = 11.0
_MOST_LABEL_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Measures of one drawing, in pixels of its own coordinate system."""

    width: float
    left: float
    right: float
    font: float
    compact: bool

    @property
    def tier(self) -> float:
        return self.font + 4

    def text_width(self, text: str) -> float:
        """An upper estimate: system fonts average under 0.6 em a character in mixed text."""
        return len(text) * self.font * 0.62

    def lines(self, text: str, left: float) -> list[str]:
        """The text in lines that fit to the right of `left`."""
        return wrap(text, max(12, int((self.width - left - 4) / (self.font * 0.66))))


def draw(
    picture: TimelinePicture,
    *,
    title: str,
    description: str = "",
    width: int = 720,
    element_id: str = "timeline-picture",
) -> str:
    """The SVG. `width` is in pixels; below `COMPACT_BELOW_PIXELS` marks are numbered and named in a list beneath.

    `element_id` must be unique in the page (it names title and description for `aria-labelledby`). The size of
    the result does not grow with the number of entries: at most one tick for every two pixels of a lane.
    """
    sheet = _sheet(picture, width)
    moments = picture.moments() or [moment for lane in picture.lanes for moment in lane.entries]
    if not moments:
        empty = "No dated entries yet"
        body = [_text(12, 24, empty, "picture-label", sheet.font)]
        return _frame(body, width, 40, title, description or f"{empty}.", element_id, sheet)
    scale = TimelineScale(moments, sheet.left, sheet.right, fold_pixels=24 if sheet.compact else 40)
    body = []
    numbered: list[Mark] = []
    y = 12.0
    lanes_top = y
    middles = []
    for lane in picture.lanes:
        texts = _label_texts(lane, numbered, sheet)
        labels = place_labels(
            [(scale.x(mark.at), sheet.text_width(text)) for mark, text in zip(lane.marks, texts, strict=True)],
            sheet.left - (0 if sheet.compact else 20),
            sheet.width - 4,
        )
        above = max((label.tier for label in labels), default=0)
        below = -min((label.tier for label in labels), default=0)
        middle = y + max(above, 0) * sheet.tier + _LANE_HALF
        middles.append(middle)
        body += _lane(lane, middle, labels, texts, scale, sheet)
        y = middle + _LANE_HALF + max(below, 0) * sheet.tier + 3
    shading = _windows(picture, scale, lanes_top, y)
    folds = _folds(scale, [*middles, y])
    axis, y = _axis(scale, y, sheet)
    brackets, y = _brackets(picture, scale, y, sheet)
    legend, y = _legend(picture, y, sheet)
    listing, y = _listing(numbered, y, sheet)
    return _frame(
        [*shading, *folds, *body, *axis, *brackets, *legend, *listing],
        width,
        y + 4,
        title,
        description or _describe(picture),
        element_id,
        sheet,
    )


def _sheet(picture: TimelinePicture, width: int) -> _Sheet:
    compact = width < COMPACT_BELOW_PIXELS
    font = 11.0
    longest = max((len(_cut(lane.name, 16)) for lane in picture.lanes), default=0)
    left = 12 + longest * font * 0.62 + 12
    return _Sheet(width, min(left, width * 0.35), width - 16.0, font, compact)


def _label_texts(lane: Lane, numbered: list[Mark], sheet: _Sheet) -> list[str]:
    """The labels of a lane's marks: their text, or in the compact form their number in the list beneath."""
    if not sheet.compact:
        return [_cut(mark.text, _MOST_LABEL_CHARACTERS) for mark in lane.marks]
    texts = []
    for mark in lane.marks:
        numbered.append(mark)
        texts.append(str(len(numbered)))
    return texts


def _lane(
    lane: Lane, y: float, labels: list[PlacedLabel], texts: list[str], scale: TimelineScale, sheet: _Sheet
) -> list[str]:
    parts = [
        _text(12, y + 4, _cut(lane.name, 16), "picture-name", sheet.font, weight=600),
        f'<line class="picture-lane" x1="{_n(sheet.left)}" x2="{_n(sheet.right)}" y1="{_n(y)}" y2="{_n(y)}" '
        'stroke="#dfdfd8" stroke-width="1"/>',
    ]
    parts += [_span(span, y, scale) for span in lane.spans]
    parts += _entry_ticks(lane, y, scale)
    for label, mark, text in zip(labels, lane.marks, texts, strict=True):
        parts += _label(label, mark, text, y, sheet)
    # Marks last, so that no leader or span runs over them.
    parts += [_mark(mark, scale.x(mark.at), y) for mark in lane.marks]
    return parts


def _span(span: LaneSpan, y: float, scale: TimelineScale) -> str:
    start, end = scale.x(span.start), scale.x(span.end)
    open_end = ""
    if span.is_open:
        # Still lasting: an arrow head, not an end.
        open_end = (
            f'<path class="picture-{span.kind}" d="M{_n(end - 1)} {_n(y - 7)}L{_n(end + 6)} {_n(y)}L{_n(end - 1)} '
            f'{_n(y + 7)}" fill="none" stroke="{COLOURS["danger"]}" stroke-width="2"/>'
        )
    return (
        f'<line class="picture-{span.kind}" x1="{_n(start)}" x2="{_n(end)}" y1="{_n(y)}" y2="{_n(y)}" '
        f"{SPAN_STROKES[span.kind]}/>{open_end}"
    )


def _entry_ticks(lane: Lane, y: float, scale: TimelineScale) -> list[str]:
    marked = {round(scale.x(mark.at) / 2) for mark in lane.marks}
    columns = sorted({round(scale.x(moment) / 2) for moment in lane.entries} - marked)
    if not columns:
        return []
    path = "".join(f"M{column * 2} {_n(y - 5)}v10" for column in columns)
    return [f'<path class="picture-entry" d="{path}" fill="none" stroke="#50504a" stroke-width="1"/>']


def _mark(mark: Mark, x: float, y: float) -> str:
    dashes = ' stroke-dasharray="2 1.5"' if mark.uncertain else ""
    tone = "" if mark.tone == "neutral" else f' data-tone="{mark.tone}"'
    return (
        f'<circle class="picture-mark"{tone} cx="{_n(x)}" cy="{_n(y)}" r="4" fill="#ffffff" '
        f'stroke="{COLOURS[mark.tone]}" stroke-width="2"{dashes}/>'
    )


def _label(label: PlacedLabel, mark: Mark, text: str, y: float, sheet: _Sheet) -> list[str]:
    if label.tier > 0:
        base = y - _LANE_HALF - (label.tier - 1) * sheet.tier
    else:
        base = y + _LANE_HALF + (-label.tier) * sheet.tier - 5
    parts = []
    if abs(label.tier) > 1:
        near = y - 5 if label.tier > 0 else y + 5
        far = base + 2 if label.tier > 0 else base - sheet.font + 2
        parts.append(
            f'<line class="picture-leader" x1="{_n(label.mark_x)}" x2="{_n(label.mark_x)}" y1="{_n(near)}" '
            f'y2="{_n(far)}" stroke="#87877e" stroke-width="0.75"/>'
        )
    x, anchor = (label.left, "start") if label.runs_right else (label.right, "end")
    room = int((label.right - label.left) / (sheet.font * 0.62) + 0.01)
    parts.append(_text(x, base, _cut(text, max(room, 2)), "picture-label", sheet.font, anchor, tone=mark.tone))
    return parts


def _windows(picture: TimelinePicture, scale: TimelineScale, top: float, bottom: float) -> list[str]:
    parts = []
    for _, start, end in picture.windows:
        left, right = scale.x(start), scale.x(end)
        parts.append(
            f'<rect class="picture-window" x="{_n(left - 2)}" y="{_n(top - 6)}" width="{_n(max(right - left, 2) + 4)}" '
            f'height="{_n(bottom - top + 6)}" rx="3" fill="#ecece7" stroke="#87877e" stroke-width="1" '
            'stroke-dasharray="3 3"/>'
        )
    return parts


def _folds(scale: TimelineScale, lines: list[float]) -> list[str]:
    """A double stroke through every lane and the axis where time is left out."""
    path = "".join(
        f"M{_n((fold.left + fold.right) / 2 + offset - 2)} {_n(y + 6)}l4 -12"
        for fold in scale.folds()
        for y in lines
        for offset in (-3.0, 3.0)
    )
    return [f'<path class="picture-fold" d="{path}" fill="none" stroke="#66665f" stroke-width="1.25"/>'] if path else []


def _axis(scale: TimelineScale, y: float, sheet: _Sheet) -> tuple[list[str], float]:
    parts = []
    for stretch in scale.stretches:
        if not stretch.folded:
            parts.append(
                f'<line class="picture-axis" x1="{_n(stretch.left)}" x2="{_n(stretch.right)}" y1="{_n(y)}" '
                f'y2="{_n(y)}" stroke="#87877e" stroke-width="1"/>'
            )
    for tick in scale.ticks((sheet.font - 1) * 0.66, sheet.width - 2):
        parts.append(
            f'<line class="picture-axis" x1="{_n(tick.x)}" x2="{_n(tick.x)}" y1="{_n(y)}" y2="{_n(y + 5)}" '
            'stroke="#87877e" stroke-width="1"/>'
        )
        weight = 600 if tick.is_day else 400
        parts.append(_text(tick.left, y + 16, tick.text, "picture-tick", sheet.font - 1, weight=weight))
    y += 16
    if folds := scale.folds():
        # Joined by no-break spaces, so that a line never ends within a duration.
        hidden = ", ".join(format_duration(fold.end - fold.start).replace(" ", "\N{NO-BREAK SPACE}") for fold in folds)
        left = 12 if sheet.compact else sheet.left
        for line in sheet.lines(f"// folded: {hidden}", left):
            y += sheet.tier
            parts.append(_text(left, y, line, "picture-note", sheet.font - 1))
    return parts, y + 4


def _brackets(picture: TimelinePicture, scale: TimelineScale, y: float, sheet: _Sheet) -> tuple[list[str], float]:
    parts = []
    for bracket in picture.brackets:
        start, end = scale.x(bracket.start), scale.x(bracket.end)
        y += 2
        for line in sheet.lines(bracket.text, 8):
            y += sheet.tier
            half = sheet.text_width(line) / 2
            middle = min(max((start + end) / 2, 4 + half), sheet.width - 4 - half)
            parts.append(_text(middle, y, line, "picture-label", sheet.font, "middle", weight=600, tone="warning"))
        y += 9
        parts.append(
            f'<path class="picture-bracket" d="M{_n(start)} {_n(y - 4)}v8M{_n(start)} {_n(y)}H{_n(end)}M{_n(end)} '
            f'{_n(y - 4)}v8" fill="none" stroke="{COLOURS["warning"]}" stroke-width="1.25"/>'
        )
        y += 6
    return parts, y


def _legend(picture: TimelinePicture, y: float, sheet: _Sheet) -> tuple[list[str], float]:
    kinds = [kind for kind in SPAN_STROKES if any(span.kind == kind for lane in picture.lanes for span in lane.spans)]
    items = [(kind, kind) for kind in kinds] + [("window", _cut(name, 32)) for name, _, _ in picture.windows[:1]]
    y += sheet.tier + 6
    x = 12.0
    parts = []
    for kind, name in items:
        needed = 26 + sheet.text_width(name) + 12
        if x > 12 and x + needed > sheet.width:
            x, y = 12.0, y + sheet.tier + 2
        if kind == "window":
            parts.append(
                f'<rect class="picture-window" x="{_n(x)}" y="{_n(y - 10)}" width="20" height="12" rx="2" '
                'fill="#ecece7" stroke="#87877e" stroke-width="1" stroke-dasharray="3 3"/>'
            )
        else:
            parts.append(
                f'<line class="picture-{kind}" x1="{_n(x)}" x2="{_n(x + 20)}" y1="{_n(y - 4)}" y2="{_n(y - 4)}" '
                f"{SPAN_STROKES[kind]}/>"
            )
        parts.append(_text(x + 26, y, name, "picture-note", sheet.font))
        x += needed
    notes = [note for note in (picture.zone_note, _left_out(picture)) if note]
    for line in [line for note in notes for line in sheet.lines(note, 12)]:
        line_width = sheet.text_width(line)
        if x > 12 and x + line_width > sheet.width:
            x, y = 12.0, y + sheet.tier + 2
        parts.append(_text(x, y, line, "picture-note", sheet.font))
        x += line_width + 16
    return parts, y + 4


def _listing(numbered: list[Mark], y: float, sheet: _Sheet) -> tuple[list[str], float]:
    parts = []
    if numbered:
        y += 6
    most = int((sheet.width - 44) / (sheet.font * 0.62))
    for number, mark in enumerate(numbered, 1):
        y += sheet.tier + 1
        parts.append(_text(26, y, str(number), "picture-label", sheet.font, "end", weight=600, tone=mark.tone))
        parts.append(_text(34, y, _cut(mark.text, most), "picture-label", sheet.font, tone=mark.tone))
    return parts, y + 4


def _left_out(picture: TimelinePicture) -> str:
    return f"{picture.lanes_left_out} more environments not drawn" if picture.lanes_left_out else ""


def _describe(picture: TimelinePicture) -> str:
    sentences = [f"{lane.name}: {'; '.join(mark.text for mark in lane.marks)}." for lane in picture.lanes if lane.marks]
    sentences += [f"{bracket.text[:1].upper()}{bracket.text[1:]}." for bracket in picture.brackets]
    sentences += [
        f"Maintenance window {name}: {_moment(start)} to {_moment(end)}." for name, start, end in picture.windows
    ]
    return " ".join([*sentences, f"{picture.zone_note}."])


def _frame(
    body: list[str], width: int, height: float, title: str, description: str, element_id: str, sheet: _Sheet
) -> str:
    name = escape(element_id, quote=True)
    kind = " picture-svg--compact" if sheet.compact else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture-svg{kind}" id="{name}" role="img" '
        f'aria-labelledby="{name}-title {name}-description" width="{width}" height="{_n(height)}" '
        f'viewBox="0 0 {width} {_n(height)}" font-family="system-ui, DejaVu Sans, sans-serif">'
        f'<title id="{name}-title">{_clean(title)}</title><desc id="{name}-description">{_clean(description)}</desc>'
        + "".join(body)
        + "</svg>"
    )


def _text(
    x: float,
    y: float,
    text: str,
    css_class: str,
    size: float,
    anchor: str = "start",
    *,
    weight: int = 400,
    tone: str = "neutral",
) -> str:
    toned = "" if tone == "neutral" else f' data-tone="{tone}"'
    return (
        f'<text class="{css_class}"{toned} x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" font-size="{_n(size)}" '
        f'font-weight="{weight}" fill="{COLOURS[tone]}">{_clean(text)}</text>'
    )


def _clean(text: str) -> str:
    """Escaped, and without the control characters that XML forbids."""
    return escape(
        "".join(
            character if character.isprintable() or character == "\N{NO-BREAK SPACE}" else " " for character in text
        ),
        quote=True,
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: max(most - 1, 1)] + "…"


def _moment(moment: datetime) -> str:
    return f"{moment.day} {moment:%b} {moment:%H:%M}"


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
