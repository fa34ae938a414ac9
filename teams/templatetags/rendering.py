"""Template filters for what people wrote."""

from django import template
from django.utils.safestring import SafeString

from teams.markdown import render_markdown

register = template.Library()


@register.filter(name="markdown")
def markdown_filter(text: str) -> SafeString:
    """Markdown as harmless HTML. Put it inside an element with `hx-disable`."""
    return render_markdown(text or "")
