"""What gateways say to us: replies that opt out and in, receipts in any order. On a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any
from urllib.parse import urlsplit

import pytest

from common.events import decode
from common.events.customers import CustomerRegistered
from common.shops.settings import get_shop
from messaging.channels.sms.channel import SmsChannel
from messaging.channels.sms.settings import SmsSettings
from messaging.commands.receipts import take_receipts
from messaging.delivery.receipts.links import GatewayLinks
from messaging.delivery.receipts.state import Receipt
from messaging.delivery.store.doubt import count_unknown
from messaging.jobs.sending import sender_of
from messaging.metrics import SMS_RECEIPTS
from regulars.testing import OwnTopics

from ...conftest import MASTER
from ...sending import known_elsewhere, retry_at_once, sent_elsewhere
from ...test_rebuild import announced, rebuild
from ...verification.test_verifying import verify
from .gateways import Gateway, hangs_up
from .test_by_sms import NUMBER, STATES, ask, known

LINKS = GatewayLinks(MASTER, "https://shop.example")
RECEIPTS = "select said, code from receipts order by 1"
TOLD = "select type from outbox where type in ('message.delivered', 'message.undelivered') order by 1"


async def send(messaging: Any, gateway: Gateway) -> int:
    channel = SmsChannel.opened(SmsSettings(**gateway.settings))
    sender = sender_of(messaging.database, messaging.keys, messaging.links, channel, receipts=LINKS)
    connection = channel.connect()
    try:
        return await sender.step(connection)
    finally:
        await connection.close()


async def reply(messaging: Any, kind: str, text: str, number: str = NUMBER, name: str = "SM1") -> Any:
    async with messaging.client() as client:
        path = urlsplit(LINKS.callbacks[f"{kind}_replies"]).path
        if kind == "twilio":
            return await client.post(path, data={"From": number, "Body": text, "MessageSid": name})
        number = number.removeprefix("+86")
        return await client.post(
            path, json=[{"phone_number": number, "content": text, "dest_code": "1", "sign_name": "s"}]
        )


async def receipt(messaging: Any, message_id: str, said: str, code: str = "") -> Any:
    async with messaging.client() as client:
        path = urlsplit(LINKS.receipt_url("s", message_id)).path
        return await client.post(path, data={"MessageSid": "SM1", "MessageStatus": said, "ErrorCode": code})


async def id_of(messaging: Any, flow: str) -> str:
    ((found,),) = await messaging.rows("select message_id from candidates where flow = :flow", flow=flow)
    return str(found)


@pytest.mark.parametrize(("kind", "stop", "start"), [("twilio", "STOP", "START"), ("aliyun", "T", "订阅")])
async def test_a_keyword_opts_the_number_out_and_in_again_for_all_who_have_it(
    messaging: Any, topics: OwnTopics, kind: str, stop: str, start: str
) -> None:
    """MSG-009: effective when answered; what is queued is taken back."""
    async with messaging.database.transaction() as tx:
        await get_shop(tx, "s")
    await known(messaging)
    await known(messaging, "c2")
    await ask(messaging)
    answer = await reply(messaging, kind, "please stop by")
    assert answer.status_code == 200
    assert ("tier", "queued", None) in await messaging.rows(STATES), "no keyword"
    answer = await reply(messaging, kind, stop)
    assert answer.status_code == 200, answer.text
    assert answer.text == ("<Response/>" if kind == "twilio" else '{"code":0,"msg":"ok"}')
    assert await messaging.rows(STATES) == [("order_shipped", "queued", None), ("tier", "suppressed", "opted_out")]
    said = "select customer, state, via from permissions where channel = 'sms' and via = 'sms_reply' order by 1, 2, at"
    out = await messaging.rows(said)
    assert {row[:2] for row in out} == {("c1", "opted_out"), ("c2", "opted_out")}
    await reply(messaging, kind, stop)
    assert await messaging.rows(said) == out, "said again it adds nothing"
    messaging.clock.instant += timedelta(minutes=1)
    await reply(messaging, kind, start)
    assert {row[1] for row in (await messaging.rows(said))} == {"opted_out", "granted"}
    now = messaging.clock.now()
    await messaging.feed(messaging.tier_up(2, now))
    await messaging.decide()
    assert ("tier", "queued", None) in await messaging.rows(STATES)
    assert await verify(messaging, topics) == []


async def test_a_number_that_nobody_has_and_a_wrong_address_change_nothing(messaging: Any) -> None:
    await known(messaging)
    assert (await reply(messaging, "twilio", "STOP", "+12025550123")).status_code == 200
    assert (await reply(messaging, "twilio", "STOP", "SHOP")).status_code == 200
    async with messaging.client() as client:
        for path in ("twilio/replies", "twilio/receipts"):
            refused = await client.post(f"/sms/{path}/guessed", data={"From": NUMBER, "Body": "STOP"})
            assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (404, "unknown_callback")
        for path in ("aliyun/replies", "aliyun/receipts"):
            assert (await client.post(f"/sms/{path}/guessed", json=[])).status_code == 404
        listed = (await client.get("/ops/sms/callbacks")).json()
    assert listed == LINKS.callbacks
    assert await messaging.rows("select 1 from permissions where via = 'sms_reply'") == []


@pytest.mark.parametrize("order", list(permutations(("sent", "delivered", "undelivered", "delivered"))))
async def test_receipts_come_in_any_order_and_any_number_of_times(messaging: Any, order: tuple[str, ...]) -> None:
    """M4: the same rows, the same facts, the same answer."""
    await known(messaging)
    await ask(messaging)
    async with Gateway("twilio").listening() as gateway:
        await send(messaging, gateway)
    assert urlsplit(gateway.taken[0]["StatusCallback"]).path.startswith("/sms/twilio/receipts/")
    offer = await id_of(messaging, "tier")
    for said in order:
        assert (await receipt(messaging, offer, said, "30003\0" if said == "undelivered" else "")).status_code == 204
    assert await messaging.rows(RECEIPTS) == [("delivered", None), ("undelivered", "30003")]
    assert await messaging.rows(TOLD) == [("message.delivered",), ("message.undelivered",)]
    async with messaging.client() as client:
        shown = (await client.get(f"/v1/shops/s/messages/{offer}")).json()
    assert (shown["state"], shown["receipt"], shown["receipt_code"]) == ("sent", "delivered", None)


async def test_a_number_that_a_receipt_says_there_is_not_is_written_to_no_more(
    messaging: Any, rebuilt: Any, topics: OwnTopics
) -> None:
    """MSG-057: as if the gateway had refused it at hand-off; a rebuild knows it, too."""
    await known(messaging)
    await ask(messaging)
    async with Gateway("twilio").listening() as gateway:
        await send(messaging, gateway)
    await receipt(messaging, await id_of(messaging, "order_shipped"), "undelivered", "30003")
    assert await messaging.rows("select 1 from bounces") == [], "switched off is not gone"
    await receipt(messaging, await id_of(messaging, "tier"), "undelivered", "30005")
    messaging.clock.instant += timedelta(hours=5)
    await messaging.feed(messaging.notice("o2", messaging.clock.now()))
    await messaging.decide()
    assert ("suppress", "bounced") in await messaging.outcomes()
    assert await verify(messaging, topics) == []
    await rebuild(rebuilt, [*messaging.fed, *await announced(messaging)], 2)
    bounced = "select shop, address, at, lifted_at from bounces"
    assert await rebuilt.rows(bounced) == await messaging.rows(bounced)


async def test_aliyuns_receipts_come_together_and_name_our_reference(messaging: Any, topics: OwnTopics) -> None:
    await known(messaging)
    await ask(messaging)
    async with Gateway("aliyun").listening() as gateway:
        await send(messaging, gateway)
    reports = [
        {
            "out_id": f["OutId"],
            "success": n == 0,
            "err_code": ("DELIVERED", "MK:0001")[n],
            "biz_id": "1",
            "sms_size": "1",
        }
        for n, f in enumerate(gateway.taken)
    ]
    strange = [
        {"out_id": "", "success": True},
        {"out_id": "s/another", "success": True},
        {"out_id": "x", "success": False},
    ]
    async with messaging.client() as client:
        unkept = [{"out_id": "s/\0", "success": True}, {"out_id": "s/x", "success": "perhaps"}]
        reports[1]["err_code"] = "MK:0001" + "\n" * 600
        taken = await client.post(urlsplit(LINKS.callbacks["aliyun_receipts"]).path, json=unkept)
        assert taken.status_code == 200
        for body in (reports + strange, list(reversed(reports))):
            answer = await client.post(urlsplit(LINKS.callbacks["aliyun_receipts"]).path, json=body)
            assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "ok"})
    assert await messaging.rows(RECEIPTS) == [("delivered", "DELIVERED"), ("undelivered", "MK:0001")]
    assert await verify(messaging, topics) == []


async def test_a_receipt_settles_what_was_in_doubt_and_nothing_is_handed_over_again(
    messaging: Any, topics: OwnTopics
) -> None:
    """M1: the notice would have gone once more, the offer would have stayed in doubt."""
    await known(messaging)
    await ask(messaging)
    async with Gateway("twilio", hangs_up).listening() as gateway:
        await send(messaging, gateway)
        for flow in ("order_shipped", "tier"):
            await receipt(messaging, await id_of(messaging, flow), "delivered")
        await retry_at_once(messaging)
        await send(messaging, gateway)
        assert len(gateway.asked) - gateway.looked_up == 2, "each handed over once"
    assert await messaging.rows(STATES) == [("order_shipped", "sent", None), ("tier", "unknown", "no_answer")]
    async with messaging.database.transaction() as tx:
        assert await count_unknown(tx) == 0, "no operator need look after it"
    assert await verify(messaging, topics) == []


def receipts_of_gateways() -> float:
    said = ("delivered", "undelivered", "clicked", "read", "taken", "never_taken")
    return float(sum(SMS_RECEIPTS.labels(each)._value.get() for each in said))


async def test_what_a_person_tells_or_does_is_no_receipt_of_the_gateways(messaging: Any) -> None:
    await known(messaging)
    await ask(messaging)
    async with Gateway("twilio", hangs_up).listening() as gateway:
        await send(messaging, gateway)
    offer, before = await id_of(messaging, "tier"), receipts_of_gateways()
    async with messaging.client() as client:
        assert (await client.post(f"/ops/doubt/s/{offer}", json={"taken": False})).status_code == 204
    async with messaging.database.transaction() as tx:
        assert await take_receipts(tx, [Receipt("s", offer, "clicked", "0", messaging.clock.now())]) == 1
    assert receipts_of_gateways() == before
    await receipt(messaging, offer, "undelivered", "30003")
    assert receipts_of_gateways() == before + 1


async def test_start_takes_back_an_opt_out_and_opens_nothing_else(messaging: Any, topics: OwnTopics) -> None:
    """SEC-011: of two purposes the one that was allowed before, and no customer who never said yes."""
    await known(messaging)
    await messaging.feed(
        messaging.event(CustomerRegistered(revision=1, phone=NUMBER), "ben", messaging.clock.now(), customer="ben")
    )
    said = "select customer, purpose, state from permissions where via = 'sms_reply' order by at, 1, 2"
    await reply(messaging, "twilio", "START")
    assert await messaging.rows(said) == [], "nobody was opted out"
    async with messaging.client() as client:
        body = {"customer": "c1", "channel": "sms"}
        assert (await client.post("/v1/shops/s/opt-outs", json=body)).status_code == 200
    messaging.clock.instant += timedelta(minutes=1)
    await reply(messaging, "twilio", "START", name="SM2")
    assert await messaging.rows(said) == [("c1", "marketing", "granted")], "surveys were never allowed"
    # Told again by the gateway after the customer has said no elsewhere: nothing is opened by an old word.
    messaging.clock.instant += timedelta(minutes=1)
    async with messaging.client() as client:
        assert (await client.post("/v1/shops/s/opt-outs", json=body)).status_code == 200
    await reply(messaging, "twilio", "START", name="SM2")
    assert len(await messaging.rows(said)) == 1
    await reply(messaging, "twilio", "START", name="SM3")
    assert len(await messaging.rows(said)) == 2, "said anew"
    # Words without a name may be said anew: a STOP is heeded each time, a START once a day.
    last = "select state from permissions where customer = 'c1' and purpose = 'marketing' order by at desc limit 1"
    words = [("STOP", "opted_out"), ("START", "granted"), ("STOP", "opted_out"), ("START", "opted_out")]
    for word, state in words:
        messaging.clock.instant += timedelta(minutes=1)
        await reply(messaging, "twilio", word, name="")
        assert await messaging.rows(last) == [(state,)]


async def test_what_cannot_be_read_holds_up_no_opt_out_beside_it(messaging: Any) -> None:
    """MSG-009: the gateway would repeat all of it for ever."""
    await known(messaging)
    path = urlsplit(LINKS.callbacks["aliyun_replies"]).path
    number = NUMBER.removeprefix("+")
    bad = [
        {"phone_number": "861", "content": "x" * 5000}, {"phone_number": "861", "content": None},
        {"phone_number": "861", "content": "a\0b"}, {}, {"phone_number": "SHOP", "content": "T"},
    ]  # fmt: skip
    async with messaging.client() as client:
        answer = await client.post(path, json=[*bad, {"phone_number": f"00{number}", "content": "回T退订"}, *bad])
    assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "ok"})
    said = "select distinct state from permissions where via = 'sms_reply'"
    assert await messaging.rows(said) == [("opted_out",)], "00 is read as +"


async def test_what_customers_write_back_is_kept_under_their_key(messaging: Any, rebuilt: Any) -> None:
    """MSG-061; and what an important one writes is a task of the people for them, once (MSG-027)."""
    await known(messaging)
    await ask(messaging)
    async with Gateway("twilio").listening() as gateway:
        await send(messaging, gateway)
    async with messaging.client() as client:
        desk = {"vip_desk": {"tiers": ["VIP"], "owner": "Li"}}
        assert (await client.put("/v1/shops/s/policy", json={"policy": desk})).status_code == 200
    for text in ("Do you have it in green?", "Do you have it in green?", "STOP"):
        assert (await reply(messaging, "twilio", text)).status_code == 200
    async with messaging.client() as client:
        listed = (await client.get("/v1/shops/s/replies?limit=1")).json()
        rest = (await client.get("/v1/shops/s/replies", params={"after": listed["next_after"]})).json()
        assert sorted(r["said"] for r in (*listed["replies"], *rest["replies"])) == ["other", "out"]
        assert "green" not in str((listed, rest))
        shown = (await client.get("/v1/shops/s/customers/c1/replies")).json()["replies"]
        assert {r["text"] for r in shown} == {"Do you have it in green?", "STOP"}
        assert (await client.get("/v1/shops/s/replies?after=x")).status_code == 422
        assert all(r["vip"] for r in shown)
    asked = await messaging.rows("select payload from outbox where type = 'task.wanted'")
    assert [(t.data.owner, t.subject) for (payload,) in asked for t in (decode(payload),)] == [("Li", "c1")]
    assert await messaging.rows("select 1 from replies where text like '%green%'") == []
    await rebuild(rebuilt, [*messaging.fed, *await announced(messaging)], 2)
    kept = "select shop, customer, reply_id, at, channel, said, text from replies order by 3"
    assert await rebuilt.rows(kept) == await messaging.rows(kept)


async def test_what_is_no_word_is_for_the_shop_that_wrote_to_the_number_last(messaging: Any) -> None:
    """SEC-001: one number writes for all shops, and who has a customer's number among its own reads none of theirs."""
    kept = "select shop, customer, said from replies order by at, shop, said"

    async def said(name: str, text: str = "Where is it?") -> Any:
        messaging.clock.instant += timedelta(minutes=1)
        assert (await reply(messaging, "twilio", text, name=name)).status_code == 200
        return await messaging.rows(kept)

    await known_elsewhere(messaging, "another", "ann", phone=NUMBER)
    assert await said("SM1") == [], "nobody wrote to her"
    await known(messaging)
    await ask(messaging)
    assert await said("SM2") == []
    async with Gateway("twilio").listening() as gateway:
        await send(messaging, gateway)
    first = ("s", "c1", "other")
    assert await said("SM3") == [first]
    messaging.clock.instant += timedelta(minutes=1)
    await sent_elsewhere(messaging, "another", "ann", "sms", NUMBER)
    assert await said("SM3") == [first], "told again it is shown to no second shop"
    second = ("another", "ann", "other")
    assert await said("SM4") == [first, second]
    assert await said("SM5", "STOP") == [first, second, ("another", "ann", "out"), ("s", "c1", "out")]
