"""P12: the cost of P1, P6, P7 and P8 against the number of customers, as a table and as a picture.

`python -m bench.growing --sizes 10000 100000 1000000` measures each size on a database of its own and prints a table of
Markdown: microseconds a customer (of P1 and of one customer looked at again: an event), and a bar beside those of the
other sizes. Flat bars are linear cost. With `--keep FILE` what was measured before is read from there, what is measured
now put in its place, and both kept; with `--picture FILE` all of it is drawn. `--sizes` without any only draws.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import campaigning, drawing, known_customers, machine, predicting, rescoring, segments
from bench.figures import Figure, Result
from bench.servers import make_topics, servers

SIZES = (10_000, 100_000, 1_000_000)
PARTS = ("P1", "P6", "P7", "P8")
_EACH = re.compile(r"looked at again|an event")
"""Figures of one customer or event already."""
_NOT = re.compile(r"left to the sweep|planned;|, each$|predicted alone")
"""Figures of no number of customers, and those that say others again."""
_US = {"s": 1e6, "ms": 1e3, "µs": 1.0}
_WIDTH = 20
Found = dict[str, dict[int, float]]


def measure(sizes: Sequence[int], parts: Sequence[str], seed: int, save: Callable[[Found], None]) -> None:
    """Microseconds each by what was done and size; what was measured is said and saved as it is known."""
    for size in sizes:
        for part in parts:
            result = Result(machine.describe(), seed)
            with servers() as ours:
                if part == "P1":
                    asyncio.run(make_topics(ours.kafka))
                    asyncio.run(known_customers.measure(ours, result, known_customers.Size(size)))
                elif part == "P6":
                    predicting.measure(result, seed, size)
                    asyncio.run(rescoring.measure(ours, result, rescoring.Size(size)))
                elif part == "P7":
                    asyncio.run(segments.measure(ours, result, segments.Size(size)))
                else:
                    asyncio.run(campaigning.measure(ours, result, campaigning.Size(size)))
            for figure in result.figures:
                print(
                    f"{figure.target} {figure.what}: {figure.measured:,.0f} {figure.unit}, load {figure.load}",
                    flush=True,
                )
            print(*result.notes, sep="\n", flush=True)
            save(costs(result.figures, size))


def costs(figures: Sequence[Figure], size: int) -> Found:
    """Of the figures that are times what each costs, in microseconds, under a name without numbers."""
    found: Found = defaultdict(dict)
    for figure in figures:
        if figure.unit in _US and not _NOT.search(figure.what):
            what = re.sub(r"(of|to) [\d,]+ customers| \(baseline[^)]*\)", "", figure.what)
            what = re.sub(r"\s+(?=[,;:]|\s|$)", "", what)
            share = 1 if _EACH.search(figure.what) else size
            found[f"{figure.target}: {what}"][size] = figure.measured * _US[figure.unit] / share
    return found


def table(found: Mapping[str, Mapping[int, float]]) -> str:
    """A table with a row for each kind of work and size."""
    lines = ["| work | customers | µs each | |", "|---|---|---|---|"]
    for what, by_size in sorted(found.items()):
        longest = max(by_size.values())
        for size, cost in sorted(by_size.items()):
            bar = "█" * max(1, round(_WIDTH * cost / longest)) if longest else ""
            lines.append(f"| {what} | {size:,} | {cost:,.1f} | {bar} |")
    return "\n".join(lines)


def read(file: Path | None) -> Found:
    """What was kept; nothing where there is no file yet."""
    if file is None or not file.exists():
        return {}
    kept = json.loads(file.read_text("utf-8"))
    return {what: {int(size): cost for size, cost in by_size.items()} for what, by_size in kept.items()}


def main() -> None:
    """Measure, keep, print and draw."""
    parser = argparse.ArgumentParser(prog="python -m bench.growing", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="customers (default: %(default)s)")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part alone; may be repeated")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="JSON of what was measured, here and before")
    parser.add_argument("--picture", type=Path, help="an SVG of it")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    found = read(given.keep)

    def save(measured: Found) -> None:
        for what, by_size in measured.items():
            found.setdefault(what, {}).update({size: round(cost, 2) for size, cost in by_size.items()})
        if given.keep is not None:
            given.keep.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")

    print(machine.describe())
    measure(given.sizes, given.only or PARTS, given.seed, save)
    print(table(found))
    if given.picture is not None:
        given.picture.write_text(drawing.costs(found), "utf-8")


if __name__ == "__main__":
    main()
