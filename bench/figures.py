"""A measured figure, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result. Rates are per second; `load` is the machine's load average right before it.

    The targets: `least` are lower bounds, `most` are upper ones, of the figure or of its ratio.
    """

    target: str
    what: str
    measured: float
    unit: str
    load: str
    limit: float | None = None
    baseline: float | None = None
    least: float | None = None
    least_of_limit: float | None = None
    least_of_baseline: float | None = None
    most: float | None = None
    most_of_baseline: float | None = None
    note: str = ""

    @property
    def of_limit(self) -> float | None:
        return self.measured / self.limit if self.limit else None

    @property
    def of_baseline(self) -> float | None:
        return self.measured / self.baseline if self.baseline else None

    @property
    def reached(self) -> bool | None:
        """Whether every target of this line is reached; None where it has none."""
        pairs = (
            (self.measured, self.least),
            (self.of_limit, self.least_of_limit),
            (self.of_baseline, self.least_of_baseline),
        )
        bounds = ((self.measured, self.most), (self.of_baseline, self.most_of_baseline))
        judged = [got is not None and got >= least for got, least in pairs if least is not None]
        judged += [got is not None and got <= most for got, most in bounds if most is not None]
        return all(judged) if judged else None

    def cells(self) -> tuple[str, ...]:
        """The line as texts, in the order of HEADINGS."""
        reached = {True: "yes", False: "no", None: ""}[self.reached]
        return (
            self.target,
            self.what,
            f"{self.measured:,.0f} {self.unit}",
            _number(self.limit),
            _ratio(self.of_limit),
            _number(self.baseline),
            _ratio(self.of_baseline),
            self._wanted(),
            reached,
            self.load,
        )

    def _wanted(self) -> str:
        parts = [f"≥ {self.least:,.0f}"] if self.least is not None else []
        parts += [f"≥ {self.least_of_limit} of limit"] if self.least_of_limit is not None else []
        parts += [f"≥ {self.least_of_baseline:g} × baseline"] if self.least_of_baseline is not None else []
        parts += [f"≤ {self.most:,.0f}"] if self.most is not None else []
        parts += [f"≤ {self.most_of_baseline:g} × baseline"] if self.most_of_baseline is not None else []
        return ", ".join(parts)


HEADINGS = (
    "#", "work", "measured", "limit", "of limit", "baseline", "× baseline", "target", "reached", "load before",
)  # fmt: skip


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


@dataclass(slots=True)
class Costs:
    """What each process spent: CPU ms an order, and memory in MB after the run."""

    orders: int
    seconds: float
    cpu_ms: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Result:
    """All that one run of the measurement found out."""

    machine: str
    seed: int
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    costs: Costs | None = None
    seconds: float = 0.0
