"""Forms of `make chaos`, what each must reach, and what a kept verdict says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Verdict = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Demand:
    """A figure of a verdict beside its bound; `read` raises LookupError or ValueError where the verdict lacks it."""

    what: str
    read: Callable[[Verdict], float]
    least: float | None = None
    most: float | None = None

    def said(self, verdict: Verdict) -> tuple[str, bool]:
        """The figure in words, with the bound where it is missed."""
        try:
            value = self.read(verdict)
        except (LookupError, ValueError):  # the greatest or least of none
            return f"{self.what}: not measured", False
        shown = f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
        if self.least is not None and value < self.least:
            return f"**{self.what} {shown}, {self.least:g} wanted**", False
        if self.most is not None and value > self.most:
            return f"**{self.what} {shown}, at most {self.most:g} wanted**", False
        return f"{self.what} {shown}", True


SETTLED = Demand("settled after, s,", lambda verdict: float(verdict["seconds"]["settling"]), most=60.0)
"""Of every form (V5): when the last fault was over, all that was acknowledged is applied within a minute."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A form: `file` of docs/chaos without its ending, `options` of `python -m chaos` by which it is asked for."""

    number: str
    file: str
    target: str
    options: str
    demands: Sequence[Demand] = ()

    @property
    def command(self) -> str:
        """As a person types it; a verdict of later runs says its own, with the seed."""
        if self.options == "--short":
            return "make chaos SHORT=1"
        return f'make chaos ARGS="{self.options}"' if self.options else "make chaos"


def judged(trial: Trial, verdict: Verdict) -> tuple[str, bool]:
    """What the verdict says, in words, and whether the form reached its target."""
    said = [demand.said(verdict) for demand in trial.demands]
    zeros = not any(verdict["totals"].values())
    words = [text for text, _ in said]
    words.append("five zeros" if zeros else f"**{verdict['verdict']}**")
    after, soon = SETTLED.said(verdict)
    settled = after if verdict["settled"] else "**not settled**"
    reached = zeros and verdict["settled"] and soon and verdict["passed"] and all(kept for _, kept in said)
    missed = [f"missed: {each}" for each in sorted(set(verdict["faults_missed"]))]
    if not verdict["passed"] and zeros and verdict["settled"] and not missed and all(kept for _, kept in said):
        missed = ["**its form says: not passed**"]
    return "; ".join([*words, settled, *missed]), reached


def _sum(name: str) -> Callable[[Verdict], float]:
    return lambda verdict: sum(verdict[name].values())


def _events(verdict: Verdict) -> float:
    return float(verdict["events"]["distinct"])


def _least_of(name: str, count: int) -> Callable[[Verdict], float]:
    def read(verdict: Verdict) -> float:
        done = verdict[name]
        return float(min(done.values())) if len(done) >= count else 0.0

    return read


def _of(*names: str) -> Callable[[Verdict], float]:
    """A figure that the form measured."""

    def read(verdict: Verdict) -> float:
        found: Any = verdict["measured"]
        for name in names:
            found = found[name]
        return float(max(found.values()) if isinstance(found, dict) else found)

    return read


def _least_progress(verdict: Verdict) -> float:
    return float(min(verdict["measured"]["storm"]["rounds_with_progress"].values()))


def _silence(verdict: Verdict) -> float:
    measured = (
        verdict.get("measured", verdict).get("silence_after_leader_kill_s") or verdict["silence_after_leader_kill_s"]
    )
    return float(max(each["longest"] for each in measured["consuming"].values()))


def _slowest_drain(verdict: Verdict) -> float:
    return float(min(verdict["measured"]["outage"]["drained_faster_than_it_came"].values()))


