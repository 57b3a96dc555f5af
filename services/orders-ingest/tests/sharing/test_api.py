"""A partner is given pseudonyms within an agreement, and what was given is registered (SEC-007)."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from common.time.clock import FixedClock

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)

BASE = "/v1/shops/demo"
POTS, CUPS = f"{BASE}/sharing/partners/pots", f"{BASE}/sharing/partners/cups"
TERMS = {
    "name": "Teapot Works",
    "purpose": "the joint campaign of spring",
    "basis": "pseudonyms",
    "customer_fields": ["city", "orders", "paid", "gender"],
    "order_fields": ["categories", "month"],
    "by": "mara",
}
SHARE = {"what": "customers", "fields": ["orders", "city"], "by": "mara"}


async def file(api: httpx.AsyncClient, path: str) -> list[dict[str, str]]:
    answer = await api.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


async def put(api: httpx.AsyncClient, path: str, body: dict[str, Any], status: int = 200) -> Any:
    answer = await api.put(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def shop(api: httpx.AsyncClient, tell: Any) -> None:
    """Eleven customers of Hangzhou, c-11 among them absorbed by c-10, who lives in Bern now; c-12 of Bern alone."""
    await put(api, f"{BASE}/settings", {"zone": "Asia/Shanghai", "currency": "CNY"})
    people = [
        {
            "id": f"c-{n:02}",
            "city": "Hangzhou" if n < 10 else "Bern",
            "name": f"Name {n}",
            "phone": f"+86130000000{n:02}",
        }
        for n in range(13)
    ]
    answer = await api.post(f"{BASE}/customers", json={"customers": people})
    assert answer.status_code == 202, answer.text
    lines = [{"sku": "s-1", "quantity": 1, "unit_price": 9990, "paid": 9990, "category": "tea"}]
    orders = [
        tell.order(data={"order_id": f"o-{n:02}", "lines": lines}, subject=f"c-{n:02}", time="2026-02-01T10:00:00Z")
        for n in range(13)
    ]
    answer = await api.post(f"{BASE}/events", json=orders)
    assert answer.status_code == 202, answer.text
    answer = await api.post(f"{BASE}/customers/c-10/merge", json={"absorbed": "c-11"})
    assert answer.status_code == 200, answer.text


async def test_a_partner_is_told_of_customers_under_pseudonyms_of_its_own(api: httpx.AsyncClient, tell: Any) -> None:
    """SEC-007: a person with two identifiers is one row; what describes fewer than ten is withheld; who says no or is
    erased is gone from the next file, and the partner hears which pseudonym to delete; the register says all of it."""
    await shop(api, tell)
    await put(api, POTS, TERMS)
    await put(api, CUPS, {**TERMS, "name": "Cups", "basis": "consent"})
    for path in (POTS, CUPS):
        await put(api, f"{path}/shares/spring", SHARE)
    rows = await file(api, f"{POTS}/shares/spring/file")
    assert sorted((row["city"], row["orders"]) for row in rows) == [("", "1"), ("", "2"), *[("Hangzhou", "1")] * 10]
    assert all(set(row) == {"customer", "orders", "city"} and len(row["customer"]) == 32 for row in rows)
    assert await file(api, f"{POTS}/shares/spring/file") == rows, "the same pseudonyms"
    assert await file(api, f"{CUPS}/shares/spring/file") == [], "nobody has said yes"

    await put(api, f"{BASE}/customers/c-01/sharing", {"granted": True, "source": "checkout"})
    await put(api, f"{BASE}/customers/c-11/sharing", {"granted": False, "partner": "pots"})
    (told,) = await file(api, f"{CUPS}/shares/spring/file")
    assert told["customer"] not in {row["customer"] for row in rows}, "two partners' pseudonyms cannot be joined"
    assert told["city"] == "", "of one nothing is described"
    mistyped = await put(api, f"{BASE}/customers/c-03/sharing", {"granted": False, "partner": "teapot-works"}, 404)
    assert mistyped["type"].endswith("unknown_sharing_partner"), "a no to nobody would be lost without a word"
    word = {"granted": True, "source": "told by phone +86 130"}
    assert (await put(api, f"{BASE}/customers/c-02/sharing", word))["said"][0]["source"]
    assert (await api.post(f"{BASE}/customers/c-02/erasure")).status_code == 202
    said = (await api.get(f"{BASE}/customers/c-02/sharing")).json()["said"]
    assert [(one["granted"], one["source"]) for one in said] == [(True, None)], "no text outlives the erasure"
    assert (await put(api, f"{BASE}/customers/c-02/sharing", word, 409))["type"].endswith("customer_erased")
    later = await file(api, f"{POTS}/shares/spring/file")
    assert len(later) == 10
    missing = {row["customer"] for row in rows} - {row["customer"] for row in later}
    assert len(missing) == 2
    gone = {row["customer"]: row["because"] for row in await file(api, f"{POTS}/gone")}
    assert missing <= set(gone)
    assert sorted(gone[one] for one in missing) == ["erased", "refused"]
    assert sorted(gone.values()) == ["erased", "refused", "refused"], "c-10's of before c-11 was absorbed, and c-11's"
    assert {row["because"] for row in await file(api, f"{CUPS}/gone")} == {"erased"}

    await put(api, f"{POTS}/shares/orders", {**SHARE, "what": "orders", "fields": ["month", "categories"]})
    orders = await file(api, f"{POTS}/shares/orders/file")
    assert {row["customer"] for row in orders} == {row["customer"] for row in later}
    assert {(row["month"], row["categories"]) for row in orders} == {("2026-02", "tea")}
    assert not {f"o-{n:02}" for n in range(13)} & {row["order"] for row in orders}

    register = (await api.get(f"{POTS}/shares")).json()["items"]
    assert [(one["share_id"], one["what"], one["fields"], one["purpose"], one["asked_by"]) for one in register] == [
        ("orders", "orders", ["month", "categories"], TERMS["purpose"], "mara"),
        ("spring", "customers", ["orders", "city"], TERMS["purpose"], "mara"),
    ]
    files = register[1]["files"]
    assert {(one["basis"], one["purpose"]) for one in files} == {("pseudonyms", TERMS["purpose"])}
    assert [(one["customers"], one["rows"], one["withheld"], one["key_number"]) for one in files] == [
        (12, 12, 2, 1), (12, 12, 2, 1), (10, 10, 10, 1)
    ]  # fmt: skip
    assert all(one["ended_at"] for one in files)


async def test_what_was_given_under_a_key_counts_when_the_terms_change(
    api: httpx.AsyncClient, tell: Any, clock: FixedClock
) -> None:
    """SEC-007: files of two fields one after the other are joined by their pseudonyms; the register says under which
    terms each was given; who is asked for a consent only now is named to the partner, and nobody's terms are lost."""
    await shop(api, tell)
    clock.set(NOW + timedelta(hours=1))
    answer = await api.post(
        f"{BASE}/customers", json={"customers": [{"id": f"c-{n:02}", "gender": "male"} for n in range(10, 13)]}
    )
    assert answer.status_code == 202, answer.text
    for n in range(10):
        assert (await api.put(f"{BASE}/customers/c-{n:02}", json={"city": "Hangzhou", "gender": "male"})).is_success
    assert (await api.put(f"{BASE}/customers/c-09", json={"city": "Hangzhou", "gender": "female"})).is_success
    one = {**TERMS, "customer_fields": ["city"]}
    await put(api, POTS, {**one, "replaces": 0})
    await put(api, f"{POTS}/shares/city", {**SHARE, "fields": ["city"]})
    rows = await file(api, f"{POTS}/shares/city/file")
    assert [row["city"] for row in rows].count("Hangzhou") == 10
    assert (await put(api, POTS, {**one, "purpose": "mine", "replaces": 0}, 409))["type"].endswith("agreement_changed")
    other = await put(api, POTS, {**TERMS, "customer_fields": ["gender"], "purpose": "B", "replaces": 1})
    assert (other["version"], other["described"]) == (2, ["city", "gender"])
    assert await put(api, POTS, {**TERMS, "customer_fields": ["gender"], "purpose": "B", "replaces": 1}) == other
    await put(api, f"{POTS}/shares/gender", {**SHARE, "fields": ["gender"]})
    rows = await file(api, f"{POTS}/shares/gender/file")
    assert {row["gender"] for row in rows} == {""}, "nine are men of Hangzhou, and the partner has the cities"
    assert len(await file(api, f"{POTS}/gone")) == 0
    await put(api, f"{BASE}/customers/c-03/sharing", {"granted": True})
    await put(api, POTS, {**TERMS, "customer_fields": ["gender"], "purpose": "B", "basis": "consent", "replaces": 2})
    assert len(await file(api, f"{POTS}/shares/gender/file")) == 1
    gone = await file(api, f"{POTS}/gone")
    assert (len(gone), {row["because"] for row in gone}) == (12, {"no_consent"})
    (register,) = [one for one in (await api.get(f"{POTS}/shares")).json()["items"] if one["share_id"] == "gender"]
    assert [(one["purpose"], one["basis"]) for one in register["files"]] == [("B", "pseudonyms"), ("B", "consent")]
    replaced = (await api.post(f"{POTS}/key", json={"replaces": 1, "by": "theo"})).json()
    assert (replaced["described"], replaced["key_by"]) == (["gender"], "theo")
    assert await file(api, f"{POTS}/gone") == []


