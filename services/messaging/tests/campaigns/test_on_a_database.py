"""A campaign from draft to lift: paused, resumed, stopped by harm, rebuilt; nobody is written to twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common.events.orders import OrderPlaced
from common.events.segments import SegmentDefined, SegmentEntered
from messaging.channels.smtp.connection import SmtpConnection
from messaging.jobs import planning
from messaging.jobs.campaigning import wake_resumed, watch_campaigns
from messaging.jobs.planning import Planning
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..campaigns_of import SPRING
from ..test_rebuild import announced, mails, rebuild
from ..verification.test_verifying import verify

BASE = "/v1/shops/s/campaigns/spring"
EVERYBODY = [f"c{n:02}" for n in range(24)]
MINE = {
    **SPRING,
    "hold_out_percent": 25,
    "group": [{"what": "segment.spring", "is": "in"}],
    "stop": {"after": 10, "opt_outs_per_thousand": 100},
    "cost_per_message": 10,
}
KEPT = (
    "select shop, version, campaign, state, reason, by, cast(document as text) from campaign_versions order by 1, 2",
    "select shop, campaign, customer, arm, at from campaign_members order by 1, 2, 3",
    "select shop, campaign, state, entered_upto, looked_at, treated, held_out, done from campaigns",
)


async def sweep(service: Any, *, rounds: int = 100) -> None:
    for _ in range(rounds):
        async with service.database.transaction() as tx:
            woken = await wake_resumed(tx, service.clock.now(), 200)
            done = await Planning(service.database).plan(tx, service.clock.now(), 200) + woken
        if not done:
            break
    await service.decide()


async def act(client: Any, action: str, status: int = 200, **said: str) -> Any:
    answer = await client.post(f"{BASE}/actions", json={"action": action, **said})
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_campaign_goes_its_way(
    messaging: Any, rebuilt: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics, monkeypatch: Any
) -> None:
    """MSG-049 to MSG-051, MSG-057, MSG-062."""
    monkeypatch.setattr(planning, "MOST", 5)
    now, sender = messaging.clock.now(), messaging.sender(mailsink.port)
    for customer in EVERYBODY:
        await messaging.feed(*messaging.known(customer))
        entered = SegmentEntered(segment="spring", episode="1", since=now, revision=1)
        if customer != "c23":
            await messaging.feed(messaging.event(entered, f"{customer}-in", now, customer=customer))
    async with messaging.client() as client:
        waiting = {**MINE, "checklist": [{"task": "gifts are there"}]}
        drafted = await client.put(BASE, json={"document": waiting})
        assert (drafted.status_code, drafted.json()["to_do"]) == (200, ["checklist: gifts are there"])
        assert (await act(client, "start", 409))["type"].rsplit("/")[-1] == "not_in_this_state"
        older = {"action": "start", "replaces": drafted.json()["version"] + 1}
        refused = await client.post(f"{BASE}/actions", json=older)
        assert (refused.status_code, "another version meanwhile" in refused.text) == (409, True)
        wrong = await client.put(BASE, json={"document": {**MINE, "group": [{"what": "luck", "is": "1"}]}})
        assert (wrong.status_code, wrong.json()["type"].rsplit("/")[-1]) == (422, "campaign_refused")
        misspelt = {**MINE, "group": [{"what": "segment.sprnig", "is": "in"}]}
        told = await client.put(BASE, json={"document": misspelt})
        assert (told.status_code, "there is no segment 'sprnig'" in told.text) == (422, True)
        defined = SegmentDefined(version=1, valid_from=now, segment="sprnig", name="Spring", expression="lapsed")
        await messaging.feed(messaging.event(defined, "defined", now, customer=None))
        assert (await client.put(BASE, json={"document": misspelt})).status_code == 200, "nobody is in it yet"
        gone = defined.model_copy(update={"version": 2, "archived": True})
        await messaging.feed(messaging.event(gone, "archived", now, customer=None))
        assert (await client.put(BASE, json={"document": misspelt})).status_code == 422
        narrow = {**MINE, "channels": ["email", "sms"], "most_messages": 1}
        small = await client.put(BASE, json={"document": narrow})
        assert (small.status_code, "may cost 2 messages" in small.text) == (422, True), "nobody could be written to"
        assert (await client.put(BASE, json={"document": MINE, "replaces": 2})).status_code == 200
        assert (await client.get(f"{BASE}/sheet")).json()["at_most"] == 23
        await sweep(messaging)
        assert await messaging.rows("select 1 from candidates") == [], "a draft does nothing"
        assert (await client.get(BASE)).json()["by"] is None
        assert (await act(client, "start"))["by"] == "api"
        await sweep(messaging, rounds=2)
        paused = await act(client, "pause", by="Mara", reason="too dear (Li)")
        assert (paused["by"], paused["reason"]) == ("Mara", "too dear (Li)"), "a reason names nobody"
        assert [each["by"] for each in (await client.get(BASE.rpartition("/")[0])).json()["campaigns"]] == ["Mara"]
        await sweep(messaging)
        assert set(await messaging.outcomes()) <= {("send", "allowed"), ("hold", "campaign_paused")}
        while await sender.step(connection):
            pass
        assert mails(mailsink) == [], "what was queued waits, too"
        await sweep(messaging)
        assert ("send", "allowed") not in await messaging.outcomes(), "the pause holds what it holds"
        messaging.clock.instant += timedelta(days=5)
        await sweep(messaging)
        assert ("suppress", "stale") not in await messaging.outcomes(), "a pause makes no message old"
        await act(client, "resume")
        await sweep(messaging)
        while await sender.step(connection):
            pass
        progress = (await client.get(f"{BASE}/progress")).json()
        assert (progress["share"], progress["looked_at"], progress["to_look_at"]) == (1.0, 23, 23)
        assert progress["treated"] + progress["held_out"] == 23
        assert progress["messages"] == {"sent": progress["treated"]}
        written_to = [mail["to"] for mail in mails(mailsink)]
        assert len({str(to) for to in written_to}) == len(written_to) == progress["treated"], "each once"
        bought = OrderPlaced(order_id="o", state="placed", currency="CNY", goods_paid=1)
        messaging.clock.instant += timedelta(days=1)
        members = await messaging.rows("select customer, arm from campaign_members order by 1")
        treated = [c for c, arm in members if arm != "hold_out"]
        await messaging.feed(
            *[messaging.event(bought, f"{c}-o", messaging.clock.now(), customer=c) for c in treated[:6]]
        )
        lift = (await client.get(f"{BASE}/lift")).json()
        assert lift["treated"] == 6 / len(treated)
        assert (lift["held_out"], lift["cost"]) == (0, 10 * len(treated))
        assert lift["low"] < lift["difference"] < lift["high"]
        assert sum(arm["customers"] for arm in lift["arms"]) == 23
        assert await verify(messaging, topics) == []
        # Opt-outs beyond what is allowed stop it.
        for customer in treated[:3]:
            body = {"customer": customer, "channel": "email"}
            assert (await client.post("/v1/shops/s/opt-outs", json=body)).status_code == 200
        async with messaging.database.transaction() as tx:
            assert await watch_campaigns(tx, messaging.clock.now(), 1) == 1
            assert await watch_campaigns(tx, messaging.clock.now(), 1) == 0, "once a minute"
        stopped = (await client.get(BASE)).json()
        assert stopped["state"] == "stopped"
        assert "3 opt-outs after" in stopped["reason"]
        assert stopped["by"] is None, "it came there by itself"
        assert (await client.put(BASE, json={"document": MINE})).status_code == 409
        assert [c["state"] for c in (await client.get("/v1/shops/s/campaigns")).json()["campaigns"]] == ["stopped"]
        assert (await client.get("/v1/shops/s/campaigns/other")).status_code == 404
    messaging.fed.clear()
    await rebuild(rebuilt, [e for e in await announced(messaging) if e.data.TOPIC == "messages"], 5)
    for kept in KEPT:
        assert await rebuilt.rows(kept) == await messaging.rows(kept)
    ids = "select message_id, template, cause from candidates where flow = 'campaign' order by 1"
    assert await rebuilt.rows(ids) == await messaging.rows(ids)
