"""Points that people add or take by hand: asked for with a reason, and approved by a second person above a limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Form, Query, Response

from common.values.paths import part
from console.access.forms import new_form
from console.records import rules, store
from console.records.kinds import KINDS
from console.texts import N_
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.numbers import whole
from console.web.page import Viewer, see

router = APIRouter()


class Elsewhere(NamedTuple):
    """Something that waits for a person on a page of its own: where it is asked for, and that page."""

    label: str
    service: str
    path: str
    waiting: Mapping[str, str]
    page: str


ELSEWHERE = (
    Elsewhere(N_("Tiers by hand"), "membership", "/tier-grants", {"state": "proposed"}, "/tier-grants"),
    Elsewhere(
        N_("Referrals with something against them"), "membership", "/referrals", {"state": "review"}, "/referrals"
    ),
    Elsewhere(N_("Payouts to be made"), "membership", "/payouts", {"state": "due"}, "/payouts"),
    Elsewhere(N_("Reward claims"), "feedback", "/reward-claims", {"state": "claimed"}, "/rewards"),
    Elsewhere(N_("Content to be looked at"), "feedback", "/ugc", {"state": "submitted"}, "/content"),
    Elsewhere(
        N_("Rewards of content for a second person"),
        "feedback",
        "/ugc",
        {"state": "approved", "to_approve": "true"},
        "/content?state=waits",
    ),
)
ROWS, MOST = 50, 10**9
Written = Annotated[str, Form(max_length=300)]


class Wanted(NamedTuple):
    """What stands in the form. `command` names the change: it counts once, from whichever page it is sent again."""

    points: str = ""
    reason: str = ""
    command: str = ""


class Unreadable(Exception):
    """What was written cannot be done; `text` says why."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def read(wanted: Wanted) -> int:
    """The points, below zero to be taken. Raises Unreadable."""
    written = wanted.points.replace("\u2212", "-").removeprefix("+")
    digits = written.removeprefix("-")
    points = whole(digits)
    if points is None or not 0 < points < MOST:
        raise Unreadable(N_("Write how many points, such as 200, or -200 to take some."))
    if not wanted.reason:
        raise Unreadable(N_("Say why: it stands in the record."))
    return -points if written.startswith("-") else points


@router.get("/s/{shop}/customers/{customer}/adjust")
async def adjust(viewer: Guarded, customer: str) -> Response:
    """The form, and what was changed by hand before."""
    return await _page(viewer, customer, Wanted(command=f"console-{new_form()}"))


async def _page(
    viewer: Viewer, customer: str, wanted: Wanted, *, error: str = "", points: int | None = None, status: int = 200
) -> Response:
    """`points`: those of the check before it is done."""
    here = part(customer)
    member, before = await viewer.console.services.ask(
        viewer.of_shop("membership", f"/members/{here}"),
        viewer.of_shop("membership", f"/members/{here}/adjustments", limit=ROWS),
    )
    if member.absent:
        raise NotHere
    if not member.ok:
        raise NoAnswer(member)
    return viewer.draw(
        "customers/adjust.html",
        status,
        customer=customer,
        here=here,
        member=member.body,
        before=before,
        wanted=wanted,
        error=error,
        points=points,
    )


@router.post("/s/{shop}/customers/{customer}/adjust/check")
async def check_adjust(
    viewer: Guarded, customer: str, command: Written, points: Written = "", reason: Written = ""
) -> Response:
    """The numbers once more, before anything is done."""
    wanted = Wanted(points.strip(), reason.strip(), command)
    try:
        asked = read(wanted)
    except Unreadable as wrong:
        return await _page(viewer, customer, wanted, error=viewer.say(wrong.text), status=422)
    return await _page(viewer, customer, wanted, points=asked)


@router.post("/s/{shop}/customers/{customer}/adjust")
async def send_adjust(
    viewer: Guarded,
    customer: str,
    form: Annotated[str, Form(max_length=50)],
    command: Written,
    points: Written = "",
    reason: Written = "",
) -> Response:
    """Counted at once within the programme's limit for one person, else proposed to another."""
    wanted = Wanted(points.strip(), reason.strip(), command)
    try:
        asked = read(wanted)
    except Unreadable as wrong:
        return await _page(viewer, customer, wanted, error=viewer.say(wrong.text), status=422)
    body = {"command_id": command, "points": asked, "reason": wanted.reason, "by": viewer.who.name}
    path = f"/members/{part(customer)}/adjustments"
    thing = f"adjustments/{part(command)}"
    answer = await carry_out(viewer, "adjust", thing, form, "membership", "POST", path, json=body)
    if answer is not None and not answer.ok:
        return await _page(viewer, customer, wanted, error=why_not(viewer, answer), status=status_of(answer))
    if answer is None:
        notice = "sent-already"
    else:
        notice = "adjustment-proposed" if answer.body["state"] == "proposed" else "adjusted"
    return see(viewer.url(f"/customers/{part(customer)}/adjust"), notice)


@router.get("/s/{shop}/approvals")
async def approvals(viewer: Guarded, after: Annotated[str, Query(max_length=500)] = "") -> Response:
    """What waits for a second person."""
    return await _approvals(viewer, after)


async def _approvals(viewer: Viewer, after: str = "", error: str = "", status: int = 200) -> Response:
    asked = {"state": "proposed", "limit": str(ROWS)} | ({"after": after} if after else {})
    changes, tickets, *others = await viewer.console.services.ask(
        viewer.of_shop("membership", "/adjustments", **asked),
        viewer.of_shop("feedback", "/tickets", to_approve="true", limit=str(ROWS)),
        *(viewer.of_shop(each.service, each.path, limit="1", **each.waiting) for each in ELSEWHERE),
    )
    async with viewer.console.database.transaction() as tx:
        kinds = [name for name, kind in KINDS.items() if kind.amount]
        papers = [each for name in kinds for each in await store.list_all(tx, viewer.here, name)]
    values: dict[str, Any] = {
        "papers": [(each, each.fields[KINDS[each.kind].amount]) for each in papers if each.state == rules.ASKED]
    }
    values |= {"changes": changes, "tickets": tickets, "after": after, "error": error, "part": part}
    values["elsewhere"] = list(zip(ELSEWHERE, others, strict=True))
    return viewer.draw("customers/approvals.html", status, **values)


@router.post("/s/{shop}/approvals/{command}")
async def decide_adjustment(
    viewer: Guarded,
    command: str,
    decision: Annotated[Literal["approve", "refuse"], Form()],
    form: Annotated[str, Form(max_length=50)],
) -> Response:
    """Membership refuses an approval by who asked."""
    path, body = f"/adjustments/{part(command)}", {"by": viewer.who.name}
    answer = await carry_out(
        viewer, f"adjustment_{decision}", path.strip("/"), form, "membership", "POST", f"{path}/{decision}", json=body
    )
    if answer is not None and not answer.ok:
        return await _approvals(viewer, "", why_not(viewer, answer), status_of(answer))
    return see(viewer.url("/approvals"), "sent-already" if answer is None else "adjustment-decided")
