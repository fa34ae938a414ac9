"""What an evaluation may cost: it holds the interpreter, so it is estimated before it begins."""

from collections.abc import Mapping
from typing import Any

from checks.expression_text import ExpressionFacts

MAXIMUM_COST = 400_000_000
MAXIMUM_NODES = 200_000
MAXIMUM_PATTERN_WORK = 50_000_000  # states × characters; measured: under a second
_NODE_COST = 64


def too_much(facts: ExpressionFacts, inputs: Mapping[str, Any]) -> str | None:
    nodes, characters, longest = _measure(inputs)
    if nodes > MAXIMUM_NODES:
        return "too much data for an expectation"
    if facts.pattern_weight * characters > MAXIMUM_PATTERN_WORK:
        return "too much text for this regular expression"
    size = nodes * _NODE_COST + characters
    # Each + copies what the ones before it have put together.
    if facts.additions**2 * size > MAXIMUM_COST:
        return "too much data to add up"
    if not facts.comprehensions:
        return None
    steps = max(longest, facts.longest_list)
    once = len([use for use in facts.uses if use.path[0] not in facts.bound_names]) <= 1
    # all and exists copy one member a step; filter and map also copy what they have gathered, at every step.
    if facts.comprehensions[0] in ("map", "filter"):
        cost = steps * size * (1 if once or facts.comprehensions[0] == "filter" else steps)
    else:
        cost = size if once else steps * size
    return "too many members for one comprehension" if cost > MAXIMUM_COST else None


def _measure(value: Any) -> tuple[int, int, int]:
    """(values, characters, members of the longest list) of everything an evaluation would be handed."""
    nodes = characters = longest = 0
    waiting = [value]
    while waiting and nodes <= MAXIMUM_NODES:
        item = waiting.pop()
        nodes += 1
        if isinstance(item, str):
            characters += len(item)
        elif isinstance(item, Mapping):
            longest = max(longest, len(item)) if item is not value else longest
            waiting.extend(item.values())
            characters += sum(len(key) for key in item if isinstance(key, str))
        elif isinstance(item, (list, tuple)):
            longest = max(longest, len(item))
            waiting.extend(item)
    return nodes, characters, longest
