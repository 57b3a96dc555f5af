"""Writings of one address are one, and a bounce is its own, whichever customer ids have it. On a real PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from common.crypto.sealing import new_key, wrap
from common.events.customers import KeyIssued
from common.values.addresses import InvalidAddress, mailbox
from messaging.channels.smtp.connection import SmtpConnection
from messaging.contacts.hashing import address_hash
from messaging.contacts.store import get_address
from regulars.stack.mailsink import MailSink
from regulars.testing import scaled

from ..conftest import MASTER, TUESDAY_TEN
from ..jobs.test_deciding import LATER, WINDOWS, local
from ..shared_addresses import MO, two


@pytest.mark.parametrize(
    ("one", "other"),
    [
        MO,
        ("ann@EXAMPLE.test", "ann@example.test"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("zoe\u0308@example.test", "zo\u00eb@example.test"),
        ("ZO\u00cb@example.test", "zoe\u0308@example.test"),
    ],
)
def test_two_writings_of_a_mailbox_are_one(one: str, other: str) -> None:
    assert mailbox(one) == mailbox(other)
    assert address_hash(MASTER, "s", "email", mailbox(one)) == address_hash(MASTER, "s", "email", mailbox(other))
    here = address_hash(MASTER, "s", "email", mailbox(one))
    assert here != address_hash(MASTER, "other", "email", mailbox(one)), "no shop learns of another's"
    assert here != address_hash(MASTER, "s", "chat", mailbox(one))
    assert here != address_hash(bytes(32), "s", "email", mailbox(one))


def test_other_mailboxes_are_others_and_what_takes_no_mail_is_none() -> None:
    assert len({mailbox(a) for a in ("mo@example.test", "m.o@example.test", "mo+x@example.test", "mo@b.test")}) == 4
    with pytest.raises(InvalidAddress):
        mailbox("nowhere")


async def test_a_key_that_opens_with_another_master_key_stops_nothing(messaging: Any) -> None:
    key, *rest = messaging.known("k3", email=MO[0])
    broken = messaging.event(KeyIssued(key_id="k0", wrapped=wrap(bytes(32), new_key(), "s", "k3")), "b", customer="k3")
    await messaging.feed(broken, *rest)
    assert await messaging.rows("select state, address from contact_addresses") == [("sealed", None)]
    await messaging.feed(key)
    assert await messaging.rows("select state, address is null from contact_addresses") == [("valid", False)]


async def test_a_bounce_stops_every_id_of_the_address_until_it_is_lifted_by_any(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    mailsink.refused = {"Mo@example.test": "550 5.1.1 no such user"}
    await two(messaging)
    sender = messaging.sender(mailsink.port)
    await messaging.feed(messaging.notice("o1", customer="k3"))
    await messaging.decide()
    await sender.step(connection)
    await messaging.feed(messaging.notice("o2", customer="k3b"))
    await messaging.decide()
    assert await messaging.rows("select customer, reason from candidates order by 1") == [
        ("k3", "allowed"),
        ("k3b", "bounced"),
    ]
    await messaging.feed(*messaging.known("k3", email="new@example.test", revision=2, consent=False, at=TUESDAY_TEN))
    await messaging.feed(messaging.notice("o3", customer="k3"), messaging.notice("o4", customer="k3b"))
    await messaging.decide()
    assert await messaging.rows("select details ->> 'order_id', outcome from candidates order by 1") == [
        ("o1", "send"),
        ("o2", "suppress"),
        ("o3", "send"),
        ("o4", "suppress"),
    ], "the bounce stays with the address"
    mailsink.refused = {}
    async with messaging.client() as client:
        assert (await client.delete("/v1/shops/s/customers/k3/bounces/email")).status_code == 404, "another address"
        said = (await client.get("/v1/shops/s/customers/k3b/bounces")).json()
        assert [one["channel"] for one in said] == ["email"]
        assert (await client.get("/v1/shops/s/customers/k3/bounces")).json() == [], "another address"
        assert (await client.delete("/v1/shops/s/customers/k3b/bounces/email?by=li")).status_code == 204
        assert (await client.get("/v1/shops/s/customers/k3b/bounces")).json() == []
    await messaging.feed(messaging.notice("o5", customer="k3b"))
    await messaging.decide()
    assert await messaging.rows("select outcome from candidates where details ->> 'order_id' = 'o5'") == [("send",)]


async def test_a_message_for_an_address_that_changed_meanwhile_is_judged_again(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection
) -> None:
    await messaging.feed(*messaging.known("k3", email="old@example.test"), *messaging.known("k3b", email=MO[1]))
    await messaging.feed(messaging.tier_up(1, customer="k3"), messaging.tier_up(1, customer="k3b"))
    await messaging.decide()
    await messaging.feed(*messaging.known("k3", email=MO[0], revision=2, consent=False))
    sender = messaging.sender(mailsink.port)
    await sender.step(connection)
    await messaging.decide()
    await sender.step(connection)
    assert await messaging.rows("select customer, outcome, reason from candidates order by 1") == [
        ("k3", "hold", "window_taken"),
        ("k3b", "send", "allowed"),
    ]
    assert mailsink.count == 1


async def test_an_address_of_very_many_costs_a_customer_no_more_rows(messaging: Any) -> None:
    """One probe of an index a purpose, and the places that the caps allow, however many have the address."""
    crowd = [f"c{n:03}" for n in range(scaled(60, 10_000))]
    for customer in crowd:
        await messaging.feed(*messaging.known(customer, email="shop@example.test"))
        await messaging.feed(*[messaging.tier_up(n, customer=customer) for n in range(2)])
    for when in (*WINDOWS, *LATER):
        messaging.clock.instant = local(when)
        await messaging.decide()
    assert await messaging.rows("select count(*) from messages") == [(3,)]
    async with messaging.database.transaction() as tx:
        assert len({await get_address(tx, ("s", customer), "email") for customer in (crowd[0], crowd[-1])}) == 1
        await tx.execute("set local enable_seqscan = off")
        await tx.execute("set local enable_bitmapscan = off")
        plan = await tx.fetch(
            """
            explain (analyze, costs off, timing off, summary off, buffers off)
            select state from permissions p where p.shop = 's' and p.purpose = 'marketing' and p.at <= 'infinity'
                and p.address = (select address from contact_addresses where customer = :customer)
            order by p.at desc, (p.state <> 'granted') desc limit 1
            """,
            customer=crowd[0],
        )
    lines = "\n".join(line for (line,) in plan)
    assert "permissions_address" in lines
    assert "Sort" not in lines
