"""A flow as data: what starts it, whom it is for, its steps, what ends it, who may go again (MSG-029 to 048).

A document is written by people or by the shop's programs and stored in versions. `flows/checks.py` says what is wrong
with one; `flows/running/rules.py` goes through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from common.events.customers import Channel
from common.events.feedback import StaffTaskKind
from common.events.messages import MessagePurpose

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="a-z, 0-9 and _, at most 40")]
"""Names of flows, steps and templates."""
What = Annotated[
    str,
    Field(
        pattern=r"^[a-z_]{1,40}(\.[A-Za-z0-9_.-]{1,60})?$",
        description="a field of the event, or a fact: tier, stage, orders, purchases, segment.<name>, detail.<name>, …",
    ),
]
Bound = Annotated[int, Field(ge=-(10**12), le=10**12)]
Value = Annotated[str, Field(max_length=200)] | bool | Bound


def _local(hour: time) -> time:
    if hour.tzinfo is not None:
        raise ValueError("an hour of the recipient's or the shop's day has no offset: write 09:30")
    return hour


LocalHour = Annotated[time, AfterValidator(_local)]
Lead = Annotated[int, Field(ge=-60, le=60, strict=True, description="days after the day; negative: before it")]
Holiday = Literal[
    "new_year",
    "lantern",
    "valentine",
    "spring_festival",
    "qingming",
    "dragon_boat",
    "qixi",
    "mid_autumn",
    "double_ninth",
    "national_day",
    "singles_day",
    "christmas",
]
PersonalDate = Literal["birthday", "enrolled", "first_order"]
END = "end"
"""The name that leads out of a flow."""


class Part(BaseModel):
    """A part of a document: it never changes, and has no fields but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Check(Part):
    """One condition: exactly one of `is`, `in`, `at_least`, `at_most` and `known` about `what`."""

    what: What
    is_: Annotated[Value | None, Field(alias="is")] = None
    in_: Annotated[tuple[Value, ...] | None, Field(alias="in", min_length=1, max_length=50)] = None
    at_least: Bound | None = None
    at_most: Bound | None = None
    known: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> Check:
        given = [o for o in (self.is_, self.in_, self.at_least, self.at_most, self.known) if o is not None]
        if len(given) != 1:
            raise ValueError("say exactly one of is, in, at_least, at_most, known")
        return self

    def holds(self, value: Any) -> bool:
        """Whether it is so of this value; of None only `known: false` is."""
        if self.known is not None:
            return (value is not None) == self.known
        if value is None:
            return False
        if self.is_ is not None:
            return _same(value, self.is_)
        if self.in_ is not None:
            return any(_same(value, one) for one in self.in_)
        try:
            number = float(value)
        except (TypeError, ValueError):
            return False
        return number >= self.at_least if self.at_least is not None else number <= (self.at_most or 0)


def _same(value: Any, wanted: str | bool | int) -> bool:
    if isinstance(value, tuple | list):
        return any(_same(one, wanted) for one in value)
    if isinstance(value, bool) or isinstance(wanted, bool):
        return str(value).lower() == str(wanted).lower()
    return str(value) == str(wanted)


class EventTrigger(Part):
    """An event starts it, where all of `where` hold of its fields (MSG-038); entering a segment is an event, too.

    `cause`: what it is about, once for ever, with fields in braces; absent: each event by itself. `cause_at`: the field
    that staleness counts from; absent: the event's time. `details`: names that texts use, each a field of the event.
    `stands`: a message of it is untrue once a later event says otherwise.
    """

    on: Literal["event"] = "event"
    event: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=60)]
    where: Annotated[tuple[Check, ...], Field(max_length=20)] = ()
    cause: Annotated[str, Field(max_length=200)] | None = None
    cause_at: Slug | None = None
    details: Annotated[dict[Slug, Slug], Field(max_length=20)] = {}
    stands: bool = False


class Dated(Part):
    """`days` after the day (negative: before), at this time of day where the recipient is."""

    days: Lead = 0
    at: LocalHour = time(9, 30)


class PersonalDateTrigger(Dated):
    """A day of the customer's own that comes every year; one of 29 February comes on 28 February in other years."""

    on: Literal["date"] = "date"
    date: PersonalDate


