"""The fold of a member, composed of parts: what an order, a review, a redemption or time itself makes of a member."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple, Protocol

from pydantic import Field, create_model
from sqlalchemy import Row
from typing_extensions import TypedDict

from common.events import CustomerKey, Event, EventData
from common.events.kept import Kept
from common.fold.folding import Due, Effect, Folding
from common.fold.items import Wanted
from common.fold.working import Folded
from common.storage.database import Transaction
from membership.announcements.store import delete_announced, save_announced
from membership.balances.part import PART as BALANCES
from membership.benefits.part import PART as BENEFITS
from membership.check_in.part import PART as CHECK_IN
from membership.drop_warning.part import PART as DROP_WARNING
from membership.growth.part import PART as GROWTH
from membership.ledger import store as ledger
from membership.ledger.legs import Balances, Book, Posting, difference, legs_of
from membership.manual_changes.part import PART as MANUAL_CHANGES
from membership.member import Member
from membership.orders.part import PART as ORDERS
from membership.part import Part, Wants, Work
from membership.points.part import PART as POINTS
from membership.programme.versions import ShopRules
from membership.qualification.recent import Recent
from membership.tenure.part import PART as TENURE
from membership.tiers.part import PART as TIERS

PARTS: tuple[Part[Any], ...] = (
    ORDERS,
    BENEFITS,
    POINTS,
    GROWTH,
    BALANCES,
    CHECK_IN,
    TIERS,
    TENURE,
    DROP_WARNING,
    MANUAL_CHANGES,
)
"""Every part sees an input after those that stand before it, and none reads what one after it makes of that input.

So an order is taken before it earns, it earns by the tier held before it, the tier is evaluated on all that the others
have entered into the history, and who may lose it is looked at last. What falls due at one instant is done in this
order too.
"""


def _that_bring(method: str) -> tuple[Part[Any], ...]:
    """The parts that do not merely inherit it."""
    return tuple(part for part in PARTS if getattr(type(part), method) is not getattr(Part, method))


_TAKES: dict[type[EventData], list[Callable[[Work, Any], None]]] = defaultdict(list)
_WANTS: dict[type[EventData], list[Wants]] = defaultdict(list)
for _part in PARTS:
    for _type, _take in _part.inputs.items():
        _TAKES[_type].append(_take)
    for _type, _wants in _part.wants.items():
        _WANTS[_type].append(_wants)
INPUTS = tuple(_TAKES)
"""The types of events that are folded."""
KEPT = Kept.together([{kind: () for kind in INPUTS}, *(part.reads for part in PARTS)])
"""What the histories keep of them."""
_WITH_DUES = _that_bring("next_due")
_OF_DUE = {kind: part for part in PARTS for kind in part.dues}
_SAVING = _that_bring("save")
_WITH_ROWS = _that_bring("rows_of")
_FOLLOWING = _that_bring("follow")
_MOVING = _that_bring("moved")
_ANNOUNCING = sorted(_that_bring("announced"), key=lambda part: not part.announced_first)
_states = [part.state for part in PARTS if part.state is not None] + [Recent]
_fields: dict[str, Any] = {state.NAME: (state, Field(default_factory=state)) for state in _states}
MemberState: type[Member] = create_model("MemberState", __base__=Member, **_fields)
# In order of name, as an item is made: what is read back keeps the order that stands here.
_shares = dict(sorted((share.field, share.made) for part in PARTS for share in part.shares))
_Item: Any = TypedDict("_Item", _shares, total=False)  # type: ignore[misc]


class Posted(NamedTuple):
    """What is stored of a member beside the state: what the ledgers come to, by book, and the parts' own rows."""

    sums: Mapping[Book, Balances]
    rows: Sequence[Sequence[Row[Any]]]


class Rulebook(Protocol):
    """Finds a shop's rules: `rules[shop]`."""

    def __getitem__(self, shop: str, /) -> ShopRules: ...


