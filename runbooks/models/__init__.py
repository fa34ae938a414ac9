"""Tables of runbooks, maintenance and the check ledger. One file per aggregate."""

from runbooks.models.check_definition import CheckDefinition
from runbooks.models.check_run import (
    CheckClaim,
    CheckRun,
    CheckTransition,
    RunPin,
    RunState,
    TransitionConsumption,
)
from runbooks.models.checklist import ChecklistStep, SignOff, StepState
from runbooks.models.maintenance import Maintenance, MaintenanceStatus
from runbooks.models.runbook import Runbook, RunbookVersion
from runbooks.models.worker import Tick, Worker

__all__ = [
    "CheckClaim",
    "CheckDefinition",
    "CheckRun",
    "CheckTransition",
    "ChecklistStep",
    "Maintenance",
    "MaintenanceStatus",
    "RunPin",
    "RunState",
    "Runbook",
    "RunbookVersion",
    "SignOff",
    "StepState",
    "Tick",
    "TransitionConsumption",
    "Worker",
]
