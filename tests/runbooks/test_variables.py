"""Variables in texts and parameters, and the values that people type for them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.document import Variable
from runbooks.variables import (
    BadValue,
    UnknownVariable,
    as_text,
    parse_value,
    placeholders,
    substitute,
    substitute_text,
)

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
TEXT = st.text(alphabet=st.characters(exclude_characters="{}", exclude_categories=["Cs"]), max_size=20)


@given(NAMES, TEXT, TEXT, TEXT)
def test_a_variable_within_a_text_is_written_out_and_the_rest_stays(name: str, value: str, before: str, after: str):
    assert substitute_text(f"{before}{{{{ {name} }}}}{after}", {name: value}) == before + value + after


@given(NAMES, st.lists(TEXT, max_size=5))
def test_a_parameter_that_is_only_a_variable_becomes_the_value_itself(name: str, value: list[str]):
    assert substitute({"a": [f"{{{{{name}}}}}"]}, {name: value}) == {"a": [value]}


@given(st.recursive(TEXT | st.integers() | st.booleans() | st.none(), lambda inner: st.lists(inner, max_size=3)))
def test_what_names_no_variable_stays_as_it_is(value: Any):
    assert substitute(value, {}) == value
    assert list(placeholders(value)) == []


@given(NAMES)
def test_a_value_that_looks_like_a_variable_is_not_looked_through_again(name: str):
    assert substitute_text("{{ outer }}!", {"outer": f"{{{{ {name} }}}}", name: "secret"}) == f"{{{{ {name} }}}}!"


@given(NAMES.filter(lambda name: name != "hostname"))
def test_an_unknown_variable_is_named(name: str):
    with pytest.raises(UnknownVariable, match=f"`{name}`"):
        substitute(["x", f"{{{{ {name} }}}}"], {"hostname": "a"})


def test_the_variable_that_was_meant_is_offered():
    with pytest.raises(UnknownVariable, match="did you mean `hostname`"):
        substitute_text("{{ hostnme }}", {"hostname": "a", "port": 1})


@given(st.lists(st.ip_addresses(v=4).map(str), min_size=1, max_size=10))
def test_addresses_are_a_sorted_set_and_read_back_from_their_own_text(addresses: list[str]):
    variable = Variable(name="new_addresses", type="addresses")
    parsed = parse_value(variable, ", ".join(addresses))
    assert parsed == sorted(set(addresses))
    assert parse_value(variable, as_text(parsed)) == parsed


@pytest.mark.parametrize(
    ("variable_type", "given_text", "expected"),
    [
        ("number", "8443", 8443),
        ("number", " 0.5 ", 0.5),
        ("address", "2001:DB8::7", "2001:db8::7"),
        ("endpoint", "192.0.2.53:5353", "192.0.2.53:5353"),
        ("endpoint", "[2001:db8::53]:53", "[2001:db8::53]:53"),
        ("endpoint", "2001:db8::53", "2001:db8::53"),
        ("endpoints", '["192.0.2.53:53", "192.0.2.54"]', ["192.0.2.53:53", "192.0.2.54"]),
        ("hostname", "Chat.Example.COM.", "chat.example.com"),
        ("hostname", "bücher.example", "xn--bcher-kva.example"),
        ("hostnames", "a.example\nb.example, a.example", ["a.example", "b.example"]),
        ("url", "wss://chat.example.com/ws?x=1", "wss://chat.example.com/ws?x=1"),
        ("environments", "prod, st", ["PROD", "ST"]),
        ("text", " any thing ", "any thing"),
    ],
)
def test_values_are_read_by_their_type(variable_type: Any, given_text: str, expected: Any):
    variable = Variable(name="it", type=variable_type)
    assert parse_value(variable, given_text, environment_names=["ST", "PROD"]) == expected


@pytest.mark.parametrize(
    ("variable_type", "given_text", "part_of_message"),
    [
        ("number", "many", "not a number"),
        ("number", "nan", "not a number"),
        ("address", "chat.example.com", "not an IP address"),
        ("addresses", "192.0.2.1, 192.0.2.300", "“192.0.2.300” is not an IP address"),
        ("endpoint", "192.0.2.53:99999", "not a port"),
        ("hostname", "http://chat.example.com", "without http://"),
        ("hostname", "-chat.example.com", "not a host name"),
        ("url", "ftp://chat.example.com/", "not a URL"),
        ("url", "http://chat.example.com:99999/", "not a URL"),
        ("url", "https://chat example.com/", "not a URL"),
        ("hostnames", "[1, ", "no JSON list"),
        ("environments", "PRD", "did you mean `PROD`"),
        ("text", "x" * 3000, "3000 characters are too many"),
        ("addresses", ",".join(["192.0.2.1"] * 501), "501 entries are too many"),
    ],
)
def test_what_is_none_of_its_type_is_refused_in_words(variable_type: Any, given_text: str, part_of_message: str):
    with pytest.raises(BadValue) as caught:
        parse_value(Variable(name="it", type=variable_type), given_text, environment_names=["ST", "PROD"])
    assert part_of_message in str(caught.value)
