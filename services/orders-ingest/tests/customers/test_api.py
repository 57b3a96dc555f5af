"""A customer sent as they stand is announced once, and only what changed; consents are passed on."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from common.crypto.sealing import personal_fields
from common.events import Event, from_dict, rfc3339
from common.events.customers import CustomerProfile
from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.api.customers import CustomerOut, ProfileIn
from orders_ingest.archive.vault import Vault
from orders_ingest.customers.rules import PROFILE_FIELDS, fields_of

Published = Callable[[], Awaitable[list[Event[Any]]]]

URL = "/v1/shops/demo/customers"
WHOLE = {
    "name": "Ann Li",
    "email": "ann@example.test",
    "phone": "+8613800138000",
    "chat": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=5ec-ret",
    "address": "1 Tea Street",
    "birthday": "1990-02-28",
    "gender": "female",
    "region": "Zhejiang",
    "city": "Hangzhou",
    "education": "university",
    "credit_level": "3 diamonds",
    "social": [{"platform": "weibo", "account": "ann-li"}],
    "interests": [
        {"kind": "book", "value": "Tea Classic", "source": "survey", "consented": True, "noted_on": "2026-01-02"}
    ],
    "language": "en",
    "zone": "Asia/Shanghai",
    "source": "counter",
}
ANN = {"name": "Ann", "email": "ann@example.test", "phone": "+8613800138000", "zone": "Asia/Shanghai"}


async def put(api: httpx.AsyncClient, path: str, body: Any) -> Any:
    answer = await api.put(f"{URL}{path}", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()["status"]


async def test_a_profile_is_registered_then_updated_and_announced_only_when_it_changed(
    api: httpx.AsyncClient, published: Published, vault: Vault, db: Database
) -> None:
    sent = [
        await put(api, "/c-1", ANN),
        await put(api, "/c-1", {**ANN, "phone": "+86 138-0013-8000"}),
        await put(api, "/c-1", {**ANN, "email": "ann@work.test"}),
        await put(api, "/c-1", {"name": "Ann"}),
        await put(api, "/c-1", {"name": "Ann"}),
    ]
    assert sent == ["accepted", "duplicate", "accepted", "accepted", "duplicate"]
    events = await published()
    assert [e.type for e in events] == ["customer.registered", "customer.updated", "customer.updated"]
    assert sorted({e.data.revision for e in events}) == [e.data.revision for e in events]
    async with db.transaction() as tx:
        key = (await vault.ring.keys_for(tx, [("demo", "c-1")]))["demo", "c-1"]
    opened = [vault.ring.open_event(e, key).data for e in events]
    assert [o.email for o in opened] == ["ann@example.test", "ann@work.test", None]
    shown = (await api.get(f"{URL}/c-1")).json()
    assert (shown["has"], shown["consents"]) == (["name"], [])
    assert "Ann" not in str(shown)


@pytest.mark.parametrize("field", PROFILE_FIELDS)
async def test_every_field_of_a_profile_is_kept_and_announced(
    api: httpx.AsyncClient, published: Published, vault: Vault, db: Database, field: str
) -> None:
    """Sent alone, then with the rest, then as before: a field is never dropped, nor forgotten by another one."""
    sent = [await put(api, "/c-1", body) for body in ({field: WHOLE[field]}, WHOLE, WHOLE, {field: WHOLE[field]})]
    assert sent == ["accepted", "accepted", "duplicate", "accepted"]
    async with db.transaction() as tx:
        key = (await vault.ring.keys_for(tx, [("demo", "c-1")]))["demo", "c-1"]
    opened = [fields_of(vault.ring.open_event(event, key).data) for event in await published()]
    alone = {field: WHOLE[field]}
    assert opened == [alone, WHOLE, alone]


async def test_a_field_that_came_as_an_event_is_known_to_an_upsert(api: httpx.AsyncClient, tell: Any) -> None:
    await api.post("/v1/events", json=tell.event("customer.registered", WHOLE))
    assert await put(api, "/c-1", WHOLE) == "duplicate"
    personal = sorted(personal_fields(CustomerProfile).own)
    assert (await api.get(f"{URL}/c-1")).json()["has"] == personal


@pytest.mark.parametrize("value", [{}, {"value": None}])
async def test_an_interest_in_nothing_is_refused_and_read(
    api: httpx.AsyncClient, tell: Any, value: dict[str, None]
) -> None:
    """MEM-004; of an erased customer it is read so (SEC-006)."""
    nothing = {"interests": [{"kind": "book", "consented": True, **value}]}
    event = tell.event("customer.updated", nothing)
    for answer in (
        await api.put(f"{URL}/c-1", json=nothing),
        await api.post(URL, json={"customers": [{"id": "c-1", **nothing}]}),
        await api.post("/v1/events", json=event),
    ):
        assert (answer.status_code, "an interest in nothing" in answer.text) == (422, True), answer.text
    assert from_dict(event).data.interests[0].value is None


async def test_an_interest_is_kept_by_the_customers_consent_alone_and_sealed(
    api: httpx.AsyncClient, published: Published, tell: Any, db: Database
) -> None:
    """SEC-008, C-19: by the upsert and by an event alike; what it is opens with the customer's key alone."""
    agreed = {"kind": "film", "value": "Yellow Earth", "source": "survey", "consented": True}
    others = [{"kind": "book", "value": "Red Sorghum"}, {"kind": "topic", "value": "tea", "consented": False}]
    sent = [
        await api.put(f"{URL}/c-1", json={"name": "Ann", "interests": [agreed, *others]}),
        await api.post("/v1/events", json=tell.event("customer.updated", {"interests": [*others, agreed]})),
    ]
    for answer in sent:
        assert answer.status_code == 202, answer.text
        assert [(f["field"], f["slug"]) for f in answer.json()["left_out"]] == [("interests", "no_consent")]
    assert await put(api, "/c-1", {"interests": others[:1]}) == "accepted"
    assert (await api.get(f"{URL}/c-1")).json()["interests"] == []
    assert await put(api, "/c-1", {"interests": [agreed]}) == "accepted"
    assert (await api.get(f"{URL}/c-1")).json()["interests"] == [{"kind": "film", "source": "survey", "noted_on": None}]
    assert [len(event.data.interests) for event in await published()] == [1, 1, 0, 1]
    async with db.transaction() as tx:
        rows = await tx.fetch("select cast(body as text) as body from profiles")
    kept = str([row.body for row in rows]) + str([event.as_dict() for event in await published()])
    for text in ("Yellow Earth", "Red Sorghum"):
        assert text not in kept