class MemberFolding(Folding[Member]):
    """The parts, as common.fold folds a customer by them.

    `silent`: only the states are wanted, to be compared or counted; nothing is posted or announced.
    """

    state = MemberState
    kept = KEPT
    item = _Item

    def __init__(self, rules: Rulebook | Mapping[str, ShopRules], *, silent: bool = False) -> None:
        self._rules = rules
        self._silent = silent

    def rules_of(self, shop: str) -> ShopRules:
        return self._rules[shop]

    def wants(self, state: Member, cause: Event[Any] | Due) -> Wanted:
        if isinstance(cause, Due):
            return list(_OF_DUE[cause.kind].wants_due(state, cause.kind))
        shop = self._rules[cause.shop]
        return [name for wants in _WANTS[type(cause.data)] for name in wants(state, cause, shop)]

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
        _OF_DUE[due.kind].dues[due.kind](work)
        return self._effects(work, before)

    def apply(self, state: Member, event: Event[Any]) -> list[Effect]:
        state.shop = event.shop
        work, before = self._begin(state, event.time)
        for take in _TAKES[type(event.data)]:
            take(work, event.data)
        for part in _FOLLOWING:
            part.follow(work)
        return self._effects(work, before)

    async def moved(self, tx: Transaction, customers: Collection[CustomerKey]) -> None:
        for part in _MOVING:
            await part.moved(tx, customers)

    def absorbed(self, before: Member, posted: Posted, at: datetime) -> list[Effect]:
        """The ledgers come to nothing; what the member had is the survivor's."""
        postings = (Posting(part.book, difference(posted.sums[part.book], {})) for part in PARTS if part.book)
        return [Effect(made, at) for made in postings if made.legs]

    async def posted(self, tx: Transaction, keys: Collection[CustomerKey]) -> dict[CustomerKey, Posted]:
        rows = [await part.rows_of(tx, keys) for part in _WITH_ROWS]
        sums = await ledger.sums_of(tx, keys)
        return {key: Posted(sums[key], [of_part.get(key, ()) for of_part in rows]) for key in keys}

    def difference(self, before: Member, posted: Posted, after: Member, at: datetime) -> list[Effect]:
        """What makes what was posted and announced before true again; facts bear reason `correction`."""
        # A state without inputs knows no shop: it is the empty one, of somebody whose merge was undone.
        shop = after.shop or before.shop
        if not shop:
            return []
        work = Work(after, self._rules[shop], at, "correction")
        postings = [
            Posting(part.book, difference(posted.sums[part.book], part.balances(after))) for part in PARTS if part.book
        ]
        rows = (row for part, kept in zip(_WITH_ROWS, posted.rows, strict=True) for row in part.changed(kept, after))
        facts = _facts(work, [part.announced(before) for part in _ANNOUNCING])
        return [Effect(data, at) for data in chain((made for made in postings if made.legs), rows, facts)]

    def _begin(self, state: Member, at: datetime) -> tuple[Work, list[Any]]:
        work = Work(state, self._rules[state.shop], at)
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


def load(state: str | None) -> Member:
    """A member from the stored JSON, without items; an empty one where nothing was folded yet."""
    return MemberState() if state is None else MemberState.model_validate_json(state).partly()


def balances(member: Member) -> Balances:
    """Every balance of both books other than zero, of a member folded from the start; no account stands in both."""
    return {key: amount for part in PARTS for key, amount in part.balances(member).items()}


async def save(tx: Transaction, folded: Folded[Member]) -> None:
    """Post the legs, keep the parts' rows, announce the facts of what was folded."""
    await ledger.insert_entries(tx, folded.steps)
    for part in _SAVING:
        await part.save(tx, folded)
    facts = folded.facts()
    await tx.announce(facts)
    await save_announced(tx, [(fact.customer, fact.data.revision, _said(fact.data)) for fact in facts])


async def settle_announced(tx: Transaction, folded: Folded[Member]) -> None:
    """After a merge: nothing is announced of an absorbed customer, and of the others all that is so."""
    absorbed = [key for key in folded.states if tx.locked[key].state is None]
    await delete_announced(tx, absorbed)
    standing = {key: state for key, state in folded.states.items() if key not in absorbed and tx.locked[key].revision}
    await save_announced(
        tx,
        [
            (key, tx.locked[key].revision, {name: said for part in PARTS for name, said in part.says(state).items()})
            for key, state in standing.items()
        ],
    )


def _said(fact: EventData) -> Mapping[str, Any]:
    """What the fact says of the member, by the part whose it is."""
    return next((said for part in _ANNOUNCING if (said := part.said(fact)) is not None), {})
