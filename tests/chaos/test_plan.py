"""A plan of faults reaches everything, and a seed says everything about a workload."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from chaos.forms import SHORT, SHORT_FAULTS
from chaos.harm import plan as faults
from chaos.mutants import caught
from chaos.workload import Workload, make

NOW = datetime(2025, 3, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize("seed", range(20))
def test_the_short_plan_kills_and_pauses_every_process_and_cuts_every_service_off(seed: int) -> None:
    """R1 with two processes of each service, R2's cut connections, and a release that restarts all of them."""
    plan = faults.plan(seed, **asdict(SHORT_FAULTS))
    processes = {*faults.SERVICE_NAMES, *(f"{name}-2" for name in faults.SERVICE_NAMES), *faults.BENEATH}
    kills, pauses, cuts = (Counter(f.target for f in plan if f.kind == kind) for kind in ("kill", "pause", "cut"))
    assert kills.total() >= 20
    assert set(kills) == processes
    assert pauses.total() >= 5
    assert set(pauses) == processes
    assert [f.kind for f in plan].count("roll") == 1
    assert set(cuts) == set(faults.SERVICE_NAMES)
    assert [f.at for f in plan] == sorted(f.at for f in plan)


def test_a_pause_outlasts_the_session() -> None:
    assert faults.PAUSE_S * 1000 > faults.SESSION_TIMEOUT_MS


def test_the_short_workload_is_large_and_varied_enough() -> None:
    workload = make("s", NOW, seed=1, customers=SHORT.customers, duration_s=SHORT.duration_s)
    assert len(workload.events) >= 3_000
    assert len(workload.sendings) > len({t.name for t in workload.sendings})  # repeats
    assert any(not t.valid for t in workload.sendings)
    first: dict[str, float] = {}
    for sending in workload.sendings:
        first.setdefault(sending.name, sending.at)
    bodies = workload.events.values()
    turns = [first[b["id"]] for b in sorted(bodies, key=lambda b: str(b["time"]))]
    assert sum(a > b for a, b in pairwise(turns)) > 300  # out of order
    paid = {b["data"]["order_id"]: first[b["id"]] for b in bodies if b["type"] == "order.paid"}
    refunds = [b for b in bodies if b["type"] == "order.refunded"]
    assert sum(first[b["id"]] < paid[b["data"]["order_id"]] for b in refunds) > 30


def test_customers_are_merged_and_some_parted_again_while_they_go_on() -> None:
    workload = make("s", NOW, seed=1, customers=SHORT.customers, duration_s=SHORT.duration_s)
    pairs = Counter((each.survivor, each.absorbed) for each in workload.merges if not each.undone)
    parted = {(each.survivor, each.absorbed): each.at for each in workload.merges if each.undone}
    assert len(pairs) >= 40
    assert len(parted) >= 10
    people = [name for pair in pairs for name in pair]
    assert len(people) == len(set(people)), "nobody who goes on is absorbed"
    assert all(parted[pair] > at for pair, at in _times(workload).items() if pair in parted)
    last = {t.body["subject"]: t.at for t in workload.sendings}
    assert sum(last[pair[1]] > at for pair, at in _times(workload).items()) > 10, "what comes later is theirs too"


def _times(workload: Workload) -> dict[tuple[str, str], float]:
    return {(each.survivor, each.absorbed): each.at for each in workload.merges if not each.undone}


def test_one_seed_makes_one_workload() -> None:
    assert make("s", NOW, seed=3, customers=20).merges == make("s", NOW, seed=3, customers=20).merges
    assert make("s", NOW, seed=3, customers=20).sendings == make("s", NOW, seed=3, customers=20).sendings
    assert make("s", NOW, seed=3, customers=20).sendings != make("s", NOW, seed=4, customers=20).sendings


@pytest.mark.parametrize(
    ("kind", "settled", "is_caught"),
    [("lost", True, True), ("lost", False, False), ("doubled", False, True), ("order", False, True)],
)
def test_what_is_still_on_its_way_is_no_catch(kind: str, settled: bool, is_caught: bool) -> None:
    totals = {"lost": 0, "doubled": 0, "ghost": 0, "order": 0, "imbalance": 0} | {kind: 3}
    assert caught({"totals": totals, "settled": settled}) is is_caught
