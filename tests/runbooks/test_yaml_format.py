"""Runbooks as YAML: what is read, what is refused, and where it says the fault is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.document import Origin, RunbookDocument, Step, Variable
from runbooks.problems import InvalidRunbook
from runbooks.yaml_format import dump, parse
from tests.runbooks.maintenance_world import SMALL

PROSE = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t #:'\"{}[]&*!|>%@-"))
TITLES = PROSE.map(str.strip).filter(lambda text: 1 <= len(text) <= 200)
STEPS = st.builds(
    Step,
    key=st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True),
    phase=st.sampled_from(["before", "during", "after"]),
    title=TITLES,
    instructions=PROSE,
    role=PROSE.filter(lambda text: len(text) <= 80),
    gate=st.booleans(),
    sign_offs=st.integers(0, 2),
    at=st.none() | st.sampled_from(["T+0", "T-48h", "T+7d"]),
    origins=st.lists(st.builds(Origin, label=TITLES, path=st.just("/incidents/INC-1/"), reason=TITLES), max_size=2),
)
VARIABLES = st.builds(Variable, name=st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), help=PROSE)


@given(
    st.builds(
        RunbookDocument,
        title=TITLES,
        summary=PROSE,
        variables=st.lists(VARIABLES, max_size=2),
        steps=st.lists(STEPS, max_size=3),
    )
)
def test_a_document_written_and_read_again_is_equal(document: RunbookDocument):
    assert parse(dump(document)) == document


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidRunbook) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1, column 1: the text is empty"),
        ("- a", "line 1, column 1: a runbook is a map"),
        ("title: [", "line 1, column 9: no valid YAML"),
        ("title: x\ntitle: y", "line 2, column 1: the field `title` stands here twice"),
        ("title: x\nsumary: y", "line 2, column 1: sumary: unknown field `sumary`; did you mean `summary`?"),
        ("steps: []", "title: is missing"),
        ("title: x\nsteps:\n  - key: a\n    phase: befor\n    title: New records",
         "line 4, column 5: step 1 “New records”, phase: must be one of 'before', 'during', 'after'"),
        ("title: x\nsteps:\n  - key: a\n    phase: before\n    title: T\n    at: tomorrow", "T-48h, T+0 or T+7d"),
        ("a: &x 1\nb: *x", "line 2, column 4: no valid YAML: aliases"),
        ("title: !!python/object:os.system x", "the tag tag:yaml.org,2002:python/object:os.system is not taken"),
        ('title: "a\\0b"', "line 1, column 8: this text holds a character that cannot be stored"),
        ("title: x\x07", "a character that YAML does not allow"),
        ("title: .inf", "infinity"),
        ("1: 2", "a field's name is text"),
    ],
)  # fmt: skip
def test_faults_are_told_with_line_and_column(text: str, expected: str):
    assert any(expected in problem for problem in problems(text)), problems(text)


def test_all_faults_are_told_at_once():
    assert len(problems("titel: x\nsteps:\n  - key: A\n    phase: x\n")) >= 4


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]",
        "title: " + "[" * 50_000,
        "title: " + "{a: " * 5_000,
        "title: " + "9" * 10_000,
        "title: x\nsummary: |\n" + "  " + "x" * 1_100_000,
    ],
)
def test_bombs_are_refused_at_once(bomb: str):
    began = time.monotonic()
    assert problems(bomb)
    assert time.monotonic() - began < 5


def test_the_runbook_of_these_tests_survives_the_round_trip():
    document = parse(SMALL)
    assert parse(dump(document)) == document
