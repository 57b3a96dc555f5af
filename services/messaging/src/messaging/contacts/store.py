"""Contact data at its newest revision, and every address that a customer had, by channel and revision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from common.crypto.erasing import NOT_ERASED
from common.events import CustomerKey
from common.events.customers import Channel
from common.storage.columns import Columns
from common.storage.database import Transaction
from messaging.contacts.state import Contact, ContactAddress, HadAddress
from messaging.contacts.store_bounces import BOUNCED

_CUSTOMERS = Columns("w", shop="text", customer="text")
_CONTACTS = Columns(
    "w", shop="text", customer="text", revision="bigint", at="timestamptz", name="text", language="text", zone="text"
)
_ADDRESSES = Columns(
    "n",
    shop="text",
    customer="text",
    channel="text",
    revision="bigint",
    at="timestamptz",
    field="text",
    sealed="text",
    state="text",
    address="bytea",
)


async def save_contacts(tx: Transaction, contacts: Iterable[Contact]) -> None:
    """Keep the highest revision of each customer, of equal ones the later; of an erased one nothing. Addresses are
    saved by `save_addresses`."""
    newest: dict[CustomerKey, Contact] = {}
    for c in contacts:
        held = newest.get(c.key)
        if held is None or (held.revision, held.at) < (c.revision, c.at):
            newest[c.key] = c
    if not newest:
        return
    # An older revision that comes late changes nothing.
    await tx.execute(
        f"""
        insert into contacts (shop, customer, revision, at, name, language, zone) select * from {_CONTACTS}
        where {NOT_ERASED}
        on conflict (shop, customer) do update set revision = excluded.revision, at = excluded.at, name = excluded.name,
            language = excluded.language, zone = excluded.zone, recorded_at = clock_timestamp()
        where (contacts.revision, contacts.at) < (excluded.revision, excluded.at)
        """,
        **_CONTACTS.of((*c.key, c.revision, c.at, c.name, c.language, c.zone) for c in newest.values()),
    )


async def save_addresses(tx: Transaction, had: Sequence[HadAddress]) -> None:
    """Add addresses, or the hashes of those that were sealed. Idempotent; the customers are locked, their contact data
    is saved."""
    if not had:
        return
    # Every revision's, also an older one's that comes late: a statement is about the address of its time.
    await tx.execute(
        f"""
        insert into contact_addresses (shop, customer, channel, revision, at, field, sealed, state, address)
        select * from {_ADDRESSES}
        on conflict (shop, customer, channel, revision, at) do update
        set state = excluded.state, address = excluded.address
        where contact_addresses.state = 'sealed'
        """,
        **_ADDRESSES.of((*h.key, h.channel, h.revision, h.at, h.field, h.sealed, h.state, h.hash) for h in had),
    )
    # Of what is superseded the hash alone stays.
    await tx.execute(
        f"""
        update contact_addresses a set sealed = null
        from {_CUSTOMERS} join contacts c using (shop, customer)
        where a.shop = w.shop and a.customer = w.customer and a.state <> 'sealed' and a.sealed is not null
            and (a.revision, a.at) <> (c.revision, c.at)
        """,
        **_CUSTOMERS.of(sorted({h.key for h in had})),
    )


async def get_sealed(tx: Transaction, keys: Sequence[CustomerKey]) -> list[HadAddress]:
    """The customers' addresses that could not be hashed for want of a key."""
    # By primary key.
    rows = await tx.fetch(
        f"""
        select a.shop, a.customer, a.channel, a.revision, a.at, a.field, a.sealed
        from {_CUSTOMERS} join contact_addresses a using (shop, customer) where a.state = 'sealed'
        """,
        **_CUSTOMERS.of(keys),
    )
    return [HadAddress((r.shop, r.customer), r.channel, r.revision, r.at, r.field, r.sealed) for r in rows]


async def get_contacts(tx: Transaction, keys: Sequence[CustomerKey]) -> dict[CustomerKey, Contact]:
    """Contact data as it stands, with the addresses of the newest revision, and whether those bounced.

    Customers without any are left out.
    """
    addresses: dict[CustomerKey, dict[Channel, ContactAddress]] = {}
    found: dict[CustomerKey, Contact] = {}
    # By primary keys: a row a channel, or one without a channel.
    for r in await tx.fetch(
        f"""
        select c.shop, c.customer, c.revision, c.at, c.name, c.language, c.zone, a.channel, a.field, a.sealed,
            a.address, {BOUNCED} as bounced
        from {_CUSTOMERS} join contacts c using (shop, customer)
        left join contact_addresses a
            on a.shop = c.shop and a.customer = c.customer and a.revision = c.revision and a.at = c.at
        left join bounces b on b.shop = a.shop and b.address = a.address
        """,
        **_CUSTOMERS.of(keys),
    ):
        key = (r.shop, r.customer)
        of = addresses.setdefault(key, {})
        if key not in found:
            found[key] = Contact(key, r.revision, r.at, r.name, r.language, r.zone, of)
        if r.channel is not None:
            of[r.channel] = ContactAddress(r.field, r.sealed, r.address, r.bounced)
    return found


async def get_address(tx: Transaction, key: CustomerKey, channel: Channel) -> bytes | None:
    """The hash of the address that the customer has on this channel now."""
    # By primary keys.
    found: bytes | None = await tx.value(
        """
        select a.address from contacts c join contact_addresses a
            on a.shop = c.shop and a.customer = c.customer and a.revision = c.revision and a.at = c.at
        where c.shop = :shop and c.customer = :customer and a.channel = :channel
        """,
        shop=key[0],
        customer=key[1],
        channel=channel,
    )
    return found


async def forget_contacts(tx: Transaction, keys: Sequence[CustomerKey]) -> None:
    """Forget name, language, zone and all addresses of these erased customers, and remember when of a shop that was
    done last."""
    # By primary key.
    await tx.execute(
        f"delete from contacts c using {_CUSTOMERS} where c.shop = w.shop and c.customer = w.customer",
        **_CUSTOMERS.of(keys),
    )
    await tx.execute(
        f"delete from contact_addresses a using {_CUSTOMERS} where a.shop = w.shop and a.customer = w.customer",
        **_CUSTOMERS.of(keys),
    )
    # Real time, as inputs and decisions are recorded.
    await tx.execute(
        """
        insert into addresses_forgotten (shop, at)
        select shop, clock_timestamp() from unnest(cast(:shops as text[])) as w(shop)
        on conflict (shop) do update set at = excluded.at
        """,
        shops=sorted({shop for shop, _ in keys}),
    )
