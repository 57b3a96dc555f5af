"""Tickets that are opened by themselves, of what customers say: the loop from feedback to service (FBK-025).

The ticket's `complaint.opened` is what other services hear of it: messaging pauses marketing, segmentation counts it
among the signs of churn. One review or survey opens one ticket, whatever finds it first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from common.crypto.keys import KeyRing
from common.events import CustomerKey, Event, fact_id
from common.events.feedback import QuestionAnswer, ReviewSubmitted
from common.storage.database import Transaction
from feedback.care.rules import is_fresh, is_unhappy, judges_text
from feedback.commands.tickets import open_one
from feedback.policy.state import Version, form_of, in_force
from feedback.policy.store import get_versions
from feedback.reviews.store import get_review
from feedback.surveys.state import Survey
from feedback.surveys.store import get_survey
from feedback.tickets.policy import TicketPolicy
from feedback.tickets.store import get_customer
from feedback.tickets.told import NewTicket
from feedback.understanding.store import ToRead


async def open_for_review(tx: Transaction, keys: KeyRing, review: Event[ReviewSubmitted]) -> None:
    """Open the ticket of a review of few stars; old news opens none."""
    stars, policy = review.data.stars, await _policy(tx, review.shop)
    if stars is not None and stars <= policy.care_stars and is_fresh(review.time, tx.clock.now(), policy):
        told = review.data
        await _open(tx, keys, review.customer, "review", told.review_id, told.order_id, told.sku)


async def open_for_answers(tx: Transaction, keys: KeyRing, survey: Survey, answers: Sequence[QuestionAnswer]) -> None:
    """Open the ticket of unhappy answers, which are given now."""
    versions = (await get_versions(tx, [survey.shop]))[survey.shop]
    form = form_of(versions, survey.form_id, survey.form_version)
    policy = in_force(versions, tx.clock.now()).policy.tickets
    if is_unhappy(survey.kind, form, answers, policy):
        await _open(tx, keys, (survey.shop, survey.customer), "survey", survey.survey_id, survey.order_id)


async def open_for_text(tx: Transaction, keys: KeyRing, text: ToRead, sentiment: int) -> None:
    """Open the ticket of a text that speaks ill and came without stars; its customer is locked."""
    shop, customer = text.customer
    if sentiment >= 0:
        return
    policy = await _policy(tx, shop)
    if not policy.care_texts or not is_fresh(text.at, tx.clock.now(), policy):
        return
    if text.source == "review":
        review = await get_review(tx, shop, customer, text.name)
        if review is not None and review.stars is None:
            await _open(tx, keys, text.customer, "review", text.name, review.order_id, review.sku)
    elif text.source == "answer":
        survey = await get_survey(tx, shop, text.name)
        if survey is not None and judges_text(survey.kind, survey.answers):
            await _open(tx, keys, text.customer, "survey", text.name, survey.order_id)


async def _open(
    tx: Transaction,
    keys: KeyRing,
    customer: CustomerKey,
    source: Literal["review", "survey"],
    name: str,
    order_id: str | None,
    sku: str | None = None,
) -> None:
    ticket_id = fact_id(f"{source}/{name}", "ticket", *customer, 0)
    if await get_customer(tx, customer[0], ticket_id) is None:
        told = NewTicket(ticket_id, "complaint", source=source, order_id=order_id, sku=sku)
        await open_one(tx, keys, customer, told, tx.clock.now())


async def _policy(tx: Transaction, shop: str) -> TicketPolicy:
    versions: list[Version] = (await get_versions(tx, [shop]))[shop]
    return in_force(versions, tx.clock.now()).policy.tickets
