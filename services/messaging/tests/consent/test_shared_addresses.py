"""What was said for an address holds under every customer id that has it. On a real PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.crypto.sealing import new_key, wrap
from common.events import Event, decode
from common.events.customers import ConsentChanged, CustomerErased, KeyIssued
from common.events.feedback import SurveyRequested
from common.events.messages import ContactOptedOut
from common.values.addresses import InvalidAddress, mailbox
from common.work.set_aside import Task
from messaging.channels.smtp.connection import SmtpConnection
from messaging.commands.consent import opt_out
from messaging.consent.state import FAR, Statement, register_of
from messaging.contacts.hashing import address_hash
from messaging.contacts.store import get_address
from messaging.contacts.store_locks import hold_addresses
from messaging.jobs.deciding import take_due, take_due_notices
from messaging.limits.caps.rules import cap_reached, month_of
from messaging.limits.caps.state import Caps, Contacted, Places
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..conftest import MASTER, TUESDAY_TEN, scaled
from ..jobs.test_deciding import LATER, SWEEP, WINDOWS, local
from ..situations import SHANGHAI
from ..verification.test_verifying import verify

MO = ("Mo@Example.test", "mo@example.test")
DAY = timedelta(days=1)
OUT = ContactOptedOut(channel="email", via="link")


async def two(messaging: Any, **profile: Any) -> None:
    """k3 and k3b, with one mailbox in two writings."""
    for customer, email in zip(("k3", "k3b"), MO, strict=True):
        await messaging.feed(*messaging.known(customer, email=email, **profile))


async def consent(messaging: Any, customer: str) -> list[tuple[str, str, str]]:
    async with messaging.client() as client:
        listed = (await client.get(f"/v1/shops/s/customers/{customer}/permissions")).json()
    return [(p["purpose"], p["state"], p["said_for"]) for p in listed]


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


async def test_an_opt_out_holds_for_every_id_of_the_address_and_says_so(messaging: Any, topics: OwnTopics) -> None:
    """SEC-005, MSG-009: no marketing reaches the mailbox through the second id; notices do (MSG-008)."""
    await two(messaging)
    await opt_out(messaging.database, ("s", "k3"), OUT)
    assert await consent(messaging, "k3") == [
        ("marketing", "opted_out", "customer"), ("survey", "opted_out", "customer"),
    ]  # fmt: skip
    assert await consent(messaging, "k3b") == [
        ("marketing", "opted_out", "address"), ("survey", "opted_out", "address"),
    ]  # fmt: skip
    await messaging.feed(messaging.tier_up(1, customer="k3b"), messaging.notice("o1", customer="k3b"))
    await messaging.decide()
    assert await messaging.outcomes() == [("send", "allowed"), ("suppress", "opted_out")]
    details = await messaging.rows("select detail from decisions where outcome = 'suppress'")
    assert details == [("said for this address under another customer id",)]
    assert await verify(messaging, topics) == []


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
        ("else", "sent"), ("k3b", "suppressed"),
    ]  # fmt: skip
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
        ("marketing", "granted", "address"), ("survey", "opted_out", "customer"),
    ]  # fmt: skip
    assert (await consent(messaging, "k3b"))[0] == ("marketing", "granted", "customer")


async def test_repeated_opt_outs_add_nothing_and_one_by_the_other_id_is_kept_with_that_customer(messaging: Any) -> None:
    await two(messaging)
    for customer in ("k3", "k3", "k3b", "k3b", "k3"):
        await opt_out(messaging.database, ("s", customer), OUT)
    told = "select customer, count(*) from permissions where state = 'opted_out' group by 1 order by 1"
    assert await messaging.rows(told) == [("k3", 2), ("k3b", 2)]
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
        ("marketing", "opted_out", "address"), ("survey", "opted_out", "address"),
    ]  # fmt: skip
    assert await messaging.rows("select count(*) from contact_addresses where state = 'sealed'") == [(0,)]


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
        ("k3", "allowed"), ("k3b", "bounced"),
    ]  # fmt: skip
    await messaging.feed(*messaging.known("k3", email="new@example.test", revision=2, consent=False, at=TUESDAY_TEN))
    await messaging.feed(messaging.notice("o3", customer="k3"), messaging.notice("o4", customer="k3b"))
    await messaging.decide()
    assert await messaging.rows("select details ->> 'order_id', outcome from candidates order by 1") == [
        ("o1", "send"), ("o2", "suppress"), ("o3", "send"), ("o4", "suppress"),
    ], "the bounce stays with the address"  # fmt: skip
    mailsink.refused = {}
    async with messaging.client() as client:
        assert (await client.delete("/v1/shops/s/customers/k3/bounces/email")).status_code == 404, "another address"
        assert (await client.delete("/v1/shops/s/customers/k3b/bounces/email")).status_code == 204
    await messaging.feed(messaging.notice("o5", customer="k3b"))
    await messaging.decide()
    assert await messaging.rows("select outcome from candidates where details ->> 'order_id' = 'o5'") == [("send",)]


async def test_the_ids_of_an_address_share_caps_windows_and_the_survey_of_thirty_days(
    messaging: Any, topics: OwnTopics
) -> None:
    """MSG-007, C-8: three marketing messages a month, one message a window, one survey in 30 days to the mailbox."""
    await two(messaging)
    early = local("2025-03-04 08:00")
    for customer in ("k3", "k3b"):
        await messaging.feed(*[messaging.tier_up(n, early, customer=customer) for n in range(4)])
        survey = SurveyRequested(survey_id="q", order_id="o", answer_url="https://x.example", cause_at=early)
        await messaging.feed(messaging.event(survey, f"ask-{customer}", early, customer=customer))
    for when in ("2025-03-04 08:00", *WINDOWS, *LATER):
        messaging.clock.instant = local(when)
        await messaging.decide()
    assert Counter(await messaging.rows("select purpose from messages")) == {("marketing",): 3, ("survey",): 1}
    assert len(set(await messaging.rows("select leave_before from messages"))) == 4
    assert set(await messaging.rows("select reason from candidates where outcome = 'suppress'")) == {("cap",)}
    assert await verify(messaging, topics) == []


async def test_a_replay_merges_the_ids_of_an_address_by_time(replayed: Any, topics: OwnTopics) -> None:
    """The same decisions, whether a week is one step or seven."""
    for customer, email in zip(("k3", "k3b"), MO, strict=True):
        await replayed.feed(*replayed.known(customer, email=email, at=local("2025-03-01 10:00")))
    await replayed.feed(replayed.tier_up(1, local("2025-03-05 09:30"), customer="k3"))
    await replayed.feed(*[replayed.tier_up(n, local(f"2025-03-0{n} 20:59"), customer="k3b") for n in (3, 4, 6)])
    await replayed.feed(replayed.event(OUT, "out", local("2025-03-06 12:00"), customer="k3"))
    replayed.clock.set(local("2025-03-10 00:00"))
    await replayed.decide()
    assert await replayed.rows("select customer, at from messages order by at") == [
        ("k3b", local("2025-03-03 20:59")), ("k3b", local("2025-03-04 20:59")), ("k3", local("2025-03-05 09:30")),
    ]  # fmt: skip
    assert await replayed.rows("select reason from candidates where outcome = 'suppress'") == [("opted_out",)]
    assert await verify(replayed, topics) == []


@pytest.mark.timeout(3600)
async def test_the_cap_of_an_address_holds_between_two_processes(messaging: Any, topics: OwnTopics) -> None:
    """M3: two processes with two sweeps each race for ten ids of each mailbox; never one message more than the cap."""
    mailboxes = scaled(4, 50)
    for n in range(mailboxes):
        for customer in (f"c{n}-{i}" for i in range(10)):
            email = f"box{n}@example.test".upper() if customer.endswith("3") else f"box{n}@example.test"
            await messaging.feed(*messaging.known(customer, email=email))
            await messaging.feed(*[messaging.tier_up(t, customer=customer) for t in range(3)])
    url = messaging.database.engine.url.render_as_string(hide_password=False)
    instants = [local(when).isoformat() for when in WINDOWS]
    sweep = SWEEP.replace("at, 60)", "at, 3)")  # few at a time, so that a mailbox's ids are in several bites at once
    racing = [await asyncio.create_subprocess_exec(sys.executable, "-c", sweep, url, *instants) for _ in range(2)]
    assert [await child.wait() for child in racing] == [0, 0]
    shared = "select address, leave_before from messages group by 1, 2 having count(*) > 1"
    assert await messaging.rows(shared) == [], "one message a window"
    for when in LATER:
        messaging.clock.instant = local(when)
        await messaging.decide()
    assert await messaging.rows("select count(*) from messages group by address") == [(3,)] * mailboxes
    assert await verify(messaging, topics) == []


async def test_who_decides_about_an_address_holds_up_nobody_else(messaging: Any) -> None:
    await two(messaging)
    await messaging.feed(*messaging.known("else"))
    await messaging.feed(*[messaging.tier_up(1, customer=c) for c in ("else", "k3", "k3b")])
    async with messaging.database.transaction() as tx, messaging.database.transaction() as other:
        assert await take_due_notices(tx, messaging.clock.now(), 1) is None
        await tx.lock_customers([("s", "k3")])
        assert await hold_addresses(tx, [("s", "k3")]) == [("s", "k3")]
        assert await take_due(other, messaging.clock.now(), 9) == [Task("s", "else")]


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
        ("k3", "hold", "window_taken"), ("k3b", "send", "allowed"),
    ]  # fmt: skip
    assert mailsink.count == 1


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
    told = [decode(body) for (body,) in await messaging.rows("select payload from outbox order by seq")]
    assert not any(b"example.test" in e.encode() for e in told)
    # The topics hold the profile, which opens no more, the marker, and our own facts.
    _, profile, *consents = messaging.known("k3", email=MO[0])
    rebuilt.data_keys = messaging.data_keys
    for event in (*told, profile, *erased, *consents):
        await rebuilt.feed(event)
    assert await rebuilt.rows(kept) == suppressed
    for service in (messaging, rebuilt):
        await service.feed(*service.known("k3b", email=MO[1]))
        await service.feed(service.tier_up(1, customer="k3b"))
        await service.decide()
        assert await service.rows("select reason from candidates where customer = 'k3b'") == [("opted_out",)]
    assert await verify(messaging, topics) == []


async def test_a_rebuild_gives_the_same_permission(messaging: Any, rebuilt: Any) -> None:
    log = [*messaging.known("k3", email=MO[0]), *messaging.known("k3b", email=MO[1])]
    await messaging.feed(*log)
    await opt_out(messaging.database, ("s", "k3"), OUT)
    told = [decode(body) for (body,) in await messaging.rows("select payload from outbox order by seq")]
    await rebuilt.feed(*told)
    await rebuilt.feed(*log[::-1])
    for customer in ("k3", "k3b"):
        assert await consent(rebuilt, customer) == await consent(messaging, customer)


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


def said(state: Any, minutes: int, address: bytes | None, id: str = "1", at: datetime = TUESDAY_TEN) -> Statement:
    return Statement("email", "marketing", at + timedelta(minutes=minutes), 30, "/shops/s/x", id, state, address)


HASHES = st.sampled_from([b"a", b"b"])
SAID = st.lists(
    st.tuples(st.sampled_from(["k3", "k3b"]), st.sampled_from(["granted", "opted_out", "withdrawn"]),
              st.integers(0, 5), HASHES),
    max_size=8,
)  # fmt: skip


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


@given(
    asked=st.lists(st.tuples(st.sampled_from(["k3", "k3b", "k3c"]), HASHES, st.sampled_from(["marketing", "survey"]),
                             st.integers(0, 60)), max_size=40),
)  # fmt: skip
def test_no_sequence_of_messages_under_any_ids_exceeds_a_cap_of_an_address(
    asked: list[tuple[str, bytes, Any, int]],
) -> None:
    """M3, MSG-007: customers share and change addresses; each address and each customer stays within the caps."""
    caps, places = Caps(), Places()
    went: list[tuple[str, bytes, Contacted]] = []
    for customer, address, kind, days in asked:
        at = TUESDAY_TEN + days * DAY
        if cap_reached(caps, places.so_far(("s", customer), [address]), kind, "email", at, SHANGHAI) is None:
            one = Contacted(at, kind, "email")
            places.take(("s", customer), address, one)
            went.append((customer, address, one))
    for of in (0, 1):
        counted = Counter((row[of], month_of(row[2].at, SHANGHAI), row[2].purpose) for row in went)
        assert all(count <= 3 for (_, _, kind), count in counted.items() if kind == "marketing")
        total = Counter((row[of], month_of(row[2].at, SHANGHAI)) for row in went)
        assert all(count <= 6 for count in total.values())
    for address in (b"a", b"b"):
        surveys = sorted(c.at for _, of_one, c in went if of_one == address and c.purpose == "survey")
        assert all(later - earlier >= 30 * DAY for earlier, later in pairwise(surveys))
