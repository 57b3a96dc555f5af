"""Six phases of two months, their ready-checks as data, and what an answer says of each; pure (XCT-021 to 026)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from common.time.calendar import add_months
from console.texts import N_

Body = Mapping[str, Any]
PHASES = (
    N_("Collect and build"),
    N_("Open and invite"),
    N_("Tune and offer"),
    N_("Serve and spread"),
    N_("Deepen and meet"),
    N_("Look back and plan"),
)
MONTHS = 2


class Question(NamedTuple):
    """What a service is asked; `{since}`, `{until}` in a value stand for the plan's year."""

    service: str
    path: str
    params: tuple[tuple[str, str], ...] = ()


ORDERS = Question("orders-ingest", "/report")
PROGRAMME = Question("membership", "/programme")
MEMBERS = Question("membership", "/report")
OFFERS = Question("membership", "/offers", (("limit", "1"),))
COMMUNITIES = Question("membership", "/communities", (("limit", "1"),))
REFERRALS = Question("membership", "/referrals", (("limit", "1"),))
ACTIVITIES = Question("membership", "/activities", (("start", "{since}"), ("end", "{until}"), ("limit", "1")))
MESSAGES = Question("messaging", "/report")
FLOWS = Question("messaging", "/flows")
CAMPAIGNS = Question("messaging", "/campaigns")
SEGMENTS = Question("segmentation", "/segments")
GOALS = Question("segmentation", "/goals")
FEEDBACK = Question("feedback", "/report")
UGC = Question("feedback", "/ugc", (("state", "approved"), ("limit", "1")))
TASKS = Question("feedback", "/staff-tasks", (("state", "ended"), ("kind", "improvement")))
KEPT = Question("console", "")
"""What the console itself keeps of the plan's year: numbers of reports by kind, of lessons; and of later plans."""


class Check(NamedTuple):
    """`path`: the page within the shop on which it is mended. `count`: how many there are, of the answer."""

    name: str
    label: str
    path: str
    asked: Question
    count: Callable[[Body], int]
    least: int = 1


CHECKS: tuple[tuple[Check, ...], ...] = (
    (
        Check("history", N_("The history of orders is imported"), "/imports", ORDERS, lambda b: b["buyers"]),
        Check("files", N_("Customers have files"), "/imports", ORDERS, lambda b: b["profiles"]),
        Check("programme", N_("Tiers, points and benefits are set"), "/programme", PROGRAMME, lambda b: b["newest"]),
        Check("members", N_("The programme counts: there are members"), "/programme", MEMBERS, lambda b: b["members"]),
        Check("channels", N_("A channel works: a message went out"), "/channels", MESSAGES, lambda b: _sent(b)),
    ),
    (
        Check("flows", N_("Messages go by flows"), "/flows", FLOWS, lambda b: sum(f["enabled"] for f in b["flows"])),
        Check("campaign", N_("The first campaign is out"), "/campaigns", CAMPAIGNS, lambda b: _started(b)),
        Check("community", N_("A community is open"), "/communities", COMMUNITIES, lambda b: len(b["items"])),
    ),
    (
        Check(
            "tuned", N_("The programme was changed since it began"), "/programme", PROGRAMME, lambda b: b["newest"], 2
        ),
        Check("offers", N_("Offers for members run"), "/offers", OFFERS, lambda b: len(b["offers"])),
        Check("ugc", N_("What customers show is approved and graded"), "/content", UGC, lambda b: len(b["items"])),
    ),
    (
        Check(
            "asked", N_("Customers answer surveys or write reviews"), "/survey-results", FEEDBACK, lambda b: _said(b)
        ),
        Check("referrals", N_("Members bring others"), "/referrals", REFERRALS, lambda b: len(b["items"])),
        Check("goals", N_("A goal is set"), "/goals", GOALS, lambda b: len(b["goals"])),
        Check("weekly", N_("Weekly reports are kept"), "/reports", KEPT, lambda b: b["week"]),
    ),
    (
        Check("segments", N_("A segment is defined"), "/segments", SEGMENTS, lambda b: len(b["segments"])),
        Check("events", N_("Members meet: an activity is set"), "/activities", ACTIVITIES, lambda b: len(b["items"])),
        Check("improved", N_("Something was improved for customers"), "/tasks", TASKS, lambda b: _improved(b)),
    ),
    (
        Check("review", N_("The year's report is kept"), "/reports?kind=year", KEPT, lambda b: b["year"]),
        Check("lessons", N_("Lessons are written down"), "/paperwork/lesson", KEPT, lambda b: b["lessons"]),
        Check("next", N_("The next year's plan is made"), "/paperwork/plan", KEPT, lambda b: b["later"]),
    ),
)
"""By phase."""
NAMES = tuple(check.name for phase in CHECKS for check in phase)


def _sent(body: Body) -> int:
    return int(body["messages"].get("sent", 0))


def _started(body: Body) -> int:
    return sum(campaign["state"] != "draft" for campaign in body["campaigns"])


def _improved(body: Body) -> int:
    return sum(task["outcome"] == "done" for task in body["items"])


def _said(body: Body) -> int:
    return int(body["surveys_answered"]) + int(body["reviews"])


class Phase(NamedTuple):
    """[since, until) of the plan's year."""

    number: int
    since: date
    until: date


def phases(starts: date) -> list[Phase]:
    """Two months each, from the plan's first day on."""
    return [
        Phase(n + 1, add_months(starts, MONTHS * n), add_months(starts, MONTHS * (n + 1))) for n in range(len(PHASES))
    ]
