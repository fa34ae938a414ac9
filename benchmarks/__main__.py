"""`python -m benchmarks [--tiny] [NAME …]`: run all benchmarks or some, and print one line per number.

Exit code 0 whether targets are met or not: numbers of a busy machine are for people to judge. 1 if one broke down.
"""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from collections.abc import Callable, Iterator

from benchmarks import check_rate, idle_memory, page_times, pdf_time, silent_targets
from benchmarks.lines import Line
from benchmarks.sizes import FULL, TINY, Size

BENCHMARKS: dict[str, Callable[[Size], Iterator[Line]]] = {
    "pages": page_times.measure,
    "pdf": pdf_time.measure,
    "check-rate": check_rate.measure,
    "silent-targets": silent_targets.measure,
    "idle-memory": idle_memory.measure,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="name, ours, reference, ratio, target")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all when none is named")
    parser.add_argument("--tiny", action="store_true", help="a few rows only, to see that it works: no valid numbers")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    exit_code = 0
    for name in options.names or BENCHMARKS:
        print(f"… {name}", file=sys.stderr, flush=True)
        try:
            for line in BENCHMARKS[name](TINY if options.tiny else FULL):
                print(line, flush=True)
                if ": skipped" in line.name:
                    print(f"{'=' * 100}\nSKIPPED: {line.name}, {line.ours}\n{'=' * 100}", file=sys.stderr, flush=True)
        except Exception:
            traceback.print_exc()
            print(f"{name}: broke down, see above", flush=True)
            exit_code = 1
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
