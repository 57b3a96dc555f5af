"""Is a customer told as they stand announced once, and only what changed? Are consents passed on?"""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from common.db import Database
from common.events import Event
from orders_ingest.handlers.ingest import Vault

Published = Callable[[], Awaitable[list[Event[Any]]]]

URL = "/v1/shops/demo/customers"
ANN = {"name": "Ann", "email": "ann@example.test", "phone": "+8613800138000", "zone": "Asia/Shanghai"}


async def put(api: httpx.AsyncClient, path: str, body: Any) -> Any:
    answer = await api.put(f"{URL}{path}", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()["status"]


async def test_a_profile_is_registered_then_updated_and_told_only_when_it_changed(
    api: httpx.AsyncClient, published: Published, vault: Vault, db: Database
) -> None:
    told = [
        await put(api, "/c-1", ANN),
        await put(api, "/c-1", {**ANN, "phone": "+86 138-0013-8000"}),
        await put(api, "/c-1", {**ANN, "email": "ann@work.test"}),
        await put(api, "/c-1", {"name": "Ann"}),
        await put(api, "/c-1", {"name": "Ann"}),
    ]
    assert told == ["accepted", "duplicate", "accepted", "accepted", "duplicate"]
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


@pytest.mark.parametrize(
    ("body", "slug"),
    [
        ({"email": "ann"}, "invalid_email"),
        ({"phone": "13800138000"}, "invalid_phone"),
        ({"zone": "Mars/Base"}, "invalid_zone"),
        ({"birthday": "yesterday"}, "invalid_birthday"),
        ({"name": "x" * 8001}, "invalid_request"),
        ({"name": 7}, "invalid_request"),
    ],
)
async def test_a_profile_that_cannot_be_used_is_refused(
    body: Any, slug: Any, api: httpx.AsyncClient, published: Published
) -> None:
    answer = await api.put(f"{URL}/c-1", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}")
    assert await published() == []


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
        ("c-2", "refused", "invalid_email"),
        ("c-3", "refused", "time_too_old"),
        ("c-4", "refused", "time_in_future"),
    ]
    events = await published()
    assert [(e.type, e.subject, e.time.year) for e in events] == [
        ("customer.registered", "c-1", 1997),
        ("customer.consent_changed", "c-1", 1997),
    ]
    assert (events[1].data.channel, events[1].data.granted, events[1].data.source) == ("email", True, "demo")
    again = await api.post(URL, json={"customers": customers[:1]})
    assert again.json()["results"] == [{"id": "c-1", "status": "duplicate"}]
    assert len(await published()) == 2
    twice = await api.post(URL, json={"customers": customers[:1] * 2})
    assert twice.status_code == 422


async def test_consents_are_accepted_and_the_newest_is_shown(api: httpx.AsyncClient, published: Published) -> None:
    """SEC-005: granted and withdrawn, each told on; effective once messaging has read it."""
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
