"""The demo's last page: eighteen months as a shop's owner would read them, each figure checked against the file."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from common.values.currency import in_major
from common.values.paths import part
from regulars.cdnow import History
from regulars.client import Services

SINCE, UNTIL = "1997-01-01", "1998-07-01"
HALVES = ((SINCE, "1997-07-01"), ("1997-07-01", "1998-01-01"), ("1998-01-01", UNTIL))
DAYS = "400"
"""Messages of so many days at most are looked at by messaging."""


class Check(NamedTuple):
    """What the services say, and what a few lines over the file say."""

    name: str
    ours: int
    theirs: int


async def collect(services: Services, base: str) -> dict[str, Any]:
    """Ask for the key figures of the whole time and of each half year, what messages led to, and who is slipping."""

    async def kpi(name: str, since: str = SINCE, until: str = UNTIL) -> Any:
        return await services.get("segmentation", f"{base}/kpis/{part(name)}", since=since, until=until)

    found = {name: await kpi(name) for name in ("repurchase", "spending", "new-and-returning", "top-buyers")}
    found["halves"] = [await kpi("new-and-returning", *half) for half in HALVES]
    found["effects"] = await services.get("messaging", f"{base}/templates/effects", days=DAYS)
    found["segments"] = await services.get("segmentation", f"{base}/report")
    return found


def checks(found: dict[str, Any], history: History) -> list[Check]:
    """Each figure of the page that the file can say too."""
    sides = found["new-and-returning"]
    named = [
        Check("customers who bought more than once", found["repurchase"]["repeating"], history.again),
        Check("orders of regulars", sides["returning"]["orders"], history.later_orders),
        Check("sales to regulars in cents", sides["returning"]["net"], history.later_cents),
        Check("sales in cents", found["spending"]["net"], history.cents),
    ]
    halves = zip(found["halves"], history.halves(HALVES), strict=True)
    named += [Check(f"regulars of half year {n}", h["returning"]["buyers"], b) for n, (h, b) in enumerate(halves, 1)]
    return named


def lines(found: dict[str, Any]) -> list[str]:
    """What came back, what it was worth, which messages helped, what to do next."""
    return [*_came_back(found), *_messages(found["effects"]["kinds"]), *_next(found)]


def _came_back(found: dict[str, Any]) -> list[str]:
    again, sides = found["repurchase"], found["new-and-returning"]
    returning, net = sides["returning"], found["spending"]["net"]
    share = _percent(returning["net"], net)
    halves = ", then ".join(f"{half['returning']['buyers']:,}" for half in found["halves"])
    return [
        "What came back",
        f"  Of {again['buyers']:,} customers {again['repeating']:,} bought more than once "
        f"({_percent(again['repeating'], again['buyers'])}).",
        f"  By half year {halves} of them bought after their first day.",
        "What it was worth",
        f"  Orders after a customer's first day: {returning['orders']:,}, worth {_money(returning['net'])} USD, "
        f"{share} of all sales ({_money(net)} USD).",
    ]


def _messages(kinds: list[dict[str, Any]]) -> list[str]:
    rows = [
        f"  {k['kind']}: {k['sent']:,} sent to {k['customers']:,}; "
        f"{_percent(k['ordered'], k['customers'])} ordered within a week, "
        f"{_percent(k['opted_out'], k['customers'])} opted out."
        for k in sorted(kinds, key=lambda k: -k["ordered"] / max(1, k["customers"]))
    ]
    return [
        f"Which messages helped (the last {DAYS} days)",
        *(rows or ["  No message went out."]),
        "  Nobody was held out here, so how many would have ordered anyway is not known; a campaign's hold-out tells.",
    ]


def _next(found: dict[str, Any]) -> list[str]:
    stages, classes = found["segments"]["life_cycle"], found["segments"]["rfm"]
    slipping = stages.get("sleeping", 0) + stages.get("pre_churn", 0)
    top = found["top-buyers"]
    again, away = found["repurchase"], classes.get("important_keep", 0)
    once = again["buyers"] - again["repeating"]
    todo = [
        (slipping, f"Write to the {slipping:,} who are slipping (sleeping or about to be lost), before they are lost."),
        (away, f"Call the {away:,} who spent much and have been away: they are the dearest to lose."),
        (once, f"Give the {once:,} who bought once a reason for a second order; hold a tenth out, and see its worth."),
        (
            top["returning"],
            f"Thank the {top['returning']:,} of the best {top['buyers']:,} buyers who had bought before.",
        ),
    ]
    return ["What to do next", *(f"  {n}. {said}" for n, said in enumerate((s for c, s in todo if c), start=1))]


def _percent(part: int, base: int) -> str:
    return f"{Decimal(part) * 100 / base:.1f} %" if base else "n/a"


def _money(cents: int) -> str:
    return in_major(cents, "USD")
