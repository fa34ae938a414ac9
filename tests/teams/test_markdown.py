"""What people write can do nothing but be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teams.markdown import LONGEST_TEXT_CHARACTERS, render_markdown, sanitise


@pytest.mark.parametrize(
    ("source", "forbidden"),
    [
        ("<script>alert(1)</script>", "<script"),
        ("[x](javascript:alert(1))", "javascript:"),
        ("[x](JaVaScRiPt:alert(1))", "avaScRiPt:alert"),
        ("[x](data:text/html,boo)", "data:"),
        ("[x](//elsewhere.example/)", 'href="//'),
        ("![x](https://elsewhere.example/pixel.png)", "elsewhere"),
        ("![x](file:///etc/passwd)", "file:"),
        ("<img src=x onerror=alert(1)>", "<img src=x"),
        ('<p style="position:fixed">x</p>', "<p style"),
        ("<svg onload=alert(1)>", "<svg"),
        ("[x]: javascript:alert(1)\n\n[x]", "javascript:"),
        ('<https://x.example/"onmouseover=alert(1)>', " onmouseover="),
        ("| a |\n|---|\n| <b onclick=x> |", "<b onclick"),
    ],
)
def test_nothing_in_a_text_runs_or_loads(source: str, forbidden: str) -> None:
    assert forbidden not in render_markdown(source)


def test_the_usual_marks_are_rendered() -> None:
    html = render_markdown(
        "# Head\n\n**bold** `code` [link](https://example.org/) [own](/incidents/INC-2/)\n\n- a\n- b"
    )
    assert "<h3>Head</h3>" in html
    assert "<strong>bold</strong>" in html
    assert 'href="https://example.org/"' in html
    assert 'href="/incidents/INC-2/"' in html
    assert html.count("<li>") == 2


def test_pictures_come_from_our_attachments_only() -> None:
    assert ' src="/incidents/INC-2/attachments/7/"' in render_markdown("![graph](/incidents/INC-2/attachments/7/)")
    assert "src=" not in render_markdown("![graph](/incidents/INC-2/attachments/7/../../../accounts/logout/)")


def test_code_is_highlighted_with_classes_and_without_styles() -> None:
    html = render_markdown("```python\ndef f(): return 1\n```")
    assert 'class="k"' in html
    assert "style=" not in html


def test_a_text_over_the_limit_is_shown_as_it_is() -> None:
    html = render_markdown("<b>" + "x" * LONGEST_TEXT_CHARACTERS)
    assert html.startswith("<pre>&lt;b&gt;xxx")


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "unit", ["[", "![", "[a](", "[a](((", "[xxxxxxxxx", "```\n", "~~~\n", "\\", ">", "> ", "1. ", "- ", "**", "<", "|a"]
)
def test_a_text_that_renders_slowly_or_too_deep_is_shown_as_it_is(unit: str) -> None:
    text = unit * (LONGEST_TEXT_CHARACTERS // len(unit))
    assert render_markdown(text)


def test_an_ordinary_long_text_is_rendered() -> None:
    text = "\n\n".join(f"Step {n}: see [the graph](https://example.org/{n}) (part [a] of it)." for n in range(1000))
    assert render_markdown(text).count("<a ") == 1000


@given(st.text(alphabet="<>/\"'= abc:;#()[]!`*|\n-&javscriptdt", max_size=200))
def test_sanitising_twice_changes_nothing(text: str) -> None:
    once = str(render_markdown(text))
    assert sanitise(once) == once