def test_the_routes_take_and_show_every_field_of_a_profile() -> None:
    assert tuple(ProfileIn.model_fields) == PROFILE_FIELDS == tuple(WHOLE)
    plain = set(PROFILE_FIELDS) - set(personal_fields(CustomerProfile).own)
    assert plain <= CustomerOut.model_fields.keys()


@pytest.mark.parametrize(
    ("field", "value", "slug"),
    [
        ("email", "ann", "invalid_email"),
        ("email", "用户@example.test", "invalid_email"),
        ("phone", "13800138000", "invalid_phone"),
        ("zone", "Mars/Base", "invalid_zone"),
        ("birthday", "yesterday", "invalid_birthday"),
        ("birthday", "1990-02-30", "invalid_birthday"),
        ("birthday", "2026-03-07", "invalid_birthday"),
        ("birthday", "1066-10-14", "invalid_birthday"),
    ],
)
async def test_a_field_that_cannot_be_used_is_left_out_and_named_and_the_rest_is_taken(
    field: Any, value: Any, slug: Any, api: httpx.AsyncClient, published: Published, tell: Any
) -> None:
    """By the upsert and by an event alike."""
    answer = await api.put(f"{URL}/c-1", json={**ANN, "birthday": "1990-02-28", field: value})
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    assert [(f["field"], f["slug"]) for f in answer.json()["left_out"]] == [(field, slug)]
    expected = sorted({"name", "email", "phone", "birthday"} - {field})
    assert (await api.get(f"{URL}/c-1")).json()["has"] == expected
    sent = await api.post("/v1/events", json=tell.event("customer.updated", {"name": "Ann", field: value}))
    assert [(f["field"], f["slug"]) for f in sent.json()["left_out"]] == [(field, slug)]
    assert len(await published()) == 2