class HolidayTrigger(Dated):
    """A holiday, by the solar or the lunar calendar (MSG-031)."""

    on: Literal["holiday"] = "holiday"
    holiday: Holiday


class MemberDayTrigger(Dated):
    """A day of every month; in a shorter month its last day (MSG-047)."""

    on: Literal["member_day"] = "member_day"
    day: Annotated[int, Field(ge=1, le=31, strict=True)]


class DatesTrigger(Dated):
    """Days of the shop's calendar, every year (`12-12`) or once (`2026-08-28`) (MSG-034)."""

    on: Literal["dates"] = "dates"
    dates: Annotated[
        tuple[Annotated[str, Field(pattern=r"^(\d{4}-)?\d{2}-\d{2}$")], ...], Field(min_length=1, max_length=50)
    ]

    @model_validator(mode="after")
    def _days(self) -> DatesTrigger:
        for text in self.dates:
            date.fromisoformat(text if len(text) > 5 else f"2024-{text}")
        return self


class NewArrivalTrigger(Dated):
    """The day on which products are launched, once however many there are (MSG-032)."""

    on: Literal["new_arrival"] = "new_arrival"


Trigger = Annotated[
    EventTrigger | PersonalDateTrigger | HolidayTrigger | MemberDayTrigger | DatesTrigger | NewArrivalTrigger,
    Field(discriminator="on"),
]


class Again(Part):
    """Who went through it goes again: for every cause, after so many days, or never."""

    rule: Literal["each_cause", "after_days", "never"] = "each_cause"
    days: Annotated[int, Field(ge=1, le=1_000, strict=True)] | None = None

    @model_validator(mode="after")
    def _days(self) -> Again:
        if (self.rule == "after_days") != (self.days is not None):
            raise ValueError("`days` belongs to `after_days`, which needs it")
        return self


class Untrue(Part):
    """What makes a message untrue, or needless; looked for at the decision and once more at hand-off.

    `purchase`: an order placed since. `order_state`: the order has gone on to a state with a notice of its own.
    `order_in`: the order is in one of these. `parcel_status`: the carrier has said something else since. `regained`:
    the customer had the tier before, lost it, and was told then. And what the customer can use (MSG-056): `offer`: a
    coupon of this offer that is valid and unused; `in_stock`: the detail that names a product; `tiers`: one of these.
    """

    purchase: bool = False
    order_state: Literal["placed", "paid", "shipped", "delivered"] | None = None
    order_in: Annotated[tuple[str, ...], Field(max_length=7)] = ()
    parcel_status: Annotated[str, Field(max_length=40)] | None = None
    regained: bool = False
    offer: Annotated[str, Field(max_length=200)] | None = None
    in_stock: Slug | None = None
    tiers: Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=20)] = ()


class Step(Part):
    """`then`: the next step's id, or `end`; absent: the one that stands next."""

    id: Slug
    then: Slug | None = None


class MessageStep(Step):
    """A message by this template; `channels`: on each of them, absent: on those of the shop's policy."""

    do: Literal["message"] = "message"
    template: Slug
    purpose: MessagePurpose | None = None
    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=8)] | None = None


class WaitStep(Step):
    """So long, and then until `at` where the recipient is."""

    do: Literal["wait"] = "wait"
    days: Annotated[int, Field(ge=0, le=400, strict=True)] = 0
    hours: Annotated[int, Field(ge=0, le=23, strict=True)] = 0
    at: LocalHour | None = None


class CycleStep(Step):
    """Until `lead_days` before the customer's own usual gap has passed since the flow began (MSG-041)."""

    do: Literal["wait_for_cycle"] = "wait_for_cycle"
    lead_days: Annotated[int, Field(ge=0, le=60, strict=True)] = 3


class UntilStep(Step):
    """Until all of `when` hold: `then`; or for so many days: `otherwise`."""

    do: Literal["wait_until"] = "wait_until"
    when: Annotated[tuple[Check, ...], Field(min_length=1, max_length=20)]
    days: Annotated[int, Field(ge=1, le=400, strict=True)]
    otherwise: Slug = END


class CouponStep(Step):
    """A coupon of this offer for the customer, which membership issues: `then` once it is there, `otherwise` where it
    has not come within a day (no such offer, or over), and at once where no offer of the flow may be written to the
    customer (address, consent). One a customer and cause; who has a usable one gets no second
    (MSG-026, MSG-029, MSG-037, MSG-044)."""

    do: Literal["coupon"] = "coupon"
    offer: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_.-]+$")]
    otherwise: Slug = END


