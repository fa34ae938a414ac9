"""The ledger's tables. The rows are the truth; the broker only rings. See `runbooks.ledger`."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from runbooks.models.check_definition import CheckDefinition


class RunState(models.TextChoices):
    """`failed`: the target is not as expected. `errored`: we could not find out. `expired`, `lost`: unknown."""

    QUEUED = "queued", "Queued"
    CLAIMED = "claimed", "Running"
    PASSED = "passed", "Passed"
    FAILED = "failed", "Failed"
    ERRORED = "errored", "Errored"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Cancelled"
    LOST = "lost", "Lost"


VERDICTS = (RunState.PASSED, RunState.FAILED, RunState.ERRORED)


class CheckRun(models.Model):
    """One run of one check at one location. Append-only once it has its verdict."""

    check_definition = models.ForeignKey(CheckDefinition, on_delete=models.CASCADE, related_name="runs")
    location = models.CharField(max_length=40, default="default")
    scheduled_for = models.DateTimeField()
    state = models.CharField(max_length=9, choices=RunState.choices, default=RunState.QUEUED)
    is_urgent = models.BooleanField(default=False, help_text="A person waits for it.")
    runs_alone = models.BooleanField(default=False, help_text="Its worker died once: it takes no others along.")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    idempotency_key = models.CharField(max_length=100, null=True, blank=True, unique=True)
    queued_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Too old to be of use from here on.")

    token = models.PositiveIntegerField(
        default=0, help_text="Counts claims. A writer with an old token writes nothing."
    )
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=120, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    duration_ms = models.FloatField(null=True, blank=True)

    reason = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    result = models.JSONField(null=True, blank=True, help_text="RunResult.as_dict(); pruned by retention.")
    baseline = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-scheduled_for", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["check_definition", "location", "scheduled_for"], name="one_run_per_check_location_and_time"
            ),
            models.UniqueConstraint(
                fields=["check_definition", "location"],
                condition=Q(state="claimed"),
                name="one_claimed_run_per_check_and_location",
            ),
        ]
        indexes = [
            models.Index(
                fields=["location", "-is_urgent", "scheduled_for"],
                condition=Q(state="queued"),
                name="runs_queued_by_location",
            ),
            models.Index(
                fields=["check_definition", "location"], condition=Q(state="queued"), name="runs_queued_by_check"
            ),
            models.Index(fields=["lease_expires_at"], condition=Q(state="claimed"), name="runs_claimed_by_lease"),
            models.Index(fields=["check_definition", "-finished_at"], name="runs_by_check"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}: {self.state}"


class CheckClaim(models.Model):
    """One worker's try at one run."""

    run = models.ForeignKey(CheckRun, on_delete=models.CASCADE, related_name="claims")
    token = models.PositiveIntegerField()
    worker = models.CharField(max_length=120)
    claimed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_as = models.CharField(
        max_length=12,
        blank=True,
        help_text="A run state, or how the try ended without one: see `runbooks.ledger.endings`.",
    )

    class Meta:
        ordering = ["token"]
        constraints = [models.UniqueConstraint(fields=["run", "token"], name="one_claim_per_run_and_token")]

    def __str__(self) -> str:
        return f"claim {self.token} of {self.run_id} by {self.worker}"


class CheckTransition(models.Model):
    """A check's verdict changed. Written with the verdict; read by whoever reacts to it."""

    check_definition = models.ForeignKey(CheckDefinition, on_delete=models.CASCADE, related_name="transitions")
    location = models.CharField(max_length=40)
    run = models.OneToOneField(CheckRun, on_delete=models.CASCADE, related_name="transition")
    from_state = models.CharField(max_length=9, blank=True, help_text="Empty: the first verdict.")
    to_state = models.CharField(max_length=9)
    at = models.DateTimeField()

    class Meta:
        ordering = ["pk"]
        # The newest row of a check and location holds its current verdict.
        indexes = [models.Index(fields=["check_definition", "location", "id"], name="transitions_by_check")]

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} → {self.to_state}"


class TransitionConsumption(models.Model):
    """Who has acted on a transition: written after acting, so that a crash in between repeats, never forgets."""

    transition = models.ForeignKey(CheckTransition, on_delete=models.CASCADE, related_name="consumptions")
    consumer = models.CharField(max_length=40)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["transition", "consumer"], name="one_consumption_per_transition_and_consumer"
            )
        ]

    def __str__(self) -> str:
        return f"{self.transition_id} by {self.consumer}"


class RunPin(models.Model):
    """Somebody cites this run: retention leaves its observation alone."""

    run = models.ForeignKey(CheckRun, on_delete=models.CASCADE, related_name="pins")
    cited_by = models.CharField(max_length=80, help_text="Such as INC-2 or MNT-14.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "cited_by"], name="one_pin_per_run_and_citer")]

    def __str__(self) -> str:
        return f"{self.run_id} cited by {self.cited_by}"
