"""A CEL expression read just far enough to know its paths, comparisons with null and comprehensions.

The binding evaluates but cannot be asked which fields an expression touches; these are the facts that decide
between `failed` (the target did not show it) and `errored`, and that bound what an evaluation may cost.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<text>[bB]?[rR]?(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
  | (?P<number>0[xX][0-9a-fA-F]+[uU]?|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[uU]?|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign>==|!=|<=|>=|&&|\|\||.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMPREHENSIONS = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
_REPETITION = re.compile(r"\{(?:\s*\d+\s*,)?\s*(\d+)\s*,?\s*\}")
_UNICODE_CLASS = re.compile(r"\\+[wWdDsSpPbB]")
_WORDS = frozenset({"true", "false", "null", "in"})


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class PathUse:
    """A path such as headers["x-app"]; `with_null` when the expression itself compares it with null or asks has()."""

    path: Path
    with_null: bool

    def __str__(self) -> str:
        return written_path(self.path)


@dataclass(frozen=True, slots=True)
class ExpressionFacts:
    uses: tuple[PathUse, ...]
    comprehensions: tuple[str, ...]
    bound_names: frozenset[str]
    longest_list: int
    pattern_weight: int  # of all matches() together; 0 when there is none
    has_computed_pattern: bool
    additions: int


def written_path(path: Path) -> str:
    """A path as one would write it: tls.days_left, headers["x-app"], answers[0]."""
    text = str(path[0])
    for key in path[1:]:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += f".{key}" if re.fullmatch(r"[A-Za-z_]\w*", key) else f'["{key}"]'
    return text


@lru_cache(maxsize=4096)
def facts_of(expression: str) -> ExpressionFacts:
    """The facts of an expression that already compiled."""
    tokens = [
        Token(str(match.lastgroup), match.group())
        for match in _TOKEN.finditer(expression)
        if match.lastgroup != "space"
    ]
    uses: list[PathUse] = []
    comprehensions: list[str] = []
    bound: set[str] = set()
    pattern_weight, has_computed_pattern = 0, False
    position = 0
    while position < len(tokens):
        token = tokens[position]
        before = tokens[position - 1].text if position else ""
        if token.kind != "name" or token.text in _WORDS:
            position += 1
        elif before == "." and _text(tokens, position + 1) == "(":
            if token.text in _COMPREHENSIONS:
                comprehensions.append(token.text)
                bound.add(_text(tokens, position + 2))
            elif token.text == "matches" and _is_literal_argument(tokens, position + 2):
                pattern_weight += weight_of_pattern(tokens[position + 2].text)
            elif token.text == "matches":
                has_computed_pattern = True
            position += 1
        elif before == "." or _text(tokens, position + 1) == "(":
            has_computed_pattern = has_computed_pattern or token.text == "matches"
            position += 1
        else:
            path, end = _path_at(tokens, position)
            in_has = before == "(" and position >= 2 and tokens[position - 2].text == "has"
            uses.append(PathUse(path, in_has or _compared_with_null(tokens, position, end)))
            position = end
    commas = expression.count(",") + 1
    additions = sum(token.text == "+" for token in tokens)
    return ExpressionFacts(
        tuple(uses),
        tuple(comprehensions),
        frozenset(bound),
        commas,
        pattern_weight,
        has_computed_pattern,
        additions,
    )


def _is_literal_argument(tokens: list[Token], position: int) -> bool:
    return position < len(tokens) and tokens[position].kind == "text" and _text(tokens, position + 1) == ")"


def weight_of_pattern(literal: str) -> int:
    """About how many states a regular expression compiles to: the engine's time is states times characters.

    Counted repetition multiplies what it repeats, and a Unicode class is some dozens of states.
    """
    weight = len(literal) + 50 * len(_UNICODE_CLASS.findall(literal))
    for count in _REPETITION.findall(literal):
        weight *= max(1, int(count[:6]))
    return weight


def _text(tokens: list[Token], position: int) -> str:
    return tokens[position].text if position < len(tokens) else ""


def _path_at(tokens: list[Token], start: int) -> tuple[Path, int]:
    path: list[str | int] = [tokens[start].text]
    position = start + 1
    while True:
        sign, following = _text(tokens, position), position + 1
        if sign == "." and following < len(tokens) and tokens[following].kind == "name":
            if _text(tokens, following + 1) == "(":
                return tuple(path), position
            path.append(tokens[following].text)
            position += 2
        elif sign == "[" and _text(tokens, position + 2) == "]" and tokens[following].kind in ("text", "number"):
            key = tokens[following]
            if key.kind == "number":
                if not key.text.isdigit():
                    return tuple(path), position
                path.append(int(key.text))
            else:
                literal = _plain_literal(key.text)
                if literal is None:
                    return tuple(path), position
                path.append(literal)
            position += 3
        else:
            return tuple(path), position


def _plain_literal(text: str) -> str | None:
    """The value of a simple text literal; None when it has escapes or prefixes, which are left to CEL."""
    if text[0] in "\"'" and not text.startswith(('"""', "'''")) and "\\" not in text:
        return text[1:-1]
    return None


def _compared_with_null(tokens: list[Token], start: int, end: int) -> bool:
    after = _text(tokens, end) in ("==", "!=") and _text(tokens, end + 1) == "null"
    before = start >= 2 and tokens[start - 1].text in ("==", "!=") and tokens[start - 2].text == "null"
    return after or before
