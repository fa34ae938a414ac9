"""Who may do what, route by route.

Every app keeps its rows in `tests/<app>/access_rows.py`:

    ROWS = {
        "incidents:incident": Row(from_role(Role.VIEWER), kwargs=lambda world: {"key": world.made["incident"].key}),
        "incidents:status": Row(
            from_role(Role.RESPONDER, success=303), method="POST", kwargs=..., data={"status": "identified"}
        ),
    }

    def furnish(world: World) -> None:
        world.made["incident"] = declare(...)

A route that answers to several methods has a list of rows. `furnish` (optional) puts what the rows need into the world.
`tests/test_access_matrix.py` walks the whole URLconf and fails where a route has no row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from teams.roles import Role
from tests.world import World

ROLES = ("anonymous", "outsider", "viewer", "responder", "maintainer", "admin")
Expected = Mapping[str, int]  # role → HTTP status
Values = Mapping[str, Any] | Callable[[World], Mapping[str, Any]]


@dataclass(frozen=True)
class Row:
    """One request that every role tries. `expected` has the status for each of `ROLES`.

    `kwargs` fill the route's path, `data` is the form or the query string, `headers` such as {"HX-Request": "true"}.
    """

    expected: Expected
    method: str = "GET"
    kwargs: Values = field(default_factory=dict)
    data: Values = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if set(self.expected) != set(ROLES):
            raise ValueError(f"a row names every role: {', '.join(ROLES)}; this one {', '.join(self.expected)}")


def by_role(*, anonymous: int, outsider: int, viewer: int, responder: int, maintainer: int, admin: int) -> Expected:
    """Each role's status, written out."""
    return {
        "anonymous": anonymous,
        "outsider": outsider,
        "viewer": viewer,
        "responder": responder,
        "maintainer": maintainer,
        "admin": admin,
    }


def from_role(minimum: Role, *, success: int = 200, anonymous: int = 302, outsider: int = 404) -> Expected:
    """What belongs to a team: sign-in for nobody, 404 for outsiders, 403 below `minimum`, `success` from there on."""
    members = {role.value: success if role.allows(minimum) else 403 for role in Role}
    return {"anonymous": anonymous, "outsider": outsider, **members}


def everybody(success: int = 200) -> Expected:
    """Open to all, signed in or not."""
    return dict.fromkeys(ROLES, success)


def signed_in(success: int = 200, *, anonymous: int = 302) -> Expected:
    """Open to whoever is signed in, member of any team or of none."""
    return {**dict.fromkeys(ROLES, success), "anonymous": anonymous}


def row_modules() -> list[ModuleType]:
    """Every tests/<app>/access_rows.py there is."""
    folder = Path(__file__).parent
    return [import_module(f"tests.{path.parent.name}.access_rows") for path in sorted(folder.glob("*/access_rows.py"))]


def all_rows() -> dict[str, list[Row]]:
    """The rows of all apps by URL name. Raises ValueError when two apps claim one route."""
    rows: dict[str, list[Row]] = {}
    for module in row_modules():
        own: Mapping[str, Row | Sequence[Row]] = module.ROWS
        for name, one_or_more in own.items():
            if name in rows:
                raise ValueError(f"{name} has rows in two apps")
            rows[name] = [one_or_more] if isinstance(one_or_more, Row) else list(one_or_more)
    return rows


def furnished_world() -> World:
    """A world with everything in it that any app's rows need."""
    world = World.create()
    for module in row_modules():
        furnish = getattr(module, "furnish", None)
        if furnish is not None:
            furnish(world)
    return world
