"""Whether a runbook makes sense: everything wrong is told, with its place."""

import pytest

from runbooks.problems import InvalidRunbook
from runbooks.validation import problems_of, read_valid
from tests.runbooks.maintenance_world import SMALL, small_document


def problems(old: str, new: str) -> str:
    assert old in SMALL
    with pytest.raises(InvalidRunbook) as caught:
        read_valid(SMALL.replace(old, new, 1))
    return str(caught.value)


def test_the_small_runbook_makes_sense():
    assert problems_of(small_document()) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[status < 500]", '["statuss < 500"]',
         "step 3 “Switch {{ hostname }}”, check “still there”, expect 1: unknown name `statuss` at column 1; "
         "did you mean `status`?"),
        ("[status < 500]", '["status <"]', "expect 1: "),
        ("[status < 500]", '["vars.new_adresses == []"]', "did you mean `vars.new_addresses`?"),
        ("[status < 500]", '["status == {{ path }}"]', "write `vars.name` here"),
        ("[status < 500]", '["before.status == 200"]', "uses `before`, but compare_with names no baseline"),
        ("[status < 500]", "[]", "a check that expects nothing proves nothing"),
        ("title: Switch {{ hostname }}", "title: Switch {{ hostnme }}", "unknown variable `hostnme`"),
        ("title: Switch {{ hostname }}", "title: Switch {{ Hostname }}", "is no variable"),
        ("title: Switch {{ hostname }}", "title: Switch {{ each }}", "but there is no for_each here"),
        ("- name: still there\n        kind: http", "- name: still there\n        kind: htp", "did you mean `http`?"),
        ('parameters: {url: "http://{{ hostname }}/"}', 'parameters: {uri: "http://{{ hostname }}/"}',
         "unknown parameter `uri`; did you mean `url`?"),
        ('parameters: {url: "http://{{ hostname }}/"}', 'parameters: {url: "gopher://{{ hostname }}/"}', "`url`"),
        ("for_each: new_addresses", "for_each: new_adresses", "unknown list variable `new_adresses`"),
        ("for_each: new_addresses", "for_each: hostname", "`hostname` is no list"),
        ("compare_with: front page", "compare_with: front", "unknown baseline `front`; did you mean `front page`?"),
        ("key: agree", "key: baseline", "`baseline` is used already, by number 1"),
        ("check: still there, text", "check: still here, text", "did you mean `still there`?"),
        ("kind: cutoff, minutes_before_end: 30,", "kind: cutoff,", "how long before the window's end"),
        ("default: /health", 'default: "{{ hostnam }}/x"', "variable “path”, default: unknown variable `hostnam`"),
        ("type: addresses", "type: addresses, default: nowhere", "“nowhere” is not an IP address"),
        ("[status < 500]", '["status < 500"]\n        repeat: 3\n        max_failures: 3', "such a check cannot fail"),
        ("[status < 500]", '["status < 500"]\n        repeat: 10000', "repeat: the run could take"),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_its_place(old: str, new: str, expected: str):
    assert expected in problems(old, new)


def test_problems_carry_the_line_of_the_text():
    with pytest.raises(InvalidRunbook) as caught:
        read_valid(SMALL.replace("[status < 500]", '["statuss < 500"]'))
    (problem,) = caught.value.problems
    assert problem.line is not None
    assert "statuss" in SMALL.replace("[status < 500]", '["statuss < 500"]').splitlines()[problem.line - 1]


def test_a_baseline_taken_for_each_member_needs_the_same_for_each():
    baseline_each = "        baseline: true\n        for_each: new_addresses"
    once = SMALL.replace("        for_each: new_addresses\n", "").replace(
        'connect_to: "{{ each }}"', "timeout_seconds: 5"
    )
    with pytest.raises(InvalidRunbook, match="that baseline is for each of `new_addresses`"):
        read_valid(once.replace("        baseline: true", baseline_each))
