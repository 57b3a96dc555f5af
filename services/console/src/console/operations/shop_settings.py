"""The shop's settings: its name, zone and currency, from when on each holds."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from console.access.forms import new_form
from console.forms.fields import Field
from console.forms.sheets import Command, Filled, Sheet, filled, order
from console.texts import N_
from console.web.formats import money
from console.web.guard import Guarded, NoAnswer
from console.web.page import Viewer

router = APIRouter()
SETTINGS = Sheet(
    N_("Change the settings"),
    N_("Save the settings"),
    (
        Field("name", N_("The shop's name"), hint=N_("As customers read it."), most=100, optional=True),
        Field("zone", N_("Time zone"), hint=N_("An IANA name, such as Europe/Berlin.")),
        Field("currency", N_("Currency"), hint=N_("ISO 4217, such as EUR."), most=3),
        Field(
            "valid_from",
            N_("From when on"),
            "instant",
            N_("Empty: now. In the past: everybody is evaluated anew from then on."),
            optional=True,
        ),
        Field(
            "confirmed",
            N_("Another currency: I have read what it does"),
            "flag",
            N_(
                "Nothing is converted. What was paid in the former currency stays an order and counts as no spend any "
                "more; members keep their tier until its term ends and qualify anew; points stay, worth what the "
                "programme says in the new currency. Set thresholds, budgets and the worth of points for that day "
                "before; offers, segments by amounts and segmentation's thresholds are set anew."
            ),
        ),
    ),
    ("/settings", N_("Shop settings")),
    N_("Every sum and every date follows from zone and currency. A version that is there is never changed."),
    danger=True,
)
OWED = N_("Members hold {n:point|points}, worth {amount} today.")


@router.get("/s/{shop}/settings")
async def shop_settings(viewer: Guarded) -> Response:
    """What is in force, and all versions."""
    (found,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", "/settings"))
    return viewer.draw("operations/settings.html", found=found)


@router.get("/s/{shop}/settings-form")
async def settings_form(viewer: Guarded) -> Response:
    """A form that holds what is in force; empty for a shop that is not set up yet."""
    (found,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", "/settings"))
    if not found.ok and found.state != "unknown":
        raise NoAnswer(found)
    known = found.body["current"] if found.ok else {}
    given = {name: known.get(name) or "" for name in ("name", "zone", "currency")}
    given["version"] = str(max((each["version"] for each in found.body["versions"]), default=0)) if found.ok else "0"
    return _sheet(viewer, {"command": new_form()} | given)


def _sheet(viewer: Viewer, given: dict[str, str]) -> Response:
    return Filled(viewer, SETTINGS, "/settings", given).draw()


async def _owed(viewer: Viewer, body: dict[str, Any]) -> str:
    """What members hold in points today, where the currency was to be another: nothing converts them (0070)."""
    known, report = await viewer.console.services.ask(
        viewer.of_shop("orders-ingest", "/settings"), viewer.of_shop("membership", "/report")
    )
    if body["confirmed"] or not (known.ok and report.ok) or known.body["current"]["currency"] == body["currency"]:
        return ""
    worth = money(report.body["worth"], report.body["currency"])
    return viewer.say(OWED, n=report.body["liability"], amount=worth)


@router.post("/s/{shop}/settings")
async def save_settings(viewer: Guarded) -> Response:
    """A new version, never over somebody else's; zones and currencies that are unknown are refused by name."""
    form = await filled(viewer, SETTINGS, "/settings")
    if form.wrong:
        return form.refused()
    command = Command("save_settings", "settings", "orders-ingest", "PUT", "/settings")

    async def again(error: str, status: int) -> Response:
        return form.draw(f"{error} {await _owed(viewer, form.body)}".strip(), status)

    sent = form.body | {"replaces": form.version}
    answer = await order(viewer, form.written.get("form", "")[:50], command, again, "/settings", json=sent)
    viewer.request.app.state.zones.pop(viewer.here, None)
    return answer
