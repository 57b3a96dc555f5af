"""The fold of a member, composed of parts: what an order, a review, a redemption or time itself makes of a member."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any, Protocol

from pydantic import Field, create_model

from common.events import Event, EventData
from common.fold.customers import Folded
from common.fold.folding import Due, Effect
from common.storage.database import Transaction
from membership.announcements.store import save_announced
from membership.check_in.part import PART as CHECK_IN
from membership.growth.part import PART as GROWTH
from membership.ledger import store as ledger
from membership.ledger.legs import Balances, Posting, difference, legs_of
from membership.member import Member
from membership.orders.part import PART as ORDERS
from membership.part import Part, Work
from membership.points.part import PART as POINTS
from membership.programme.versions import ShopRules
from membership.qualification.history import History
from membership.tiers.part import PART as TIERS

PARTS: tuple[Part[Any], ...] = (ORDERS, POINTS, GROWTH, CHECK_IN, TIERS)
"""Every part sees an input after those that stand before it, and none reads what one after it makes of that input.

So an order is taken before it earns, it earns by the tier held before it, and the tier is evaluated last, on all that
the others have entered into the history. What falls due at one instant is done in this order too.
"""


def _that_bring(method: str) -> tuple[Part[Any], ...]:
    """The parts that do not merely inherit it."""
    return tuple(part for part in PARTS if getattr(type(part), method) is not getattr(Part, method))


_TAKES: dict[type[EventData], list[Callable[[Work, Any], None]]] = defaultdict(list)
for _part in PARTS:
    for _type, _take in _part.inputs.items():
        _TAKES[_type].append(_take)
INPUTS = tuple(_TAKES)
"""The types of events that are folded."""
_ENTERING = _that_bring("entries")
_SAVING = _that_bring("save")
_WITH_DUES = _that_bring("next_due")
_OF_DUE = {kind: part for part in PARTS for kind in part.dues}
_FOLLOWING = _that_bring("follow")
_ANNOUNCING = sorted(_that_bring("announced"), key=lambda part: not part.announced_first)
_fields: dict[str, Any] = {part.state.NAME: (part.state, Field(default_factory=part.state)) for part in PARTS}
MemberState: type[Member] = create_model("MemberState", __base__=Member, **_fields)


class Rulebook(Protocol):
    """Finds a shop's rules: `rules[shop]`."""

    def __getitem__(self, shop: str, /) -> ShopRules: ...


class MemberFolding:
    """The parts, as common.fold folds a customer by them.

    `silent`: only the states are wanted, to be compared or counted; nothing is posted or announced.
    """

    state: type[Member] = MemberState

    def __init__(self, rules: Rulebook | Mapping[str, ShopRules], *, silent: bool = False) -> None:
        self._rules = rules
        self._silent = silent

    def empty(self) -> Member:
        return MemberState()

    def next_due(self, state: Member) -> Due | None:
        if not state.shop:
            return None
        shop, first = self._rules[state.shop], None
        for part in _WITH_DUES:
            due = part.next_due(state, shop)
            if due is not None and (first is None or due[0] < first[0]):
                first = due
        return None if first is None else Due(*first)

    def fall_due(self, state: Member, due: Due) -> list[Effect]:
        work, before = self._begin(state, due.at)
        _OF_DUE[due.kind].fall_due(work, due.kind)
        return self._effects(work, before)

    def apply(self, state: Member, event: Event[Any]) -> list[Effect]:
        state.shop = event.shop
        work, before = self._begin(state, event.time)
        for take in _TAKES[type(event.data)]:
            take(work, event.data)
        for part in _FOLLOWING:
            part.follow(work)
        return self._effects(work, before)

    def difference(self, before: Member, after: Member, at: datetime) -> list[Effect]:
        """What makes what was posted and announced before true again; facts bear reason `correction`."""
        work = Work(after, self._rules[after.shop], at, history_of(after), "correction")
        postings = [
            Posting(part.book, difference(part.balances(before), part.balances(after))) for part in PARTS if part.book
        ]
        rows = (row for part in PARTS for row in part.changed(before, after))
        facts = _facts(work, [part.announced(before) for part in _ANNOUNCING])
        return [Effect(data, at) for data in chain((made for made in postings if made.legs), rows, facts)]

    def _begin(self, state: Member, at: datetime) -> tuple[Work, list[Any]]:
        work = Work(state, self._rules[state.shop], at, history_of(state))
        return work, [] if self._silent else [part.announced(state) for part in _ANNOUNCING]

    def _effects(self, work: Work, before: list[Any]) -> list[Effect]:
        if self._silent:
            return []
        postings = (Posting(book, legs) for book, moved in work.legs.items() if (legs := legs_of(moved)))
        return [Effect(data, work.at) for data in chain(postings, work.changed, _facts(work, before))]


def _facts(work: Work, before: list[Any]) -> Iterator[EventData]:
    """What is announced of the difference between then and now."""
    for part, then in zip(_ANNOUNCING, before, strict=True):
        now = part.announced(work.member)
        if now != then:
            yield from part.facts(then, now, work)


def history_of(member: Member) -> History:
    """What leads to tiers: kept beside the state, and made from it where it has just been read."""
    kept: History | None = getattr(member, "_history", None)
    if kept is None:
        kept = History(chain.from_iterable(part.entries(member) for part in _ENTERING))
        object.__setattr__(member, "_history", kept)
    return kept


def load(state: str | None) -> Member:
    """A member from the stored JSON; an empty one where nothing was folded yet."""
    return MemberState() if state is None else MemberState.model_validate_json(state)


def balances(member: Member) -> Balances:
    """Every balance of both books other than zero; no account stands in both."""
    return {key: amount for part in PARTS for key, amount in part.balances(member).items()}


async def save(tx: Transaction, folded: Folded[Member]) -> None:
    """Post the legs, keep the parts' rows, announce the facts of what was folded."""
    await ledger.insert_legs(tx, folded.steps)
    for part in _SAVING:
        await part.save(tx, folded)
    facts = folded.facts()
    await tx.announce(facts)
    await save_announced(tx, [(fact.customer, fact.data.revision, _said(fact.data)) for fact in facts])


def _said(fact: EventData) -> Mapping[str, Any]:
    """What the fact says of the member, by the part whose it is."""
    return next((said for part in _ANNOUNCING if (said := part.said(fact)) is not None), {})
