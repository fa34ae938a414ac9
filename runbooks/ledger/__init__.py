"""The check ledger: the database remembers, the broker only rings the bell.

A run is a row. Its states: queued → claimed → passed | failed | errored; queued → expired | cancelled;
claimed → queued again (the worker died, or gave it back) | lost. Every change is one guarded UPDATE in one short
transaction, and its row count decides: lost, doubled or late messages and killed or stopped workers lose nothing and
count nothing twice. The hot path (claim, finish) is plain SQL.
"""

from runbooks.ledger.claiming import ClaimedRun, claim, is_work_waiting, lease_from
from runbooks.ledger.enqueueing import cancel_runs, enqueue_runs
from runbooks.ledger.finishing import FinishedRun, extend_leases, finish, give_back
from runbooks.ledger.sweeping import Sweep, note_deaths, sweep

__all__ = [
    "ClaimedRun",
    "FinishedRun",
    "Sweep",
    "cancel_runs",
    "claim",
    "enqueue_runs",
    "extend_leases",
    "finish",
    "give_back",
    "is_work_waiting",
    "lease_from",
    "note_deaths",
    "sweep",
]
