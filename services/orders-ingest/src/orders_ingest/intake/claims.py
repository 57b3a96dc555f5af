"""Claims of what is taken: one outcome for all events of one name, and a name given back where all were refused."""

from __future__ import annotations

from collections.abc import Sequence

from common.bus.inbox import body_hash, claim_each
from common.events.orders import OrderEvent
from common.refusals import Conflict
from common.storage.database import Transaction
from orders_ingest.intake import store
from orders_ingest.intake.state import Name, Offered, Outcome, refused


class SameIdOtherBody(Conflict):
    """An event's name was used before for another body."""

    def __init__(self) -> None:
        super().__init__("same_id_other_body", "this id was used before for another body: give the event a new id")


class Claims:
    """What was claimed of one list of offered events; `found` says new, duplicate or conflict of each."""

    def __init__(self, offered: Sequence[Offered], found: Sequence[str]) -> None:
        self._offered = offered
        self._fresh = {one.name for one, claim in zip(offered, found, strict=True) if claim == "new"}
        self._conflicts = {id(one) for one, claim in zip(offered, found, strict=True) if claim == "conflict"}
        self._accepted: dict[Name, bytes] = {}
        self._refused: dict[tuple[Name, bytes], Outcome] = {}

    @property
    def concerned(self) -> list[Offered]:
        """Those that may change something, or whose order must be known to answer."""
        return [one for one in self._offered if one.name in self._fresh or self.is_late(one)]

    @property
    def refused_any(self) -> bool:
        """Whether anything new was refused, so that claims are to be given back."""
        return bool(self._refused)

    @property
    def lost(self) -> list[Offered]:
        """The first of each name of which nothing was accepted."""
        return [one for name, one in self._first().items() if name not in self._accepted]

    def is_late(self, one: Offered) -> bool:
        """A version of an order that an upsert derived again, from another body than the first time."""
        if one.name in self._fresh or id(one) not in self._conflicts:
            return False
        return one.upserted and isinstance(one.event.data, OrderEvent)

    def known(self, one: Offered) -> Outcome | None:
        """The outcome of a repetition, of an earlier event or of one in this list; None of what is new."""
        name, digest = one.name, body_hash(one.claimed)
        if name not in self._fresh:
            same = id(one) not in self._conflicts
        elif name in self._accepted:
            same = self._accepted[name] == digest
        else:
            return self._refused.get((name, digest))
        if not same:
            return refused(one.event.id, SameIdOtherBody())
        return Outcome(one.event.id, "duplicate", left_out=one.left_out)

    def accept(self, one: Offered) -> None:
        """It was new, and is taken."""
        self._accepted[one.name] = body_hash(one.claimed)

    def refuse(self, one: Offered, outcome: Outcome) -> None:
        """It was new, and is not taken: the same is refused alike, another body of that name may still be taken."""
        self._refused[one.name, body_hash(one.claimed)] = outcome

    async def give_back(self, tx: Transaction) -> None:
        """Remove the claims of what was refused, so that a mended event may keep its id."""
        await store.delete_claims(tx, [one.name for one in self.lost])
        await store.update_claims(
            tx,
            [
                (*name, self._accepted[name])
                for name, one in self._first().items()
                if name in self._accepted and self._accepted[name] != body_hash(one.claimed)
            ],
        )

    def _first(self) -> dict[Name, Offered]:
        first: dict[Name, Offered] = {}
        for one in self._offered:
            if one.name in self._fresh:
                first.setdefault(one.name, one)
        return first


async def claim(tx: Transaction, offered: Sequence[Offered]) -> Claims:
    """Claim the names of all that is offered; the first write of the unit of work."""
    return Claims(offered, await claim_each(tx, [(one.event, one.claimed) for one in offered]))
