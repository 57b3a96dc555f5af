"""A picture of costs against sizes, as SVG: a chart a kind of work, both axes logarithmic; level is linear cost."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from math import log10

COLUMNS = 3
WIDTH, HEIGHT = 330, 170
LEFT, RIGHT, TOP, BOTTOM = 44, 30, 44, 26
DECADES = 2.0
"""That a chart is high: a cost that grows with the size leaves it by a corner."""


def costs(found: Mapping[str, Mapping[int, float]]) -> str:
    """All kinds of work, in the order of their names, each over the sizes it was measured at."""
    kinds = [(what, dict(sorted(by_size.items()))) for what, by_size in sorted(found.items()) if by_size]
    sizes = sorted({size for _, by_size in kinds for size in by_size}) or [1]
    rows = -(-len(kinds) // COLUMNS)
    charts = [
        f'<g transform="translate({WIDTH * (n % COLUMNS)},{HEIGHT * (n // COLUMNS)})">'
        f"{_chart(what, by_size, sizes)}</g>"
        for n, (what, by_size) in enumerate(kinds)
    ]
    size = f'width="{COLUMNS * WIDTH}" height="{rows * HEIGHT}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="10">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(charts) + "\n</svg>\n"
    )


def _chart(what: str, by_size: Mapping[int, float], sizes: list[int]) -> str:
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    span = max(log10(sizes[-1] / sizes[0]), 1e-9)
    # The chart's middle is that of the costs.
    logs = [log10(max(cost, 1e-3)) for cost in by_size.values()]
    middle = (min(logs) + max(logs)) / 2
    points = [
        (LEFT + wide * log10(size / sizes[0]) / span, TOP + high * (0.5 - (log10(max(cost, 1e-3)) - middle) / DECADES))
        for size, cost in by_size.items()
    ]
    title, rest = _lines(what)
    parts = [
        f'<text x="{LEFT}" y="16" font-weight="bold">{escape(title)}</text>',
        f'<text x="{LEFT}" y="29">{escape(rest)}</text>',
        f'<rect x="{LEFT}" y="{TOP}" width="{wide}" height="{high}" fill="none" stroke="#bbb"/>',
    ]
    for size in sizes:
        x = LEFT + wide * log10(size / sizes[0]) / span
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT - 12}" text-anchor="middle" fill="#555">{_short(size)}</text>')
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline points="{drawn}" fill="none" stroke="#1f5fa8" stroke-width="2"/>')
    for (x, y), cost in zip(points, by_size.values(), strict=True):
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1f5fa8"/>')
        parts.append(f'<text x="{x:.1f}" y="{y - 7:.1f}" text-anchor="middle">{_figure(cost)} µs</text>')
    return "".join(parts)


def _figure(cost: float) -> str:
    return f"{cost:,.0f}" if cost >= 100 else f"{cost:.3g}"


def _lines(what: str) -> tuple[str, str]:
    """A name on two lines."""
    words, first = what.split(), ""
    while words and len(first) + len(words[0]) < 46:
        first += (" " if first else "") + words.pop(0)
    return first, " ".join(words)[:58]


def _short(size: int) -> str:
    return f"{size // 1_000_000} M" if size >= 1_000_000 else f"{size // 1_000} k" if size >= 1_000 else str(size)
