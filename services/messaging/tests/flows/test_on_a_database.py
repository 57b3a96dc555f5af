"""Flows through a database: begun by events and by days, moved, ended, drawn, asked about, and rebuilt."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from common.crypto.sealing import new_key, seal
from common.events.catalogue import ProductChanged
from common.events.customers import CustomerErased
from common.events.orders import OrderCompleted, OrderPlaced
from common.events.segments import LifeCycleChanged
from messaging.channels.smtp.connection import SmtpConnection
from messaging.jobs.beginning import Beginning
from messaging.jobs.moving import move_due_runs, take_due_runs
from regulars.stack.mailsink import MailSink
from regulars.testing import OwnTopics

from ..test_rebuild import TABLES, announced, kept, rebuild
from ..verification.test_verifying import verify

SHANGHAI = ZoneInfo("Asia/Shanghai")
BASE = "/v1/shops/s"
RUNS = """
    select customer, flow, number, step, reason, due_at is not null from flow_runs order by 1, 2, started_at, run_id
"""
SENT = """
    select customer, flow, template, outcome, reason, cause_at from candidates where flow not like 'order_%'
    order by flow, customer, cause_at
"""


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


async def sweep(service: Any) -> None:
    """What falls due: days begin, runs move, messages are decided, until nothing is due."""
    beginning, done = Beginning(service.keys), 1
    while done:
        async with service.database.transaction() as tx:
            now = service.clock.now()
            done = await beginning.begin_days(tx, now, 200)
            tasks = await take_due_runs(tx, now, 200)
            done += await move_due_runs(tx, now, tasks) if tasks else 0
        done += await service.decide()


async def at(service: Any, sending: Any, *instants: str) -> None:
    """It is each of these instants: what falls due is done, and what is queued is sent."""
    sender, connection = sending
    for text in instants:
        service.clock.instant = local(text)
        await sweep(service)
        while await sender.step(connection):
            pass


async def switch_on(service: Any, *flows: str, **changes: Any) -> None:
    async with service.client() as client:
        for flow in flows:
            found = (await client.get(f"{BASE}/flows/{flow}")).json()
            document = {**found["document"], "enabled": True, **changes}
            answer = await client.put(f"{BASE}/flows/{flow}", json={"document": document, "replaces": found["version"]})
            assert answer.status_code == 200, answer.text


def completed(service: Any, order: str, when: str, sequence: int, customer: str = "c1") -> Any:
    data = OrderCompleted(order_id=order, state="completed", currency="CNY", goods_paid=1000, sequence=sequence)
    return service.event(data, f"{customer}-{order}", local(when), customer=customer)


async def born(service: Any, customer: str, birthday: str, **more: Any) -> None:
    key = service.data_keys.setdefault(customer, new_key())
    sealed = seal(birthday, key, "k1", "s", customer, "birthday")
    await service.feed(*service.known(customer, birthday=sealed, **more))


async def story(service: Any, sending: Any) -> None:
    """Two weeks of flows: nurture that a purchase ends and begins anew, a birthday, a launch, one turned away."""
    service.clock.instant = local("2025-03-04 10:00")
    await switch_on(service, "nurture", "birthday", "new_arrival", "wake_up")
    await born(service, "c1", "1990-06-01")
    await born(service, "c2", "1990-03-05", zone="America/New_York")
    await born(service, "c3", "1990-03-05", consent=False)
    await service.feed(
        completed(service, "o1", "2025-03-04 10:00", 1),
        completed(service, "ancient", "2024-01-04 10:00", 1, "c2"),
        service.event(
            ProductChanged(sku="tea", name="Tea", launched_on=date(2025, 3, 12), stock=3, revision=1),
            "tea",
            local("2025-03-04 10:00"),
            customer=None,
        ),
    )
    sleeping = [LifeCycleChanged(new="sleeping", confidence="low", usual_gap_days=30.4, revision=n) for n in (1, 2)]
    await service.feed(*[service.event(d, f"sleep-{n}", customer="c2") for n, d in enumerate(sleeping)])
    await at(service, sending, "2025-03-04 10:00", "2025-03-05 09:30", "2025-03-05 22:30", "2025-03-06 14:30")
    await at(service, sending, "2025-03-12 10:00", "2025-03-12 14:30", "2025-03-14 10:00")
    # Bought again while the first journey waits: it ends at once, and the second begins.
    paid = OrderPlaced(order_id="o2", state="placed", currency="CNY", goods_paid=500)
    await service.feed(
        service.event(paid, "o2-placed", local("2025-03-15 12:00")), completed(service, "o2", "2025-03-15 12:00", 2)
    )
    await at(service, sending, "2025-03-15 12:01")
    await service.feed(service.event(CustomerErased(), "c3-erased", local("2025-03-15 12:02"), customer="c3"))


async def test_flows_go_their_way_and_a_rebuild_finds_them_there(
    messaging: Any, rebuilt: Any, mailsink: MailSink, connection: SmtpConnection, topics: OwnTopics
) -> None:
    """MSG-029, MSG-032, MSG-037, MSG-040, R5a."""
    await story(messaging, (messaging.sender(mailsink.port), connection))
    assert await messaging.rows(RUNS) == [
        ("c1", "nurture", 3, None, "goal", False),
        ("c1", "nurture", 1, "after_second", "waiting", True),
        ("c2", "wake_up", 1, None, "finished", False),
        ("c2", "wake_up", 1, None, "too_soon", False),
    ], "of ancient orders nothing begins"
    assert await messaging.rows(SENT) == [
        ("c2", "birthday", "birthday", "send", "allowed", local("2025-03-05 22:30")),
        ("c3", "birthday", "birthday", "suppress", "no_consent", local("2025-03-05 09:30")),
        ("c1", "new_arrival", "new_arrival", "send", "allowed", local("2025-03-12 10:00")),
        ("c2", "new_arrival", "new_arrival", "hold", "window", local("2025-03-12 22:00")),
        ("c3", "new_arrival", "new_arrival", "suppress", "no_consent", local("2025-03-12 10:00")),
        ("c1", "nurture", "nurture_first", "send", "allowed", local("2025-03-14 10:00")),
        ("c2", "wake_up", "wake_up", "send", "allowed", local("2025-03-04 10:00")),
    ], "each at the hour of its recipient"
    assert "New today: Tea." in mailsink.store.read_text("utf-8")
    await ask(messaging)
    log = [*messaging.fed, *await announced(messaging)]
    await rebuild(rebuilt, log, 3)
    rebuilt.clock.instant = messaging.clock.now()
    await sweep(rebuilt)
    before, after = await kept(messaging), await kept(rebuilt)
    for table in TABLES:
        assert after[table] == before[table], table
    assert await rebuilt.rows("select type from outbox") == [], "nothing goes out"
    assert await rebuilt.rows("select 1 from personal_dates where customer = 'c3' and kind = 'birthday'") == []
    assert await verify(messaging, topics) == []
    await messaging.rows("update flow_moves set reason = 'finished' where reason = 'goal' returning 1")
    found = await verify(messaging, topics)
    assert any("messaging keeps something else than was announced" in sentence for sentence in found), found


async def imagine(client: Any) -> None:
    """What-if over the two weeks says what was sent by the flows in use, and what others would have sent."""
    span = {"since": "2025-03-01T00:00:00Z", "until": "2025-04-20T00:00:00Z"}
    asked = await client.post(f"{BASE}/flows/nurture/what-if", json=span)
    assert asked.status_code == 200, asked.text
    told = asked.json()
    assert told["runs"] == {"goal": 1, "finished": 1}
    assert {t: sum(n.values()) for t, n in told["messages"].items()} == {"nurture_first": 1, "nurture_third": 1}
    assert [(w["customer"], w["template"], w["due_at"][:10]) for w in told["shown"]] == [
        ("c1", "nurture_first", "2025-03-14"),
        ("c1", "nurture_third", "2025-04-04"),
    ]
    first = (await client.post(f"{BASE}/flows/birthday/what-if", json={**span, "customers": 2})).json()
    assert (first["customers"], first["next_after"]) == (2, "c2")
    assert first["messages"] == {"birthday": {"allowed": 1}}
    rest = (await client.post(f"{BASE}/flows/birthday/what-if", json={**span, "after": "c2"})).json()
    assert rest["messages"] == {}, "an erased customer has no birthday"
    nothing = await client.post(f"{BASE}/flows/tier/what-if", json=span)
    assert (nothing.status_code, nothing.json()["type"].rsplit("/")[-1]) == (422, "no_history")
    backwards = await client.post(
        f"{BASE}/flows/nurture/what-if", json={"since": span["until"], "until": span["since"]}
    )
    assert backwards.status_code == 422


async def ask(service: Any) -> None:
    """What the routes say of it all."""
    async with service.client() as client:
        journeys = (await client.get(f"{BASE}/customers/c1/journeys")).json()["runs"]
        assert [(r["reason"], [m["reason"] for m in r["moves"]]) for r in journeys] == [
            ("waiting", ["waiting"]),
            ("goal", ["waiting", "waiting", "goal"]),
        ]
        assert journeys[1]["moves"][1]["path"] == ["first", "still_first"]
        page = (await client.get(f"{BASE}/customers/c1/journeys?limit=1")).json()
        later = (await client.get(f"{BASE}/customers/c1/journeys", params={"after": page["next_after"]})).json()
        assert [*page["runs"], *later["runs"]] == journeys
        open_ones = (await client.get(f"{BASE}/customers/c1/journeys?which=open")).json()["runs"]
        assert open_ones == journeys[:1]
        figures = (await client.get(f"{BASE}/flows/nurture/figures")).json()
        assert figures["waiting"] == [{"step": "after_second", "customers": 1}]
        assert (figures["ended"], figures["messages"]) == ({"goal": 1}, {"sent": 1})
        picture = await client.get(f"{BASE}/flows/nurture/picture")
        assert picture.headers["content-type"].startswith("image/svg+xml")
        saved = (await client.get(f"{BASE}/flows/nurture/versions")).json()["versions"]
        assert [(v["version"], v["document"]["enabled"]) for v in saved] == [(1, True)]
        assert (await client.get(f"{BASE}/flows/win_back/versions")).json() == {"versions": []}, "as delivered"
        listed = {f["flow"]: f for f in (await client.get(f"{BASE}/flows")).json()["flows"]}
        assert (listed["nurture"]["enabled"], listed["win_back"]["enabled"]) == (True, False)
        document = (await client.get(f"{BASE}/flows/nurture")).json()["document"]
        await imagine(client)
        refused = await client.put(f"{BASE}/flows/birthday", json={"document": document})
        assert (refused.status_code, refused.json()["type"].rsplit("/")[-1]) == (422, "flow_refused")
        again = await client.put(f"{BASE}/flows/nurture", json={"document": document, "replaces": 0})
        assert (again.status_code, again.json()["version"]) == (409, 1)
        assert (await client.get(f"{BASE}/flows/nothing")).status_code == 404
