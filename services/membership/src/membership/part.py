"""What a part brings to the fold of a member, and the work that an input or a due makes for the parts.

A part is a capability's share in the fold: its own state, what each input does to it, what falls due by itself, what
it posts to a ledger, what it announces, and the rows it keeps beside the state. fold.py composes them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import Row

from common.events import CustomerKey, Event, EventData
from common.events.kept import Fields
from common.fold.items import Wanted
from common.fold.working import Folded
from common.storage.database import Transaction
from membership.ledger.legs import Balances, Book
from membership.member import Member, PartState, Share
from membership.programme.versions import ShopRules
from membership.qualification.history import Entry, Sums, history_of
from membership.qualification.recent import Recent, UpToNow

S = TypeVar("S", bound=PartState)
N = TypeVar("N")
Wants = Callable[[Member, Event[Any], ShopRules], Wanted]


class Work:
    """One input or due at work on one member: the rules, and what the parts leave for those after them.

    `legs` are what was moved, by book. `reason`, `order_id` and `origin` say why, in what is announced. `evaluate`:
    something happened that may lead to a tier. `requalify`: something completed at that instant is no longer what it
    was, and why. `changed` are rows of the parts' own tables.
    """

    __slots__ = (
        "_notes",
        "at",
        "changed",
        "evaluate",
        "legs",
        "member",
        "order_id",
        "origin",
        "programme",
        "reason",
        "requalify",
        "shop",
        "sums",
    )

    def __init__(self, member: Member, shop: ShopRules, at: datetime, reason: str = "") -> None:
        self.member, self.shop, self.at, self.reason = member, shop, at, reason
        self.sums: Sums = UpToNow(member, shop)
        self.programme = shop.at(at)
        self.legs: dict[Book, Balances] = {}
        self.order_id: str | None = None
        self.origin: str | None = None
        self.evaluate = False
        self.requalify: tuple[datetime, str] | None = None
        self.changed: list[Any] = []
        self._notes: dict[type[Any], Any] = {}

    @property
    def whole(self) -> bool:
        """Whether the member was folded from the start, so that everything of the past is at hand."""
        return self.member.items.whole

    def enter(self, entry: Entry) -> None:
        """Something that leads to tiers."""
        Recent.of(self.member).enter(entry, self.shop)
        if self.whole:
            history_of(self.member).add(entry)

    def note(self, note: Any) -> None:
        """Leave a note, one of its class, for the parts that come after."""
        self._notes[type(note)] = note

    def noted(self, kind: type[N]) -> N | None:
        """The note of that class, which a part before has left of this input."""
        return cast("N | None", self._notes.get(kind))


class Part(Generic[S]):
    """A part; what it does not bring is inherited and does nothing.

    `shares`: what it keeps in the member's items, one row each, because there may be many.
    `inputs`: what each type of event does, in the part's own state alone. `reads`: the fields that it reads of them,
    which alone are kept. `wants`: the items that the part reads or changes by an event of the type, as far as it shows
    by those that are loaded; `EVERYTHING` where only a fold from the start can tell what the event does. `dues`: what
    each kind of what falls due for it does.
    `book`: the ledger that must come to its `balances`. `announced_first`: what its facts say is what the customer is,
    which comes before what the customer has.
    """

    name: str
    state: type[S] | None = None
    shares: tuple[Share[Any], ...] = ()
    inputs: Mapping[type[EventData], Callable[[Work, Any], None]] = {}
    reads: Mapping[type[EventData], Fields] = {}
    wants: Mapping[type[EventData], Wants] = {}
    dues: Mapping[str, Callable[[Work], None]] = {}
    book: Book | None = None
    announced_first = False

    def wants_due(self, member: Member, kind: str) -> Wanted:
        """As `wants`, of what falls due."""
        return ()

    def next_due(self, member: Member, shop: ShopRules) -> tuple[datetime, str] | None:
        """When what falls due next, and its kind."""
        return None

    def follow(self, work: Work) -> None:
        """Do what follows from what all parts made of an input."""

    def balances(self, member: Member) -> Balances:
        """Every balance other than zero, of a member folded from the start: what the sums of the book must be."""
        return {}

    def announced(self, member: Member) -> Any:
        """What is announced when it changes; compared with what it was before."""
        return None

    def facts(self, before: Any, after: Any, work: Work) -> Iterable[EventData]:
        """What is announced of the difference between two of `announced`, which differ."""
        return ()

    def said(self, fact: EventData) -> Mapping[str, Any] | None:
        """What a fact says of the member from now on, as JSON holds it; None: it is not of this part."""
        return None

    def says(self, member: Member) -> Mapping[str, Any]:
        """What the facts of this part must have said last, as every change is announced; 0 and None count as unsaid."""
        return {}

    def changed(self, rows: Sequence[Row[Any]], after: Member) -> Iterable[Any]:
        """What is to be changed in the part's own rows of a member."""
        return ()

    async def save(self, tx: Transaction, folded: Folded[Member]) -> None:
        """Keep the part's own rows."""

    async def moved(self, tx: Transaction, customers: Collection[CustomerKey]) -> None:
        """Inputs were moved among the histories of these customers, who are locked: move the part's own rows."""

    async def rows_of(self, tx: Transaction, keys: Collection[CustomerKey]) -> Mapping[CustomerKey, Sequence[Row[Any]]]:
        """The part's own rows of these customers; who has none may be left out."""
        return {}

    async def rows(self, tx: Transaction, after: CustomerKey, last: CustomerKey | None) -> Sequence[Row[Any]]:
        """The part's own rows of the customers behind `after` through `last` (None: to the very end)."""
        return ()

    def wrong_rows(self, member: Member, inputs: Sequence[Event[Any]], rows: Sequence[Row[Any]]) -> Iterator[str]:
        """A sentence for each of the part's own rows that is not what state and inputs make it."""
        return iter(())
