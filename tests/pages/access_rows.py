"""Who may open what is composed of several floors."""

from teams.roles import Role
from tests.access_matrix import Row, everybody, from_role, signed_in

ROWS: dict[str, Row | list[Row]] = {
    "pages:today": Row(signed_in()),
    # For admins of any team; the outsider is one of the other team.
    "pages:system": Row(from_role(Role.ADMIN, outsider=200)),
    "pages:retry_deliveries": Row(signed_in(403), method="POST"),  # for who runs the installation
    "pages:service": Row(
        from_role(Role.VIEWER), kwargs=lambda world: {"team_slug": world.team.slug, "slug": world.service.slug}
    ),
    "pages:healthz": Row(everybody()),
    "pages:policy_report": Row(everybody(400), method="POST"),
}