@pytest.mark.parametrize("body", [{"name": "x" * 8001}, {"name": 7}])
async def test_a_profile_of_another_form_is_refused(body: Any, api: httpx.AsyncClient, published: Published) -> None:
    answer = await api.put(f"{URL}/c-1", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid_request")
    assert await published() == []


async def test_a_nightly_sync_that_repeats_an_old_consent_states_nothing(
    api: httpx.AsyncClient, published: Published, clock: FixedClock
) -> None:
    """An opt-out that messaging took meanwhile stays; only a changed value is dated when it is read."""
    consent = {"channel": "email", "granted": True}
    body = {"customers": [{"id": "c-1", "email": "a@example.test", "consents": [consent]}]}
    assert (await api.post(URL, json=body)).json()["results"][0]["status"] == "accepted"
    clock.set(clock.now() + timedelta(days=1))
    assert (await api.post(URL, json=body)).json()["results"][0]["status"] == "duplicate"
    assert await put(api, "/c-1/consents", {"consents": [consent]}) == "duplicate"
    assert len(await published()) == 2
    assert await put(api, "/c-1/consents", {"consents": [{**consent, "granted": False}]}) == "accepted"
    assert (await published())[-1].time == clock.now()
    assert await put(api, "/c-1/consents", {"consents": [{**consent, "at": rfc3339(clock.now())}]}) == "accepted"


async def test_a_changed_profile_is_dated_when_it_is_read_whenever_the_customer_registered(
    api: httpx.AsyncClient, published: Published, clock: FixedClock
) -> None:
    one = {"id": "c-1", "name": "Ann", "registered_at": "1997-01-01T00:00:00Z"}
    await api.post(URL, json={"customers": [one]})
    await api.post(URL, json={"customers": [{**one, "name": "Anna"}]})
    assert [(e.type, e.time) for e in await published()] == [
        ("customer.registered", datetime(1997, 1, 1, tzinfo=UTC)),
        ("customer.updated", clock.now()),
    ]


async def test_the_shops_version_numbers_and_ours_do_not_mix(api: httpx.AsyncClient, tell: Any) -> None:
    """What is answered 202 counts; what could never count is refused."""
    await put(api, "/c-1", ANN)
    sent = await api.post("/v1/events", json=tell.event("customer.updated", {"name": "Bo", "version": 5}))
    assert (sent.status_code, sent.json()["type"]) == (409, "/problems/version_mixed")
    own = tell.event("customer.updated", {"name": "Bo", "revision": 5})
    assert (await api.post("/v1/events", json=own)).json()["type"] == "/problems/invalid_data"
    for version in (7, 5):
        numbered = tell.event("customer.updated", {"name": "Cy", "version": version}, subject="c-2")
        assert (await api.post("/v1/events", json=numbered)).status_code == 202
    assert (await api.get(f"{URL}/c-2")).json()["revision"] == 7
    assert (await api.put(f"{URL}/c-2", json=ANN)).json()["type"] == "/problems/version_mixed"


async def test_times_at_the_calendars_ends_refuse_their_customer_alone(api: httpx.AsyncClient) -> None:
    bad = {"id": "bad", "registered_at": "0001-01-01T00:00:00+14:00"}
    answer = await api.post(URL, json={"customers": [{"id": "ok"}, bad]})
    assert [(r["status"], r.get("slug")) for r in answer.json()["results"]] == [
        ("accepted", None),
        ("refused", "time_too_old"),
    ]


async def test_many_customers_with_consents_at_once_each_with_a_result(
    api: httpx.AsyncClient, published: Published
) -> None:
    """As the demo shop registers its customers: with a past time, and consent to e-mail with its source."""
    consent = {"channel": "email", "granted": True, "source": "demo"}
    customers = [
        {"id": "c-1", "email": "c1@example.test", "registered_at": "1997-01-01T00:00:00Z", "consents": [consent]},
        {"id": "c-2", "email": "nothing"},
        {"id": "c-3", "registered_at": "1989-01-01T00:00:00Z"},
        {"id": "c-4", "consents": [{**consent, "at": "2027-01-01T00:00:00Z"}]},
    ]
    answer = await api.post(URL, json={"customers": customers})
    assert answer.status_code == 202
    assert [(r["id"], r["status"], r.get("slug")) for r in answer.json()["results"]] == [
        ("c-1", "accepted", None),
        ("c-2", "accepted", None),
        ("c-3", "refused", "time_too_old"),
        ("c-4", "refused", "time_in_future"),
    ]
    events = await published()
    assert [(e.type, e.subject, e.time.year) for e in events] == [
        ("customer.registered", "c-1", 1997),
        ("customer.consent_changed", "c-1", 1997),
        ("customer.registered", "c-2", 2026),
    ]
    assert (events[1].data.channel, events[1].data.granted, events[1].data.source) == ("email", True, "demo")
    again = await api.post(URL, json={"customers": customers[:1]})
    assert again.json()["results"] == [{"id": "c-1", "status": "duplicate"}]
    assert len(await published()) == 3
    twice = await api.post(URL, json={"customers": customers[:1] * 2})
    assert twice.status_code == 422


async def test_consents_are_accepted_and_the_newest_is_shown(api: httpx.AsyncClient, published: Published) -> None:
    """SEC-005: granted and withdrawn, each passed on; effective once messaging has read it."""
    await put(api, "/c-1", {})
    given = {"channel": "sms", "purpose": "survey", "granted": True, "at": "2026-03-01T00:00:00Z"}
    taken = {**given, "granted": False, "at": "2026-03-02T00:00:00Z"}
    assert await put(api, "/c-1/consents", {"consents": [taken]}) == "accepted"
    assert await put(api, "/c-1/consents", {"consents": [given]}) == "accepted"
    assert await put(api, "/c-1/consents", {"consents": [given, taken]}) == "duplicate"
    shown = (await api.get(f"{URL}/c-1")).json()["consents"]
    assert [(c["channel"], c["purpose"], c["granted"]) for c in shown] == [("sms", "survey", False)]
    assert [e.type for e in await published()] == ["customer.registered"] + ["customer.consent_changed"] * 2


async def test_an_unknown_customer_is_not_found(api: httpx.AsyncClient) -> None:
    assert (await api.get(f"{URL}/nobody")).json()["type"] == "/problems/unknown_customer"


async def test_personal_fields_are_read_in_plain_text_with_a_scope_of_their_own(
    api: httpx.AsyncClient, vault: Vault, db: Database
) -> None:
    """SEC: those asked for and no others; none of an erased customer."""
    await put(api, "/c-1", WHOLE)
    one = await api.get(f"{URL}/c-1/personal", params={"fields": ["email"]})
    assert (one.status_code, one.json()) == (200, {"id": "c-1", "fields": {"email": "ann@example.test"}})
    whole = await api.get(f"{URL}/c-1/personal", params={"fields": ["name", "phone", "address", "birthday", "chat"]})
    assert set(whole.json()["fields"].values()) == {WHOLE[n] for n in ("name", "phone", "address", "birthday", "chat")}
    await put(api, "/c-2", {"name": "Bea"})
    assert (await api.get(f"{URL}/c-2/personal", params={"fields": ["email"]})).json()["fields"] == {}
    for fields in ([], ["language"]):
        assert (await api.get(f"{URL}/c-1/personal", params={"fields": fields})).status_code == 422
    assert (await api.get(f"{URL}/nobody/personal", params={"fields": ["name"]})).status_code == 404
    async with db.transaction() as tx:
        await vault.ring.erase(tx, [("demo", "c-1")])
    gone = await api.get(f"{URL}/c-1/personal", params={"fields": ["email"]})
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/erased_customer")
