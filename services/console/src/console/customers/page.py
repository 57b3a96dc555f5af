"""One customer: who, what was promised, and why; personal fields masked until they are asked for."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Response

from common.values.paths import part
from console.client import Answer
from console.customers.sentences import sentence
from console.web.guard import Guarded, NoAnswer, NotHere
from console.web.page import Viewer, see

router = APIRouter()
DECISIONS, LINES, ENTRIES = 20, 5, 50
CONTACT = ("name", "email", "phone", "address", "birthday", "chat")
WORDS = "words"
"""What the customer wrote in reviews and surveys, looked at as a whole."""
Field = Literal["name", "email", "phone", "address", "birthday", "chat", "words"]


@router.get("/s/{shop}/customers/{customer}")
async def customer(viewer: Guarded, customer: str) -> Response:
    """All questions at once; each has its part of the page."""
    here = part(customer)
    asked = {
        "profile": viewer.of_shop("orders-ingest", f"/customers/{here}"),
        "member": viewer.of_shop("membership", f"/members/{here}"),
        "path": viewer.of_shop("membership", f"/members/{here}/path"),
        "facts": viewer.of_shop("segmentation", f"/customers/{here}"),
        "permissions": viewer.of_shop("messaging", f"/customers/{here}/permissions"),
        "decisions": viewer.of_shop("messaging", f"/customers/{here}/decisions", limit=DECISIONS),
        "reviews": viewer.of_shop("feedback", "/reviews", customer=customer, limit=DECISIONS),
        "surveys": viewer.of_shop("feedback", "/surveys", customer=customer, limit=DECISIONS),
        "tickets": viewer.of_shop("feedback", "/tickets", customer=customer, limit=DECISIONS),
        "statement": viewer.of_shop("membership", f"/members/{here}/statement", limit=LINES),
        "benefits": viewer.of_shop("membership", f"/members/{here}/benefits"),
        "coupons": viewer.of_shop("membership", f"/members/{here}/coupons", limit=DECISIONS),
        "value": viewer.of_shop("segmentation", f"/customers/{here}/lifetime-value"),
        "churn": viewer.of_shop("segmentation", f"/customers/{here}/churn"),
        "winback": viewer.of_shop("segmentation", f"/customers/{here}/win-back"),
        "bounces": viewer.of_shop("messaging", f"/customers/{here}/bounces"),
        "orders": viewer.of_shop("orders-ingest", f"/customers/{here}/orders", limit=LINES),
        "activity": viewer.of_shop("segmentation", f"/customers/{here}/activity"),
    }
    found, looked = await asyncio.gather(viewer.ask(*asked.values()), _looked_at(viewer, customer))
    answers = dict(zip(asked, found, strict=True))
    if _is_unknown(answers):
        raise NotHere
    shown = await _contact(viewer, customer, answers["profile"], looked)
    return viewer.draw(
        "customers/customer.html",
        200,
        customer=customer,
        here=here,
        contact=shown,
        words_shown=WORDS in looked,
        all=list(answers.values()),
        sentence=sentence,
        **answers,
    )


def _is_unknown(answers: dict[str, Answer]) -> bool:
    """Whether every service that keeps customers says that it has never heard of this one."""
    return all(answers[name].state in ("unknown", "refused") for name in ("profile", "member", "facts"))


async def _looked_at(viewer: Viewer, customer: str) -> set[str]:
    """The personal fields that this session asked to see, in one statement beside the questions."""
    if not viewer.may("show_contact"):
        return set()
    objects = {_object(customer, name): name for name in (*CONTACT, WORDS)}
    return {objects[each] for each in await viewer.looked_at(list(objects))}


async def _contact(viewer: Viewer, customer: str, profile: Answer, looked: set[str]) -> dict[str, str | None]:
    """The personal fields that are kept: the text where this session asked to see it, else None."""
    if not profile.ok:
        return {}
    shown: dict[str, str | None] = {name: None for name in CONTACT if name in profile.body["has"]}
    fields = [name for name in shown if name in looked]
    if fields:
        path = f"/customers/{part(customer)}/personal"
        (answer,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", path, fields=fields))
        if answer.ok:
            shown |= {name: answer.body["fields"].get(name) for name in fields}
    return shown


@router.post("/s/{shop}/customers/{customer}/show")
async def show_contact(
    viewer: Guarded,
    customer: str,
    field: Annotated[Field, Form()],
    form: Annotated[str, Form(max_length=50)],
    ticket: Annotated[str, Form(max_length=500)] = "",
    task: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Show one personal field to this session for five minutes; the look is recorded first. Back to where it was."""
    await viewer.look(_object(customer, field), "show_contact", form)
    if ticket:
        return see(viewer.url(f"/tickets/{part(ticket)}"))
    if task:
        return see(viewer.url(f"/tasks/{part(task)}"))
    return see(f"{viewer.url(f'/customers/{part(customer)}')}#contact")


def _object(customer: str, field: str) -> str:
    return f"customers/{part(customer)}/{field}"


@router.get("/s/{shop}/customers/{customer}/ledger")
async def ledger(viewer: Guarded, customer: str, after: Annotated[int, Query(ge=0)] = 0) -> Response:
    """The points ledger, oldest entry first."""
    here = part(customer)
    member, page = await viewer.console.services.ask(
        viewer.of_shop("membership", f"/members/{here}"),
        viewer.of_shop("membership", f"/members/{here}/ledger", after=after, limit=ENTRIES),
    )
    if page.state == "unknown":
        raise NotHere
    return viewer.draw("customers/ledger.html", customer=customer, here=here, member=member, page=page, after=after)


@router.get("/s/{shop}/customers/{customer}/orders")
async def orders(
    viewer: Guarded, customer: str, before: Annotated[str | None, Query(max_length=200)] = None
) -> Response:
    """Her orders, newest first."""
    here = part(customer)
    asked = {"limit": ENTRIES} | ({"before": before} if before else {})
    (page,) = await viewer.console.services.ask(viewer.of_shop("orders-ingest", f"/customers/{here}/orders", **asked))
    return viewer.draw("customers/orders.html", customer=customer, here=here, page=page, before=before)


@router.get("/s/{shop}/customers/{customer}/messages")
async def messages(viewer: Guarded, customer: str, before: Annotated[datetime | None, Query()] = None) -> Response:
    """Every decision about messages to her, newest first."""
    here = part(customer)
    asked = {"limit": str(ENTRIES)} | ({"before": before.isoformat()} if before else {})
    page, arms = await viewer.console.services.ask(
        viewer.of_shop("messaging", f"/customers/{here}/decisions", **asked),
        viewer.of_shop("messaging", f"/customers/{here}/campaigns"),
    )
    return viewer.draw(
        "customers/messages.html", customer=customer, here=here, page=page, arms=arms, before=before, a_page=ENTRIES
    )


@router.get("/s/{shop}/messages/{message}")
async def one_message(viewer: Guarded, message: str) -> Response:
    """One message from cause to outcome, with every decision about it."""
    path = f"/messages/{part(message)}"
    found, text = await viewer.console.services.ask(
        viewer.of_shop("messaging", path), viewer.of_shop("messaging", f"{path}/text", language=viewer.language)
    )
    if found.state == "unavailable":
        raise NoAnswer(found)
    if not found.ok:
        raise NotHere
    await viewer.open_customer(found.body["customer"])
    return viewer.draw("customers/one_message.html", found=found, text=text, here=part(found.body["customer"]))
