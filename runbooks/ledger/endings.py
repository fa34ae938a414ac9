"""How a claim can end without a verdict (`CheckClaim.ended_as`; otherwise it holds the run's state)."""

LEASE_OVER = "lease over"
"""Its worker said nothing until the lease ran out: killed, stopped or cut off."""
PROCESS_DIED = "process died"
"""The process that ran it, a child for quarantined runs, died under it."""
GIVEN_BACK = "given back"
"""The worker was told to stop, or could not trust what it had seen. Nobody's fault: no attempt is counted."""

COUNTED_AGAINST_THE_RUN = (LEASE_OVER, PROCESS_DIED)
MAX_ATTEMPTS = 3
"""A run under which so many workers died is lost: it may well be what kills them."""