TRIALS = (
    Trial(
        "R1, R8",
        "short",
        "every change: ≥ 3,000 events, ≥ 20 SIGKILL (PostgreSQL and Kafka among them), ≥ 5 SIGSTOP longer than "
        "the session timeout, two processes of each service: five zeros within 8 minutes",
        "--short",
        (
            Demand("events", _events, least=3_000),
            Demand("kills", _sum("kills"), least=20),
            Demand("pauses", _sum("pauses"), least=5),
            Demand("cuts", _sum("cuts")),
            Demand("seconds", lambda verdict: float(verdict["seconds"]["all"]), most=480),
        ),
    ),
    Trial(
        "R2, R8",
        "long",
        "100,000 events, 200 kills, 50 pauses, 50 cut connections, database and broker included: five zeros",
        "",
        (
            Demand("events", _events, least=100_000),
            Demand("kills", _sum("kills"), least=200),
            Demand("pauses", _sum("pauses"), least=50),
            Demand("cuts", _sum("cuts"), least=50),
        ),
    ),
    Trial(
        "R3",
        "three-brokers",
        "three brokers, the leader killed 20 times under load: five zeros, every service consuming again ≤ 5 s after",
        "--brokers 3 --processes 1",
        (
            Demand("leader kills", _sum("kills"), least=20),
            Demand("longest silence, s,", _silence, most=5.0),
        ),
    ),
    Trial(
        "R3",
        "three-brokers-two-processes",
        "the same with two processes of each service",
        "--brokers 3",
        (
            Demand("leader kills", _sum("kills"), least=20),
            Demand("longest silence, s,", _silence, most=5.0),
        ),
    ),
    Trial(
        "R4",
        "steps",
        "killed at each of nine named steps of the protocol, 20 times each: five zeros",
        "--steps 20",
        (Demand("times at each step, at least,", _least_of("steps", 9), least=20),),
    ),
    Trial(
        "R6",
        "poison",
        "what cannot be read at the head of each partition: others' p99 delay < 2 s, in the dead letters < 30 s",
        "--poison 5",
        (
            Demand("records", _of("poison", "records")),
            Demand("others waited, p99, s,", _of("poison", "others_waited_p99_s"), most=2.0),
            Demand("without poison, p99, s,", _of("poison", "waited_without_poison_p99_s")),
            Demand("in the dead letters after, s,", _of("poison", "slowest_in_the_dead_letters_s"), most=30.0),
        ),
    ),
    Trial(
        "R7, O2",
        "outage",
        "the broker down for 10 minutes under load: ingest keeps answering, nothing lost, drained ≥ 3 × arrival",
        "--outage 600",
        (
            Demand("down, s,", _of("outage", "down_s"), least=600),
            Demand("taken meanwhile", _of("outage", "taken_meanwhile"), least=1),
            Demand("requests without an answer", lambda verdict: verdict["events"]["requests_without_answer"], most=0),
            Demand("drained faster, times,", _slowest_drain, least=3.0),
        ),
    ),
    Trial(
        "R9",
        "stops",
        "SIGTERM, also with the broker frozen: exit 0 within 25 s, 100 of 100",
        "--stops 100",
        (
            Demand("ends", _of("stops", "ends"), least=100),
            Demand("longest, s,", _of("stops", "longest_s_with_the_broker"), most=25.0),
        ),
    ),
    Trial(
        "section 8",
        "network",
        "connections to PostgreSQL and Kafka delayed, muted one way, reset, sliced, corrupted: five zeros",
        "--network 2",
        (Demand("times each way on each link, at least,", _least_of("network", 12), least=2),),
    ),
    Trial(
        "section 8",
        "full-disk",
        "PostgreSQL's disk full to the last byte: nothing acknowledged that is not there; five zeros",
        "--full-disk 3",
        (
            Demand("times", _of("full_disk", "times"), least=3),
            Demand("refused by PostgreSQL", _of("full_disk", "postgres_said_so"), least=1),
        ),
    ),
    Trial(
        "section 8",
        "storms",
        "rebalance storms: each service's group shared out anew every few seconds; five zeros, each service takes "
        "something in at least half of the rounds",
        "--storms 20",
        (
            Demand("rounds", _of("storm", "rounds"), least=20),
            Demand("least share of rounds with progress", _least_progress, least=0.5),
        ),
    ),
    Trial(
        "section 8",
        "skew",
        "a process of each service whose clock is two hours ahead, then behind, beside the others: five zeros",
        "--skew 2",
        (Demand("services with a wrong clock that read, times,", _sum("others"), least=10),),
    ),
)
