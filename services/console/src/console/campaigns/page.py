"""Campaigns: the list, one with its progress, lift and cost, its draft as a form, and what starts and stops it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response

from common.values.paths import part
from console.campaigns import budget, forms
from console.campaigns.outcomes import outcome
from console.client import Answer
from console.records import store as records
from console.records.commands import NotSaved
from console.web.commands import carry_out, status_of, why_not
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.numbers import whole
from console.web.page import Viewer, see

router = APIRouter()
Name = Annotated[str, Path(max_length=40)]
ACTIONS = {"draft": ("start",), "running": ("pause", "stop"), "paused": ("resume", "stop")}
"""What a campaign can be asked to do, by its state."""
OVER = ("stopped", "finished")


@router.get("/s/{shop}/campaigns")
async def campaigns(viewer: Guarded) -> Response:
    """All campaigns, the last changed first."""
    (page,) = await viewer.console.services.ask(viewer.of_shop("messaging", "/campaigns"))
    return viewer.draw("campaigns/campaigns.html", page=page, part=part)


async def _one(viewer: Viewer, campaign: str) -> Answer:
    """Raises NoAnswer, NotHere."""
    (found,) = await viewer.console.services.ask(viewer.of_shop("messaging", f"/campaigns/{part(campaign)}"))
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    return found


async def _currency(viewer: Viewer) -> str:
    """Raises NoAnswer."""
    (settings,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", "/settings"))
    if not settings.ok:
        raise NoAnswer(settings)
    return str(settings.body["current"]["currency"])


async def _currency_of(viewer: Viewer, document: dict[str, Any]) -> str:
    """In which its cost was said: where that is the shop's no more, messaging does not let it start."""
    return document.get("currency") or await _currency(viewer)


@router.get("/s/{shop}/campaigns/{campaign}")
async def one_campaign(viewer: Guarded, campaign: Name) -> Response:
    """Goal, group and plan, how far it is, and what it brought over those who got nothing."""
    return await _page(viewer, campaign)


async def _page(viewer: Viewer, campaign: str, error: str = "", status: int = 200) -> Response:
    here = part(campaign)
    found = await _one(viewer, campaign)
    progress, lift, sheet, settings = await viewer.ask(
        viewer.of_shop("messaging", f"/campaigns/{here}/progress"),
        viewer.of_shop("messaging", f"/campaigns/{here}/lift"),
        viewer.of_shop("messaging", f"/campaigns/{here}/sheet"),
        viewer.of_shop("orders-ingest", "/settings"),
    )
    async with viewer.console.database.transaction() as tx:
        held = await budget.held_for(tx, viewer.here, campaign)
    return viewer.draw(
        "campaigns/campaign.html",
        status,
        c=found.body,
        here=here,
        held=held,
        progress=progress,
        lift=lift,
        sheet=sheet,
        all=[progress, lift, sheet],
        currency=settings.body["current"]["currency"] if settings.ok else "",
        outcome=outcome,
        actions=ACTIONS.get(found.body["state"], ()),
        error=error,
        part=part,
    )


@router.post("/s/{shop}/campaigns/{campaign}/spent")
async def settle_campaign(viewer: Guarded, campaign: Name, form: Annotated[str, Form(max_length=50)] = "") -> Response:
    """Note in the budget what a campaign that is over cost, in place of what was held for it (ANA-052)."""
    found = await _one(viewer, campaign)
    if found.body["state"] not in OVER:
        raise NotHere
    (lift,) = await viewer.console.services.ask(viewer.of_shop("messaging", f"/campaigns/{part(campaign)}/lift"))
    if not lift.ok:
        raise NoAnswer(lift)
    try:
        await budget.settle(viewer, campaign, int(lift.body["cost"]), lift.body["currency"], form)
    except NotSaved as error:
        return await _page(viewer, campaign, viewer.say(error.text, **error.values), 409)
    return see(viewer.url(f"/campaigns/{part(campaign)}"), "saved")


@router.get("/s/{shop}/campaigns/{campaign}/{action}")
async def check_campaign(viewer: Guarded, campaign: Name, action: Annotated[str, Path(max_length=20)]) -> Response:
    """What the action will do, before it is done."""
    found = await _one(viewer, campaign)
    if action not in ACTIONS.get(found.body["state"], ()):
        raise NotHere
    return await _check(viewer, found.body, action)


async def _check(
    viewer: Viewer, campaign: dict[str, Any], action: str, error: str = "", item: str = "", status: int = 200
) -> Response:
    here, document = part(campaign["campaign"]), campaign["document"]
    (sheet,) = await viewer.console.services.ask(viewer.of_shop("messaging", f"/campaigns/{here}/sheet"))
    cost, found, currency = budget.most_cost(document), None, ""
    if action == "start" and cost != 0:
        currency = await _currency_of(viewer, document)
        found = await budget.standing(viewer, campaign["campaign"], document, currency)
    return viewer.draw(
        "campaigns/check.html",
        status,
        c=campaign,
        here=here,
        action=action,
        sheet=sheet,
        cost=cost,
        budget=found,
        item=item,
        currency=currency,
        error=error,
    )


