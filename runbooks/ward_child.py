"""The child process in which quarantined runs are carried out: `python -m runbooks.ward_child`.

Reads a pickled list of errands from standard input, writes each outcome as it comes, pickled, to standard output.
Both ends of the pipe are ours. If a run takes the process down, it takes no worker along.
"""

from __future__ import annotations

import asyncio
import pickle
import sys

from runbooks.outcomes import Errand, outcome_of


async def _carry_out(errands: list[Errand]) -> None:
    for finished in asyncio.as_completed([outcome_of(errand) for errand in errands]):
        outcome = await finished
        pickle.dump(outcome, sys.stdout.buffer)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(_carry_out(pickle.load(sys.stdin.buffer)))  # noqa: S301 written by our own parent
