"""The four roles of a team member, lowest first. Each may do all that the one before may."""

from django.db import models


class Role(models.TextChoices):
    VIEWER = "viewer", "Viewer"
    RESPONDER = "responder", "Responder"
    MAINTAINER = "maintainer", "Maintainer"
    ADMIN = "admin", "Admin"

    def allows(self, minimum: "Role") -> bool:
        """Whether this role includes all that `minimum` may do."""
        return _ORDER.index(self) >= _ORDER.index(minimum)


_ORDER = [Role.VIEWER, Role.RESPONDER, Role.MAINTAINER, Role.ADMIN]

WHAT_A_ROLE_MAY = {
    Role.VIEWER: "Read everything of the team.",
    Role.RESPONDER: "Declare and edit incidents, write postmortems, tick steps, run checks.",
    Role.MAINTAINER: "Edit runbooks, plan maintenance, give the go, publish postmortems.",
    Role.ADMIN: "Manage members, services, environments and egress zones.",
}
