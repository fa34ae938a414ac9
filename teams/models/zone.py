from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from teams.models.team import Team
from teams.models.versioned import Versioned


class EgressZone(Versioned):
    """Private addresses that a team's checks may dial. Without one, only public addresses may be dialled."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="egress_zones")
    name = models.CharField(max_length=60)
    cidrs = models.JSONField(default=list, help_text="Networks such as 10.0.0.0/8.")
    ports = models.CharField(max_length=200, blank=True, help_text="Such as 80, 443, 8000-8999. Empty: every port.")
    protocols = models.JSONField(default=list, blank=True, help_text="tcp, udp. Empty: both.")
    locations = models.JSONField(default=list, blank=True, help_text="Worker locations. Empty: everywhere.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="one_zone_per_team_and_name")]

    def __str__(self) -> str:
        return self.name
