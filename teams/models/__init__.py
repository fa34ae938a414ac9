"""Tables of people and what they own. One file per aggregate."""

from teams.models.audit import AuditEvent, AuditHead
from teams.models.inventory import Environment, Service
from teams.models.numbering import KeyCounter
from teams.models.team import Invitation, Membership, Team
from teams.models.user import User
from teams.models.versioned import Versioned
from teams.models.zone import EgressZone

__all__ = [
    "AuditEvent",
    "AuditHead",
    "EgressZone",
    "Environment",
    "Invitation",
    "KeyCounter",
    "Membership",
    "Service",
    "Team",
    "User",
    "Versioned",
]