class TaskStep(Step):
    """Something that a person of the shop does for the customer: it goes into the one queue of staff tasks, and the
    flow goes on (XCT-003). One a customer and cause. `title` and `owner` name no customer; due in so many days."""

    do: Literal["task"] = "task"
    kind: StaffTaskKind
    title: Annotated[str, Field(min_length=1, max_length=200)]
    owner: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    due_days: Annotated[int, Field(ge=0, le=90, strict=True)] = 2


class Case(Part):
    when: Annotated[tuple[Check, ...], Field(min_length=1, max_length=20)]
    then: Slug


class BranchStep(Step):
    """The first case of which all conditions hold; else `then`."""

    do: Literal["branch"] = "branch"
    cases: Annotated[tuple[Case, ...], Field(min_length=1, max_length=20)]


AnyStep = Annotated[
    MessageStep | WaitStep | CycleStep | UntilStep | CouponStep | TaskStep | BranchStep, Field(discriminator="do")
]
Waiting = (WaitStep, CycleStep, UntilStep)


class FlowDocument(Part):
    """A flow. `rank` says which message goes first where several are due: service answer 0, transactional 1, survey 2,
    tier 3, win-back 4, promotion 5. `only_if`: asked when it begins. `goals`: any of them ends it, at every step."""

    flow: Slug
    title: Annotated[str, Field(min_length=1, max_length=200)]
    enabled: bool = True
    purpose: MessagePurpose = "marketing"
    rank: Annotated[int, Field(ge=0, le=9, strict=True)] = 5
    trigger: Trigger
    only_if: Annotated[tuple[Check, ...], Field(max_length=20)] = ()
    again: Again = Again()
    goals: Annotated[tuple[Check, ...], Field(max_length=20)] = ()
    untrue: Untrue = Untrue()
    steps: Annotated[tuple[AnyStep, ...], Field(min_length=1, max_length=50)]

    @property
    def at_once(self) -> bool:
        """One message and nothing to wait for or to ask: its event makes the candidate, without a run."""
        plain = len(self.steps) == 1 and isinstance(self.steps[0], MessageStep)
        return plain and not self.only_if and self.again.rule == "each_cause"

    @property
    def messages(self) -> list[MessageStep]:
        """All its messages."""
        return [step for step in self.steps if isinstance(step, MessageStep)]

    @property
    def gives_coupons(self) -> bool:
        """Whether a step asks for a coupon."""
        return any(isinstance(step, CouponStep) for step in self.steps)

    @property
    def asks_of_messages(self) -> bool:
        """Whether a condition asks what became of a message of the flow."""
        return self._asks("message.")

    @property
    def asks_of_clicks(self) -> bool:
        """Whether a condition asks if a link of a message of the flow was followed."""
        return self._asks("clicked.")

    def _asks(self, family: str) -> bool:
        inner = (test for step in self.steps for _, _, when in self.ways(step) for test in when)
        return any(test.what.startswith(family) for test in (*self.goals, *self.only_if, *inner))

    def step(self, name: str) -> AnyStep | None:
        """The step of that id."""
        return next((step for step in self.steps if step.id == name), None)

    def following(self, step: AnyStep) -> str:
        """Where it goes on after a step, its cases and `otherwise` aside."""
        if step.then is not None:
            return step.then
        place = self.steps.index(step) + 1
        return self.steps[place].id if place < len(self.steps) else END

    def ways(self, step: AnyStep) -> list[tuple[str, str, Sequence[Check]]]:
        """All ways out of a step: (kind, id of the next or `end`, conditions of a case)."""
        found: list[tuple[str, str, Sequence[Check]]] = []
        if isinstance(step, BranchStep):
            found = [("case", case.then, case.when) for case in step.cases]
            return [*found, ("else", self.following(step), ())]
        if isinstance(step, UntilStep):
            return [("case", self.following(step), step.when), ("else", step.otherwise, ())]
        if isinstance(step, CouponStep):
            there = Check(what=f"coupon.{step.offer}", known=True)
            return [("case", self.following(step), (there,)), ("else", step.otherwise, ())]
        return [("then", self.following(step), ())]
