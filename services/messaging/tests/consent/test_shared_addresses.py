"""What was said about an address holds for every customer id that has it. On a real PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events import Event, decode
from common.events.customers import ConsentChanged, CustomerErased
from messaging.channels.smtp.connection import SmtpConnection
from messaging.commands.consent import opt_out
from messaging.consent.state import FAR, Statement, register_of
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..conftest import TUESDAY_TEN
from ..shared_addresses import DAY, MO, OUT, two
from ..verification.test_verifying import verify


async def consent(messaging: Any, customer: str) -> list[tuple[str, str, str]]:
    async with messaging.client() as client:
        listed = (await client.get(f"/v1/shops/s/customers/{customer}/permissions")).json()
    return [(p["purpose"], p["state"], p["said_for"]) for p in listed]


async def test_an_opt_out_holds_for_every_id_of_the_address_and_says_so(messaging: Any, topics: OwnTopics) -> None:
    """SEC-005, MSG-009: no marketing reaches the mailbox through the second id; notices do (MSG-008)."""
    await two(messaging)
    await opt_out(messaging.database, ("s", "k3"), OUT)
    assert await consent(messaging, "k3") == [
        ("marketing", "opted_out", "customer"),
        ("survey", "opted_out", "customer"),
    ]
    assert await consent(messaging, "k3b") == [
        ("marketing", "opted_out", "address"),
        ("survey", "opted_out", "address"),
    ]
    await messaging.feed(messaging.tier_up(1, customer="k3b"), messaging.notice("o1", customer="k3b"))
    await messaging.decide()
    assert await messaging.outcomes() == [("send", "allowed"), ("suppress", "opted_out")]
    details = await messaging.rows("select detail from decisions where outcome = 'suppress'")
    assert details == [("said for this address under another customer id",)]
    assert await verify(messaging, topics) == []


@pytest.mark.parametrize("undated", [True, False])
async def test_a_copy_of_the_customer_in_the_shops_books_resubscribes_nobody(
    messaging: Any, topics: OwnTopics, undated: bool
) -> None:
    """MSG-009, SEC-011: a yes of which nobody said when, under another id, overrides no refusal of the address."""
    await messaging.feed(*messaging.known("k3", email=MO[0]))
    await opt_out(messaging.database, ("s", "k3"), OUT)
    messaging.clock.instant += DAY
    now = messaging.clock.now()
    await messaging.feed(*messaging.known("k3new", email=MO[1], consent=False, at=now))
    yes = ConsentChanged(channel="email", purpose="marketing", granted=True, undated=undated)
    await messaging.feed(messaging.event(yes, "yes", now, customer="k3new"))
    await messaging.feed(*messaging.known("w1", email=MO[0], consent=False, at=now))
    held = {
        c: dict(((p, (s, f)) for p, s, f in await consent(messaging, c)))["marketing"] for c in ("k3", "k3new", "w1")
    }
    if undated:
        assert {state for state, _ in held.values()} == {"opted_out"}
    else:
        assert {state for state, _ in held.values()} == {"granted"}
    await messaging.feed(messaging.tier_up(1, now, customer="k3new"))
    await messaging.decide()
    assert await messaging.outcomes() == [("suppress", "opted_out") if undated else ("send", "allowed")]
    assert await verify(messaging, topics) == []


async def test_an_opt_out_is_about_the_address_that_came_while_it_waited(messaging: Any) -> None:
    """A profile that is being read holds the customer; what waits for the new address is taken back as well."""
    await messaging.feed(*messaging.known("k3"), *messaging.known("k3b"))
    await messaging.feed(messaging.tier_up(1, customer="k3b"))
    await messaging.decide()
    async with messaging.database.transaction() as tx:
        await tx.lock_customers([("s", "k3")])
        opting_out = asyncio.create_task(opt_out(messaging.database, ("s", "k3"), OUT))
        waits = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        while not await messaging.rows(waits):
            await asyncio.sleep(0.02)
        await tx.execute(
            "update contact_addresses a set address = b.address from contact_addresses b"
            " where a.customer = 'k3' and b.customer = 'k3b'"
        )
    assert await opting_out == 1


async def test_an_opt_out_takes_back_what_waits_for_the_other_ids_of_the_address(
    messaging: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    await two(messaging)
    await messaging.feed(*messaging.known("else"))
    for customer in ("k3b", "else"):
        await messaging.feed(messaging.tier_up(1, customer=customer))
    await messaging.decide()
    assert await opt_out(messaging.database, ("s", "k3"), OUT) == 1
    await messaging.sender(mailsink.port).step(connection)
    assert await messaging.rows("select customer, state from messages order by 1") == [
        ("else", "sent"),
        ("k3b", "suppressed"),
    ]
    assert await messaging.rows("select aggregateid from outbox where type = 'message.suppressed'") == [("s/k3b",)]
    assert await verify(messaging, topics) == []


async def test_what_was_leased_for_another_id_is_recalled(messaging: Any, mailsink: MailSink) -> None:
    await two(messaging)
    await messaging.feed(messaging.tier_up(1, customer="k3b"))
    await messaging.decide()
    sender = messaging.sender(mailsink.port)
    async with messaging.database.transaction() as tx:
        ready = await sender.take(tx)
    assert await opt_out(messaging.database, ("s", "k3"), OUT) == 0
    async with messaging.database.transaction() as tx:
        assert await sender.start(tx, ready) == []


async def test_a_consent_dated_ahead_by_one_id_does_not_beat_an_opt_out_of_the_other(messaging: Any) -> None:
    """SEC-005: it is dated after the newest statement about the address."""
    await two(messaging)
    ahead = messaging.event(
        ConsentChanged(channel="email", granted=True), "fast", TUESDAY_TEN + DAY / 360, customer="k3b"
    )
    await messaging.feed(ahead)
    await opt_out(messaging.database, ("s", "k3"), OUT)
    for minutes in (0, 10):
        messaging.clock.instant = TUESDAY_TEN + timedelta(minutes=minutes)
        assert {s for _, s, _ in await consent(messaging, "k3b")} == {"opted_out"}
        assert {s for _, s, _ in await consent(messaging, "k3")} == {"opted_out"}


async def test_the_newest_statement_about_an_address_holds_for_all_who_have_it(messaging: Any) -> None:
    await two(messaging)
    await opt_out(messaging.database, ("s", "k3"), OUT)
    messaging.clock.instant += timedelta(minutes=1)
    async with messaging.client() as client:
        said = {"customer": "k3b", "channel": "email", "via": "desk"}
        assert (await client.post("/v1/shops/s/opt-ins", json=said)).status_code == 204
    assert await consent(messaging, "k3") == [
        ("marketing", "granted", "address"),
        ("survey", "opted_out", "customer"),
    ]
    assert (await consent(messaging, "k3b"))[0] == ("marketing", "granted", "customer")


async def test_repeated_opt_outs_add_nothing_and_one_by_the_other_id_is_kept_with_that_customer(messaging: Any) -> None:
    await two(messaging)
    for customer in ("k3", "k3", "k3b", "k3b", "k3"):
        await opt_out(messaging.database, ("s", customer), OUT)
    announced = "select customer, count(*) from permissions where state = 'opted_out' group by 1 order by 1"
    assert await messaging.rows(announced) == [("k3", 2), ("k3b", 2)]
    await messaging.feed(*messaging.known("k3b", email="new@example.test", revision=2, consent=False))
    assert {s for _, s, _ in await consent(messaging, "k3b")} == {"opted_out"}


async def test_an_opt_out_stays_with_the_customer_and_with_the_old_address(messaging: Any) -> None:
    """Whoever comes to the old address later is refused; who has the new address of the customer is not."""
    await messaging.feed(*messaging.known("k3", email=MO[0]), *messaging.known("own", email="new@example.test"))
    await opt_out(messaging.database, ("s", "k3"), OUT)
    later = TUESDAY_TEN + DAY
    await messaging.feed(*messaging.known("k3", email="new@example.test", revision=2, consent=False, at=later + DAY))
    await messaging.feed(*messaging.known("k3b", email=MO[1]))
    assert {s for _, s, _ in await consent(messaging, "k3")} == {"opted_out"}
    assert {s for _, s, _ in await consent(messaging, "k3b")} == {"opted_out"}
    assert {s for _, s, _ in await consent(messaging, "own")} == {"granted"}


async def test_a_yes_for_another_address_opens_no_address_that_was_refused(messaging: Any) -> None:
    await messaging.feed(*messaging.known("k3", email=MO[0], at=TUESDAY_TEN - 9 * DAY))
    out = messaging.event(OUT, "out", TUESDAY_TEN - 8 * DAY, customer="k3")
    await messaging.feed(out, *messaging.known("z", email="z@example.test", at=TUESDAY_TEN - 2 * DAY))
    await messaging.feed(*messaging.known("z", email=MO[1], revision=2, consent=False))
    assert {s for _, s, _ in await consent(messaging, "z")} == {"opted_out"}


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_permission_of_an_address_is_the_same_in_any_order(messaging: Any, order: tuple[int, ...]) -> None:
    """The contact after the opt-out, the second customer later, the key last: all the same."""
    key, first, *_ = messaging.known("k3", email=MO[0], consent=False, at=TUESDAY_TEN - 3 * DAY)
    out = messaging.event(OUT, "out", TUESDAY_TEN - DAY, customer="k3")
    second = messaging.known("k3b", email=MO[1], at=TUESDAY_TEN - 2 * DAY)
    parts: list[list[Event[Any]]] = [[key], [first], [out], second]
    for n in order:
        await messaging.feed(*parts[n])
    assert await consent(messaging, "k3b") == [
        ("marketing", "opted_out", "address"),
        ("survey", "opted_out", "address"),
    ]
    assert await messaging.rows("select count(*) from contact_addresses where state = 'sealed'") == [(0,)]


async def test_an_erased_customers_refusal_goes_on_for_the_address_also_after_a_rebuild(
    messaging: Any, rebuilt: Any, topics: OwnTopics
) -> None:
    """Of the addresses of an erased customer the hash of a refused one is kept, and no other."""
    await messaging.feed(*messaging.known("k3", email=MO[0]), *messaging.known("yes", email="yes@example.test"))
    await opt_out(messaging.database, ("s", "k3"), OUT)
    erased = [messaging.event(CustomerErased(), f"erased-{c}", customer=c) for c in ("k3", "yes")]
    await messaging.feed(*erased)
    assert await messaging.rows("select count(*) from contact_addresses") == [(0,)]
    kept = "select customer, purpose, state, via from permissions where address is not null order by 1, 2"
    suppressed = [("k3", "marketing", "opted_out", "erased"), ("k3", "survey", "opted_out", "erased")]
    assert await messaging.rows(kept) == suppressed
    announced = [decode(body) for (body,) in await messaging.rows("select payload from outbox order by seq")]
    assert not any(b"example.test" in e.encode() for e in announced)
    # The topics hold the profile, which opens no more, the marker, and our own facts.
    _, profile, *consents = messaging.known("k3", email=MO[0])
    rebuilt.data_keys = messaging.data_keys
    for event in (*announced, profile, *erased, *consents):
        await rebuilt.feed(event)
    assert await rebuilt.rows(kept) == suppressed
    for service in (messaging, rebuilt):
        await service.feed(*service.known("k3b", email=MO[1]))
        await service.feed(service.tier_up(1, customer="k3b"))
        await service.decide()
        assert await service.rows("select reason from candidates where customer = 'k3b'") == [("opted_out",)]
    assert await verify(messaging, topics) == []


async def test_erasing_one_id_of_an_address_leaves_the_other_as_it_was(messaging: Any) -> None:
    """What the erased one was sent and agreed to is forgotten at the address; what the other one was stays."""
    await two(messaging)
    await messaging.feed(messaging.tier_up(1, customer="k3"))
    await messaging.decide()
    mine = await messaging.rows("select channel, state, address from contact_addresses where customer = 'k3b'")
    await messaging.feed(messaging.event(CustomerErased(), "erased-k3", customer="k3"))
    assert await messaging.rows("select customer from contact_addresses") == [("k3b",)]
    assert await messaging.rows("select channel, state, address from contact_addresses") == mine
    assert await messaging.rows("select 1 from messages where address is not null") == []
    assert set(await messaging.rows("select customer from permissions where address is not null")) == {("k3b",)}
    assert {s for _, s, _ in await consent(messaging, "k3b")} == {"granted"}
    await messaging.feed(messaging.tier_up(1, customer="k3b"))
    await messaging.decide()
    assert await messaging.rows("select outcome, reason from candidates where customer = 'k3b'") == [
        ("send", "allowed")
    ]


async def test_a_rebuild_gives_the_same_permission(messaging: Any, rebuilt: Any) -> None:
    log = [*messaging.known("k3", email=MO[0]), *messaging.known("k3b", email=MO[1])]
    await messaging.feed(*log)
    await opt_out(messaging.database, ("s", "k3"), OUT)
    announced = [decode(body) for (body,) in await messaging.rows("select payload from outbox order by seq")]
    await rebuilt.feed(*announced)
    await rebuilt.feed(*log[::-1])
    for customer in ("k3", "k3b"):
        assert await consent(rebuilt, customer) == await consent(messaging, customer)


def said(state: Any, minutes: int, address: bytes | None, id: str = "1", at: datetime = TUESDAY_TEN) -> Statement:
    return Statement("email", "marketing", at + timedelta(minutes=minutes), 30, "/shops/s/x", id, state, address)


HASHES = st.sampled_from([b"a", b"b"])
SAID = st.lists(
    st.tuples(
        st.sampled_from(["k3", "k3b"]),
        st.sampled_from(["granted", "opted_out", "withdrawn"]),
        st.integers(0, 5),
        HASHES,
    ),
    max_size=8,
)


@given(statements=SAID, address=HASHES, data=st.data())
def test_whatever_is_said_the_newest_about_an_address_holds_for_all_who_never_spoke_of_another(
    statements: list[tuple[str, Any, int, bytes]], address: bytes, data: st.DataObject
) -> None:
    """In any order the same; a refusal that is the newest of the address, or of the customer, is never passed over."""
    made = [(who, said(what, minutes, of, str(n))) for n, (who, what, minutes, of) in enumerate(statements)]
    mixed = data.draw(st.permutations(made))
    there = [s for _, s in made if s.address == address]
    newest_there = max((s.at for s in there), default=None)
    for customer in ("k3", "k3b"):
        own = [s for who, s in made if who == customer]
        held = register_of(own, there, {"email": address}).holding("email", "marketing", FAR)
        same = register_of(
            [s for who, s in mixed if who == customer],
            [s for _, s in mixed if s.address == address],
            {"email": address},
        ).holding("email", "marketing", FAR)
        assert held == same
        assert (held is None) == (not own and not there)
        if held is None or held.state != "granted":
            continue
        refused_there = [s for s in there if s.state != "granted"]
        assert all(s.at < newest_there for s in refused_there if newest_there), "the newest of the address"
        newest_own = max((s.at for s in own), default=held.at)
        assert not any(s.state != "granted" and s.at == newest_own and s.at >= held.at for s in own)
