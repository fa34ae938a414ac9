from pathlib import Path

import pytest

from checks.kind import COMMON_FIELDS, Kind
from checks.reference import reference
from checks.registry import KINDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "checks.md"


def test_the_page_says_what_the_code_says():
    assert PAGE.read_text() == reference(), "run: python -m checks.reference > docs/checks.md"


@pytest.mark.parametrize("kind", list(KINDS.values()), ids=lambda kind: kind.name)
def test_every_parameter_and_field_of_every_kind_is_on_the_page_with_its_words(kind: Kind):
    section = PAGE.read_text().split(f"## `{kind.name}`: ")[1].split("\n## ")[0]
    common = PAGE.read_text().split("## What all kinds share")[1].split("\n## ")[0]
    for name, field in kind.parameters.model_fields.items():
        assert field.description
        assert any(f"| `{name}` |" in text and field.description in text for text in (section, common)), name
    for observed in kind.observation_fields:
        place = common if observed in COMMON_FIELDS else section
        assert f"| `{observed.name}` | {observed.type} | {observed.unit} | {observed.help} |" in place
