"""Customers of whom nothing is known that sets them apart: those who are alike are decided once. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from common.crypto.keys import CustomerKeyRow
from common.events import CustomerKey
from common.events.customers import Channel
from common.shops.settings import ShopSettings
from messaging.conditions.state import Facts
from messaging.consent.state import Statement, register_of
from messaging.contacts.state import Contact, ContactAddress
from messaging.decisions.batch import decide_together
from messaging.decisions.state import Decided, Known
from messaging.flows.state import Candidate
from messaging.halts.state import Halts
from messaging.limits.caps.state import Places
from messaging.policy.state import PolicyVersion
from messaging.templates.kinds import Kinds


class Unhindered(NamedTuple):
    """A customer who is nobody else's, with a key, with an address on the channel that did not bounce and that nobody
    else spoke about, who said yes to marketing there and never no to anything, and has no open complaint.

    `others`: their addresses on other channels. `contacted`: something was sent to the customer or to these addresses.
    """

    customer: str
    address: bytes
    zone: str | None
    others: Sequence[bytes] = ()
    contacted: bool = False

    @property
    def addresses(self) -> list[bytes]:
        """All their addresses."""
        return [self.address, *self.others]


def apart(found: Sequence[Unhindered]) -> list[Unhindered]:
    """Those who share no address with another one of these: messages to one mailbox are decided one after the other."""
    shared = Counter(address for one in found for address in set(one.addresses))
    return [one for one in found if all(shared[address] == 1 for address in one.addresses)]


class Alike:
    """Decides what the sweep would decide, by the same function, for one page of a campaign's customers."""

    def __init__(
        self,
        version: PolicyVersion,
        shop: ShopSettings,
        channels: Collection[str],
        flows: Collection[str],
        kinds: Kinds,
        halted: Halts,
        now: datetime,
    ) -> None:
        self._version, self._shop, self._channels, self._flows = version, shop, channels, flows
        self._kinds, self._halted, self._now = kinds, halted, now
        self._known: dict[tuple[str | None, str], Decided] = {}

    def decide(self, candidate: Candidate, one: Unhindered) -> Decided:
        """Of who was never written to: as of the first such customer with the same zone and text."""
        alike = one.zone, candidate.template
        if alike not in self._known:
            self._known[alike] = self.decide_with(candidate, one, Places(), ())
        return self._known[alike]

    def decide_with(
        self, candidate: Candidate, one: Unhindered, places: Places, purchases: Sequence[datetime]
    ) -> Decided:
        """With the messages that hold places, and when the customer ordered."""
        known = {candidate.key: _known(candidate.key, candidate.channel, one, purchases)}
        (decided,) = decide_together(
            [candidate],
            known,
            places,
            self._version,
            self._shop,
            self._channels,
            self._flows,
            self._now,
            replay=False,
            kinds=self._kinds,
            halted=self._halted,
        )
        return decided


def _known(key: CustomerKey, channel: Channel, one: Unhindered, purchases: Sequence[datetime]) -> Known:
    """What `Unhindered` says of a customer, as a decision looks at it."""
    at = datetime.min.replace(tzinfo=UTC)
    contact = Contact(key, 0, at, zone=one.zone, addresses={channel: ContactAddress("", "", one.address)})
    known = Known(contact, CustomerKeyRow(None, None, None), facts=Facts(purchases=list(purchases)), people=[key])
    known.register = register_of([Statement(channel, "marketing", at, 0, "", "", "granted", one.address)])
    return known
