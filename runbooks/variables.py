"""Variables of a runbook: `{{ name }}` in its texts and parameters, and the typed values people give for them.

A text that is nothing but ``{{ name }}`` becomes the value itself, lists included; within a longer text a value is
written out, lists with ", " between. ``{{ each }}`` is the member that a step or check unfolded for; in a check that
unfolds within a step that does, ``{{ step_each }}`` is the step's.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from runbooks.document import LIST_TYPES, Variable

PLACEHOLDER = re.compile(r"\{\{\s*([a-z][a-z0-9_]{0,39})\s*\}\}")
BROKEN_PLACEHOLDER = re.compile(r"\{\{(?!\s*[a-z][a-z0-9_]{0,39}\s*\}\}).{0,40}")
EACH = "each"
STEP_EACH = "step_each"
MAX_LIST_LENGTH = 500
MAX_TEXT_LENGTH = 2000
Value = str | int | float | list[str]


class UnknownVariable(Exception):
    """A text names a variable that the runbook does not have."""

    def __init__(self, name: str, known: Collection[str]) -> None:
        self.name = name
        super().__init__(unknown_name("variable", name, known))


class BadValue(Exception):
    """What was given for a variable is none of its type. The message is for the person who gave it."""


def unknown_name(noun: str, name: str, known: Collection[str]) -> str:
    """Say that there is no such thing, and which one may have been meant."""
    near = difflib.get_close_matches(name, sorted(known), n=1)
    if near:
        return f"unknown {noun} `{name}`; did you mean `{near[0]}`?"
    listed = ", ".join(f"`{known_name}`" for known_name in sorted(known))
    return f"unknown {noun} `{name}`; there is {listed}." if listed else f"unknown {noun} `{name}`; there is none."


def placeholders(value: Any) -> Iterator[str]:
    """Names of all variables that the texts in `value` ask for (str, list, dict, nested)."""
    if isinstance(value, str):
        yield from PLACEHOLDER.findall(value)
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from placeholders(key)
            yield from placeholders(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from placeholders(member)


def substitute(value: Any, values: Mapping[str, Any]) -> Any:
    """Fill in the variables in a text, or in all texts of a list or dict. Raises UnknownVariable.

    Values are not looked through again: a value that holds ``{{ name }}`` stays as it is.
    """
    if isinstance(value, str):
        if "{{" not in value:
            return value
        whole = PLACEHOLDER.fullmatch(value.strip())
        return _lookup(whole[1], values) if whole else substitute_text(value, values)
    if isinstance(value, Mapping):
        return {substitute(key, values): substitute(member, values) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [substitute(member, values) for member in value]
    return value


def substitute_text(text: str, values: Mapping[str, Any]) -> str:
    """Fill in the variables; the result is a text, also where the text is nothing but one variable."""
    if "{{" not in text:
        return text
    return PLACEHOLDER.sub(lambda match: as_text(_lookup(match[1], values)), text)


def _lookup(name: str, values: Mapping[str, Any]) -> Any:
    try:
        return values[name]
    except KeyError:
        raise UnknownVariable(name, values.keys()) from None


def as_text(value: Any) -> str:
    """A value as people read it, and as `parse_value` reads it back."""
    if isinstance(value, list):
        return ", ".join(as_text(member) for member in value)
    return "" if value is None else str(value)


def parse_value(variable: Variable, given: Any, *, environment_names: Collection[str] = ()) -> Value:
    """Read what was given for a variable: "a, b", one a line, a JSON list, or a list. Raises BadValue.

    Lists of addresses are sets: sorted, each once, as the checks report them. Other lists keep their order.
    """
    if variable.type not in LIST_TYPES:
        return _SCALARS[variable.type](_one_text(given))
    members = _members(given)
    if len(members) > MAX_LIST_LENGTH:
        raise BadValue(f"{len(members)} entries are too many; at most {MAX_LIST_LENGTH}.")
    if variable.type == "environments":
        return [_environment(member, environment_names) for member in members]
    parse = _SCALARS[_MEMBER_TYPES[variable.type]]
    parsed = list(dict.fromkeys(str(parse(member)) for member in members))
    return sorted(parsed) if variable.type == "addresses" else parsed


def _one_text(given: Any) -> str:
    if isinstance(given, list | dict) or given is None or isinstance(given, bool):
        raise BadValue("one value is wanted here, not a list.")
    return str(given).strip()


def _members(given: Any) -> list[str]:
    if isinstance(given, str) and given.strip().startswith("["):
        try:
            given = json.loads(given)
        except json.JSONDecodeError as error:
            raise BadValue(f"no JSON list: {error.msg} at character {error.pos + 1}.") from None
    if isinstance(given, str):
        given = re.split(r"[,\n]", given)
    if not isinstance(given, list):
        given = [given]
    if any(isinstance(member, list | dict) for member in given):
        raise BadValue("a list of single values is wanted here, not lists in a list.")
    return [text for member in given if (text := str(member).strip())]


def _text(given: str) -> str:
    if len(given) > MAX_TEXT_LENGTH:
        raise BadValue(f"{len(given)} characters are too many; at most {MAX_TEXT_LENGTH}.")
    return given


def _number(given: str) -> int | float:
    try:
        return int(given)
    except ValueError:
        pass
    try:
        number = float(given)
    except ValueError:
        raise BadValue(f"“{given[:60]}” is not a number.") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise BadValue(f"“{given[:60]}” is not a number.")
    return number


def _address(given: str) -> str:
    try:
        return str(ipaddress.ip_address(given))
    except ValueError:
        raise BadValue(f"“{given[:60]}” is not an IP address. Write one like 192.0.2.7 or 2001:db8::7.") from None


def _endpoint(given: str) -> str:
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::(\d{1,5}))?", given)
    address, port = (bracketed[1], bracketed[2]) if bracketed else (given, None)
    if not bracketed and given.count(":") == 1:
        address, port = given.split(":")
    address = _address(address)
    if port is None:
        return address
    if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise BadValue(f"“{port[:20]}” in “{given[:60]}” is not a port from 1 to 65535.")
    return f"[{address}]:{int(port)}" if ":" in address else f"{address}:{int(port)}"


_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def _hostname(given: str) -> str:
    name = given.lower().removesuffix(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise BadValue(f"“{given[:60]}” is not a host name.") from None
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise BadValue(f"“{given[:60]}” is not a host name. Write one like chat.example.com, without http://.")
    return name


def _url(given: str) -> str:
    try:
        parts = urlsplit(given)
        usable = parts.scheme in ("http", "https", "ws", "wss") and bool(parts.hostname)
        _ = parts.port  # raises for a port that is none
    except ValueError:
        usable = False
    if not usable or any(character.isspace() for character in given):
        raise BadValue(f"“{given[:60]}” is not a URL. Write one like https://chat.example.com/.")
    return given


def _environment(given: str, names: Collection[str]) -> str:
    found = next((name for name in names if name.lower() == given.lower()), None)
    if found is None:
        raise BadValue(unknown_name("environment", given, names))
    return found


_SCALARS: dict[str, Callable[[str], str | int | float]] = {
    "text": _text,
    "number": _number,
    "address": _address,
    "endpoint": _endpoint,
    "hostname": _hostname,
    "url": _url,
}
_MEMBER_TYPES = {"addresses": "address", "endpoints": "endpoint", "hostnames": "hostname", "urls": "url"}
