"""Activities: the calendar, a new one, who is invited, takes part and came, the draw (MEM-037, MEM-098 to MEM-105)."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response

from common.events.fields import PlannedDay
from common.values.paths import part
from console.activities.proof import holds, number_of
from console.forms.fields import Field, read
from console.forms.sheets import Command, Sheet, empty, filled, order, sent
from console.texts import N_
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer
from console.web.today import today

router = APIRouter()
ROWS, DAYS = 100, 120
KINDS = (
    *("meeting", "party", "live_stream", "trip", "lesson", "sharing", "flash_deal"),
    *("game", "trial", "limited_goods", "other"),
)
BENEFITS = (
    *("free_shipping", "free_return", "priority_service", "dedicated_agent", "birthday_gift", "birthday_discount"),
    *("early_access", "limited_goods", "trial_priority", "lounge", "private_groups", "events", "status_goods"),
    "value_added_service",
)
STATUSES = ("invited", "taken", "attended", "absent", "given_back")
Name = Annotated[str, Path(max_length=200)]
ACTIVITY = Sheet(
    N_("Set an activity"),
    N_("Set the activity"),
    (
        Field("activity_id", N_("Id"), hint=N_("Such as tasting-may; an activity never changes once it is set.")),
        Field("name", N_("Name"), hint=N_("What customers read.")),
        Field("kind", N_("Kind"), "choice", choices=KINDS, words="activity_"),
        Field("starts", N_("Begins"), "instant"),
        Field("ends", N_("Ends"), "instant"),
        Field("places", N_("Places"), "whole", N_("Empty: without limit."), least=1, most=1_000_000, optional=True),
        Field("prizes", N_("Prizes that are drawn"), "whole", N_("Empty: none."), most=10_000, optional=True),
        Field("benefit", N_("For members whose tier gives"), "choice", choices=BENEFITS, optional=True),
        Field("members_from", N_("They may take a place from"), "instant", optional=True),
        Field(
            "public_from",
            N_("Everybody may take a place from"),
            "instant",
            N_("Empty: only who is invited, or has the benefit."),
            optional=True,
        ),
        Field("city", N_("City"), optional=True),
        Field("community", N_("Community's id"), optional=True),
        Field("feedback_url", N_("Address of the form for those who came"), optional=True),
    ),
    ("/activities", N_("Activities")),
)
INVITE = (Field("customers", N_("Invite"), "ids", N_("Ids, one a line, at most 1,000."), most=1_000),)


@router.get("/s/{shop}/activities")
async def activities(
    viewer: Guarded,
    first: Annotated[PlannedDay | None, Query()] = None,
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """What takes place in four months from a day on; without one from a month ago."""
    start = first or await today(viewer) - timedelta(days=30)
    begin = datetime.combine(start, time(), viewer.zone)
    asked = {"start": begin.isoformat(), "end": (begin + timedelta(days=DAYS)).isoformat(), "limit": str(ROWS)}
    asked |= {"after": after} if after else {}
    (page,) = await viewer.ask(viewer.of_shop("membership", "/activities", **asked))
    return viewer.draw("activities/activities.html", page=page, first=start, days=DAYS, after=after, part=part)


@router.get("/s/{shop}/activity-form")
async def activity_form(viewer: Guarded) -> Response:
    """An empty form."""
    return await empty(viewer, ACTIVITY, "/activities")


@router.post("/s/{shop}/activities")
async def save_activity(viewer: Guarded) -> Response:
    """Set once, with the seed of its draw fixed."""
    form = await filled(viewer, ACTIVITY, "/activities")
    if not form.wrong and form.body["ends"] <= form.body["starts"]:
        form.wrong["ends"] = N_("It must end after it begins.")
    if not form.wrong and ("benefit" in form.body) != ("members_from" in form.body):
        form.wrong["members_from"] = N_("Give the benefit and from when, or neither.")
    if form.wrong:
        return form.refused()
    path = f"/activities/{part(form.body.pop('activity_id'))}"
    command = Command("save_activity", path.strip("/"), "membership", "PUT", path)
    return await form.send(command, path, json=form.body)


@router.get("/s/{shop}/activities/{activity}")
async def one_activity(
    viewer: Guarded,
    activity: Name,
    status: Annotated[str, Query(max_length=20)] = "",
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Terms, who takes part, and the draw with its proof."""
    return await _page(viewer, activity, status if status in STATUSES else "", after)


async def _page(
    viewer: Viewer,
    activity: str,
    only: str = "",
    after: str = "",
    error: str = "",
    status: int = 200,
    wrong: dict[str, str] | None = None,
) -> Response:
    path = f"/activities/{part(activity)}"
    asked = {"limit": str(ROWS)} | ({"status": only} if only else {}) | ({"after": after} if after else {})
    found, entries = await viewer.console.services.ask(
        viewer.of_shop("membership", path), viewer.of_shop("membership", f"{path}/entries", **asked)
    )
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    seed, items = found.body["seed"], entries.body["items"] if entries.ok else []
    return viewer.draw(
        "activities/one.html",
        status,
        a=found.body,
        here=part(activity),
        part=part,
        entries=entries,
        only=only,
        statuses=STATUSES,
        after=after,
        holds=holds(seed, found.body["seed_hash"], items) if seed and found.body["seed_hash"] else None,
        number_of=number_of,
        fields=INVITE,
        written=await sent(viewer) if error or wrong else {},
        wrong=wrong or {},
        error=error,
    )


async def _order(
    viewer: Viewer, activity: str, form: str, action: str, method: str, path: str, body: dict[str, Any]
) -> Response:
    async def again(error: str, status: int) -> Response:
        return await _page(viewer, activity, "", "", error, status)

    here = f"/activities/{part(activity)}"
    command = Command(action, here.strip("/"), "membership", method, f"{here}{path}")
    return await order(viewer, form, command, again, here, json=body)


@router.post("/s/{shop}/activities/{activity}/invitations")
async def invite_to_activity(viewer: Guarded, activity: Name) -> Response:
    """Whoever is invited may take a place whatever their tier."""
    written = await sent(viewer)
    body, wrong = read(INVITE, written, viewer.zone)
    if wrong:
        return await _page(viewer, activity, "", "", "", 422, wrong)
    given = body | {"by": viewer.who.name}
    return await _order(viewer, activity, written.get("form", "")[:50], "invite", "POST", "/invitations", given)


@router.post("/s/{shop}/activities/{activity}/entries/{customer}")
async def change_entry(
    viewer: Guarded,
    activity: Name,
    customer: str,
    form: Annotated[str, Form(max_length=50)],
    step: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """A place taken or given back for a customer; whether they came."""
    here = part(customer)
    if step in ("taken", "given_back"):
        return await _order(viewer, activity, form, f"place_{step}", "PUT", f"/entries/{here}", {"status": step})
    if step in ("came", "absent"):
        body = {"came": step == "came", "by": viewer.who.name}
        return await _order(viewer, activity, form, f"attendance_{step}", "PUT", f"/attendance/{here}", body)
    raise NotHere


@router.post("/s/{shop}/activities/{activity}/draw")
async def draw_prizes(viewer: Guarded, activity: Name, form: Annotated[str, Form(max_length=50)]) -> Response:
    """Once, among those who take part."""
    return await _order(viewer, activity, form, "draw_prizes", "POST", "/draw", {"by": viewer.who.name})
