"""Surveys as a shop asks them of customers: each once, and none of a customer who was asked of late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from common.crypto.keys import get_keys
from common.people.store import lock_survivors
from common.refusals import Conflict, NotFound
from common.storage.database import Transaction
from feedback.policy.state import in_force
from feedback.policy.store import get_versions
from feedback.surveys import store as surveys
from feedback.surveys.links import AnswerLinks
from feedback.surveys.rules import About, request, requested_id
from feedback.surveys.state import Survey
from feedback.tickets.refusals import UnknownTicket
from feedback.tickets.store import get_customer

Outcome = Literal["asked", "duplicate", "resting", "unknown", "erased"]
"""`resting`: asked of late. `unknown`: neither the customer nor an order of theirs has come. The last three are not
asked."""


class UnknownForm(NotFound):
    """The shop has no form of that id."""

    def __init__(self, form_id: str) -> None:
        super().__init__("unknown_form", f"There is no form {form_id!r}; GET …/survey-forms lists them.")


class RequestDiffers(Conflict):
    """The id was used to ask something else."""

    def __init__(self, request_id: str) -> None:
        super().__init__(
            "request_differs",
            f"Request {request_id!r} asked something else before: give each request an id of its own.",
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of the request for one customer; `resting_until` where they were asked of late."""

    customer: str
    outcome: Outcome
    survey_id: str | None = None
    answer_url: str | None = None
    resting_until: datetime | None = None


async def ask_customers(
    tx: Transaction,
    links: AnswerLinks,
    shop: str,
    request_id: str,
    form_id: str,
    customers: Sequence[str],
    about: About,
) -> list[Asked]:
    """Ask each of these customers the form's questions now; idempotent by the request's id and the customer.

    Raises UnknownForm, UnknownTicket (it is of another customer, too) and RequestDiffers; then nobody is asked.
    """
    version = in_force((await get_versions(tx, [shop]))[shop], tx.clock.now())
    form = version.policy.surveys.form(form_id)
    if form is None:
        raise UnknownForm(form_id)
    if about.ticket_id is not None:
        owner = await get_customer(tx, shop, about.ticket_id)
        if any(customer != owner for customer in customers):
            raise UnknownTicket(about.ticket_id)
    known = {key[1]: row for key, row in (await get_keys(tx, [(shop, customer) for customer in customers])).items()}
    askable = sorted(customer for customer, row in known.items() if row.erased_at is None)
    persons = await lock_survivors(tx, [(shop, customer) for customer in askable])
    ids = {customer: requested_id(shop, customer, request_id) for customer in askable}
    before = {s.customer: s for s in await surveys.get_asked(tx, shop, ids.keys(), ids.values())}
    if any(not _same(survey, form_id, about) for survey in before.values()):
        raise RequestDiffers(request_id)
    last = await surveys.last_asked(tx, set(persons.values()))
    found, events, now = list[Asked](), [], tx.clock.now()
    for customer in dict.fromkeys(customers):
        if customer not in ids:
            found.append(Asked(customer, "erased" if customer in known else "unknown"))
            continue
        url = links.url(shop, ids[customer])
        person = persons[shop, customer]
        rested = _rested(last.get(person), version.policy.surveys.rest_days)
        if customer in before:
            found.append(Asked(customer, "duplicate", ids[customer], url))
        elif rested is not None and rested > now:
            found.append(Asked(customer, "resting", resting_until=rested))
        else:
            events.append(request(shop, customer, request_id, form, version.number, about, url, now))
            last[person] = now
            found.append(Asked(customer, "asked", ids[customer], url))
    if events:
        await surveys.save_requested(tx, events)
        await tx.announce(events)
    return found


def _same(survey: Survey, form_id: str, about: About) -> bool:
    return (survey.form_id, survey.order_id, survey.ticket_id, survey.agent) == (
        form_id,
        about.order_id,
        about.ticket_id,
        about.agent,
    )


def _rested(last: datetime | None, days: int) -> datetime | None:
    """From when on a customer may be asked again; None: never asked."""
    return None if last is None or not days else last + timedelta(days=days)