async def test_an_agreement_is_narrowed_its_key_replaced_and_revoked(
    api: httpx.AsyncClient, tell: Any, clock: FixedClock
) -> None:
    """SEC-007: nothing is given beyond it; each refusal says what to do; a replaced key makes other pseudonyms."""
    await shop(api, tell)
    unknown = await put(api, f"{POTS}/shares/a", SHARE, 404)
    assert unknown["type"].endswith("unknown_sharing_partner")
    assert (await put(api, POTS, {**TERMS, "customer_fields": ["phone"]}, 422))["type"].endswith("invalid_request")
    assert (await put(api, POTS, {**TERMS, "customer_fields": [], "order_fields": []}, 422))["status"] == 422
    agreed = await put(api, POTS, TERMS)
    assert await put(api, POTS, TERMS) == agreed
    outside = await put(api, f"{POTS}/shares/a", {**SHARE, "fields": ["orders", "language"]}, 422)
    assert outside["type"].endswith("field_not_agreed")
    assert "language" in outside["detail"]
    asked = await put(api, f"{POTS}/shares/a", SHARE)
    assert await put(api, f"{POTS}/shares/a", SHARE) == asked
    assert (await put(api, f"{POTS}/shares/a", {**SHARE, "fields": ["city"]}, 409))["type"].endswith("share_known")
    rows = await file(api, f"{POTS}/shares/a/file")
    before = {row["customer"] for row in rows}
    assert [row["city"] for row in rows].count("Hangzhou") == 10
    clock.set(NOW + timedelta(hours=1))
    assert (await api.put(f"{BASE}/customers/c-05", json={"city": "Hangzhou", "gender": "female"})).is_success
    rows = await file(api, f"{POTS}/shares/a/file")
    assert {row["city"] for row in rows} == {""}, "of nine and one: files with one field each could be joined"

    replaced = await api.post(f"{POTS}/key", json={"replaces": 1, "by": "mara"})
    assert replaced.json()["key_number"] == 2
    assert (await api.post(f"{POTS}/key", json={"replaces": 1, "by": "mara"})).json() == replaced.json()
    assert (await api.post(f"{POTS}/key", json={"replaces": 7, "by": "mara"})).status_code == 409
    after = {row["customer"] for row in await file(api, f"{POTS}/shares/a/file")}
    assert len(after) == len(before)
    assert not after & before

    await put(api, POTS, {**TERMS, "customer_fields": ["orders"]})
    assert (await api.get(f"{POTS}/shares/a/file")).json()["type"].endswith("field_not_agreed"), "it was narrowed"
    ended = await api.post(f"{POTS}/revocation", json={"by": "mara"})
    assert (await api.post(f"{POTS}/revocation", json={"by": "theo"})).json() == ended.json()
    for answer in (await api.get(f"{POTS}/shares/a/file"), await api.get(f"{POTS}/gone")):
        assert answer.status_code == 409
        assert answer.json()["type"].endswith("agreement_revoked")
    assert (await api.get(f"{POTS}/shares")).json()["items"][0]["files"], "the register stays"
    assert (await put(api, POTS, TERMS))["key_number"] == 3, "a new agreement has other pseudonyms"
    assert (await api.get(f"{BASE}/sharing/partners")).json()["items"][0]["revoked_by"] is None
    assert (await put(api, f"{BASE}/customers/nobody/sharing", {"granted": True}, 404))["type"].endswith(
        "unknown_customer"
    )
