"""Occasions on which a customer is asked by a schedule, and which of those that are due is taken (FBK-006)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.events import Event, fact_id
from common.events.feedback import SurveyRequested
from common.shops.settings import ShopSettings
from common.time.calendar import quarter_period
from feedback.forms.schedule import Schedule
from feedback.forms.state import Form
from feedback.policy.state import Version, in_force
from feedback.schedules.state import Known

FRESH = timedelta(days=14)
"""What fell due longer ago is not asked: messaging would hold it for stale."""
_QUARTER_DAYS = 93
"""The longest quarter, and a day for the shop's zone."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """A form to be put to a customer; `cause` is what it follows from, so that one cause asks once."""

    due_at: datetime
    schedule: Schedule
    version: int
    form: Form
    rest: timedelta
    cause: str
    order_id: str | None = None
    ticket_id: str | None = None

    def survey_id(self, shop: str, customer: str) -> str:
        """Derived, so that a replay asks the same survey and a repetition asks nothing."""
        return fact_id(f"schedule@{self.schedule.schedule_id}/{self.cause}", SurveyRequested.TYPE, shop, customer, 0)

    def requested(self, shop: str, customer: str, answer_url: str) -> Event[SurveyRequested]:
        """The survey, dated when it fell due however late it is asked."""
        survey_id = self.survey_id(shop, customer)
        data = SurveyRequested(
            survey_id=survey_id,
            kind=self.form.kind,
            form_id=self.form.form_id,
            form_version=self.version,
            order_id=self.order_id,
            ticket_id=self.ticket_id,
            answer_url=answer_url,
            cause_at=self.due_at,
        )
        return Event(survey_id, f"/shops/{shop}/feedback", shop, customer, self.due_at, data, correlationid=survey_id)


def occasions(known: Known, versions: Sequence[Version], settings: ShopSettings) -> list[Occasion]:
    """All occasions that follow from what is known of a customer, soonest due first; none of an erased one."""
    if known.erased:
        return []
    found: list[Occasion] = []
    if known.first is not None:
        found += _after(known.first.at, versions, "first_order", f"order/{known.first.id}", order_id=known.first.id)
    quarters: dict[datetime, datetime] = {}
    latest, span = max((order.at for order in known.orders), default=None), span_of(versions)
    for order in (order for order in known.orders if latest is not None and order.at >= latest - span):
        found += _after(order.at, versions, "order", f"order/{order.id}", order_id=order.id)
        day = quarter_period(settings.date_of(order.at), settings.at(order.at).zone).end
        quarters[day] = max(order.at, quarters.get(day, order.at))
    for day, at in quarters.items():
        found += _after(at, versions, "quarter", f"quarter/{day.isoformat()}", since=day)
    if known.ticket is not None:
        cause = f"ticket/{known.ticket.id}/{known.ticket.reopened}"
        found += _after(known.ticket.at, versions, "ticket", cause, ticket_id=known.ticket.id)
    return sorted(found, key=lambda o: (o.due_at, o.schedule.schedule_id))


def span_of(versions: Iterable[Version]) -> timedelta:
    """Orders so long before a customer's latest one are of no occasion that is still fresh when that one has come."""
    days = [
        schedule.days + (_QUARTER_DAYS if schedule.after == "quarter" else 0)
        for version in versions
        for schedule in version.policy.surveys.schedules
        if schedule.after in ("order", "quarter")
    ]
    return FRESH + timedelta(days=max(days, default=0))


def next_look(found: Iterable[Occasion], taken_until: datetime | None) -> datetime | None:
    """When the first occasion falls due that was not looked at yet; None: none will."""
    return min((o.due_at for o in found if taken_until is None or o.due_at > taken_until), default=None)


def take(
    found: Iterable[Occasion],
    taken_until: datetime | None,
    asked: Collection[Occasion],
    last: datetime | None,
    now: datetime,
) -> Occasion | None:
    """The occasion that is asked now; None where none is due, or where what is due was asked, is stale, or rests.

    `asked`: those asked before; `last`: when the customer was asked anything last. What is passed over does not return.
    """
    for occasion in found:
        due = occasion.due_at
        if due > now or (taken_until is not None and due <= taken_until) or occasion in asked:
            continue
        rested = last is None or not occasion.rest or last + occasion.rest <= due
        if rested and now - due <= FRESH:
            return occasion
    return None


def _after(
    at: datetime,
    versions: Sequence[Version],
    trigger: str,
    cause: str,
    *,
    since: datetime | None = None,
    order_id: str | None = None,
    ticket_id: str | None = None,
) -> Iterable[Occasion]:
    """By the schedules in force at `at`; `since`: the instant from which their days count, `at` where absent."""
    version = in_force(versions, at)
    rules = version.policy.surveys
    for schedule in rules.schedules:
        form = rules.form(schedule.form_id)
        if schedule.after == trigger and form is not None:
            yield Occasion(
                due_at=(since or at) + timedelta(days=schedule.days),
                schedule=schedule,
                version=version.number,
                form=form,
                rest=timedelta(days=rules.rest_days),
                cause=cause,
                order_id=order_id,
                ticket_id=ticket_id,
            )