@router.post("/s/{shop}/campaigns/{campaign}/{action}")
async def act_on_campaign(
    viewer: Guarded,
    campaign: Name,
    action: Annotated[str, Path(max_length=20)],
    form: Annotated[str, Form(max_length=50)],
    reason: Annotated[str, Form(max_length=500)] = "",
    item: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Once; messaging refuses what the campaign's state does not allow, and the budget what it has not left."""
    if not any(action in each for each in ACTIONS.values()):
        raise NotHere
    path = f"/campaigns/{part(campaign)}"
    body: dict[str, Any] = {"action": action, "by": viewer.who.name}
    if reason.strip():
        body["reason"] = reason.strip()
    held: str | None = None
    if action == "start":
        found = await _one(viewer, campaign)
        # What was held is for this version: a draft that was changed meanwhile is refused.
        body["replaces"] = found.body["version"]
        if found.body["state"] == "draft" and not found.body["to_do"]:
            try:
                held = await _hold(viewer, found.body, item)
            except NotSaved as error:
                said = viewer.say(error.text, **error.values)
                return await _check(viewer, found.body, action, said, item, 409)
    answer = await carry_out(
        viewer, f"campaign_{action}", path.strip("/"), form, "messaging", "POST", f"{path}/actions", json=body
    )
    # Without an answer it may have started: what is held stays. A form that was answered before has started nothing.
    if held is not None and (answer is None or not (answer.ok or answer.state == "unavailable")):
        await budget.give_back(viewer, campaign, held)
    if answer is not None and not answer.ok:
        return await _page(viewer, campaign, why_not(viewer, answer), status_of(answer))
    return see(viewer.url(path), "sent-already" if answer is None else "campaign-done")


async def _hold(viewer: Viewer, campaign: dict[str, Any], item: str) -> str | None:
    """The start for which the budget holds it; None where it costs nothing. Raises NotSaved, NoAnswer."""
    document = campaign["document"]
    if budget.most_cost(document) == 0:
        return None
    return await budget.hold(viewer, campaign["campaign"], document, item, await _currency_of(viewer, document))


@router.get("/s/{shop}/campaign-builder")
async def campaign_builder(
    viewer: Guarded,
    of: Annotated[str, Query(max_length=40)] = "",
    segment: Annotated[str, Query(max_length=63)] = "",
) -> Response:
    """An empty form, one for a segment, or one that holds a draft."""
    if of:
        found, currency = await _one(viewer, of), await _currency(viewer)
        if found.body["state"] != "draft":
            raise NotHere
        form = forms.written(found.body["document"], found.body["version"], viewer.zone, currency)
    else:
        form = dict(forms.EMPTY) | {"segment": segment}
    return await _builder(viewer, form)


async def _builder(
    viewer: Viewer, form: dict[str, str], *, wrong: dict[str, str] | None = None, error: str = "", status: int = 200
) -> Response:
    segments, templates, settings, offers = await viewer.console.services.ask(
        viewer.of_shop("segmentation", "/segments"),
        viewer.of_shop("messaging", "/templates"),
        viewer.of_shop("orders-ingest", "/settings"),
        viewer.of_shop("membership", "/offers", limit="200"),
    )
    async with viewer.console.database.transaction() as tx:
        costs = await records.list_all(tx, viewer.here, "channel_cost")
    given: dict[str, Any] = {"segments": segments, "templates": templates, "settings": settings, "offers": offers}
    given["costs"] = costs
    return viewer.draw("campaigns/builder.html", status, form=form, wrong=wrong or {}, error=error, **given)


@router.post("/s/{shop}/campaigns")
async def save_campaign(viewer: Guarded) -> Response:
    """A draft; once however often sent, and never over somebody else's."""
    form = dict(forms.EMPTY) | {name: str(value)[:60_000] for name, value in (await viewer.request.form()).items()}
    currency, replaces = await _currency(viewer), whole(form["replaces"]) or 0
    base = None
    if replaces:
        base = (await _one(viewer, form["campaign"])).body["document"]
    found = forms.read(form, base, viewer.zone, currency)
    if found.wrong:
        return await _builder(viewer, form, wrong=found.wrong, status=422)
    path = f"/campaigns/{part(found.document['campaign'])}"
    body = {"document": found.document, "replaces": replaces}
    sent = form.get("form", "")[:50]
    answer = await carry_out(viewer, "save_campaign", path.strip("/"), sent, "messaging", "PUT", path, json=body)
    if answer is not None and not answer.ok:
        return await _builder(viewer, form, error=why_not(viewer, answer), status=status_of(answer))
    return see(viewer.url(path), "sent-already" if answer is None else "campaign-saved")
