"""P12: the cost of P6 and P7 against the number of customers, a customer at a time and as a plot.

`python -m bench.growing --sizes 10000 100000 1000000` measures each size on a database of its own and prints a table of
Markdown, microseconds a customer, and a bar beside those of the other sizes. Flat bars are linear cost.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench import machine, predicting, segments
from bench.figures import Result
from bench.servers import servers

SIZES = (10_000, 100_000, 1_000_000)
_EACH = ("predicted alone", "looked at again")
"""Figures of one customer, in microseconds already."""
_US = {"ms": 1e3, "µs": 1.0}
_WIDTH = 20


def measure(sizes: Sequence[int], seed: int) -> Mapping[str, Mapping[int, float]]:
    """Microseconds a customer by what was done and size; what was measured is said as it is known."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    with servers() as ours:
        for size in sizes:
            result = Result(machine.describe(), seed)
            predicting.measure(result, seed, size)
            asyncio.run(segments.measure(ours, result, segments.Size(size)))
            for figure in result.figures:
                what = re.sub(r" of [\d,]+ customers", "", figure.what)
                share = 1 if what.endswith(_EACH) else size
                found[f"{figure.target}: {what}"][size] = figure.measured * _US[figure.unit] / share
            for figure in result.figures:
                print(f"{figure.target} {figure.what}: {figure.measured:,.0f} {figure.unit}", flush=True)
    return found


def plot(found: Mapping[str, Mapping[int, float]]) -> str:
    """A table with a row for each kind of work and size."""
    lines = ["| work | customers | µs a customer | |", "|---|---|---|---|"]
    for what, by_size in found.items():
        longest = max(by_size.values())
        for size, cost in sorted(by_size.items()):
            bar = "█" * max(1, round(_WIDTH * cost / longest))
            lines.append(f"| {what} | {size:,} | {cost:,.1f} | {bar} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--seed", type=int, default=20)
    given = parser.parse_args()
    print(machine.describe())
    print(plot(measure(given.sizes, given.seed)))
