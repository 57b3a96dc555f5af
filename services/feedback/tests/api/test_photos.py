"""Photos over HTTP on a real PostgreSQL: kept encrypted, shown, compared in claims, gone with the customer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from common.events import Event
from common.events.customers import CustomerErased, CustomerMerged
from common.events.feedback import PhotoStored
from feedback.jobs.removing import remove_photos
from feedback.jobs.verifying import PHOTOS
from feedback.main import keeper
from feedback.verification.expected import expectations

from ..conftest import MARCH, Feedback, completed
from ..photos.test_rules import encoded, scene
from .test_claims import claim

OF = "/v1/shops/s/customers/{}/photos"
ROWS = "select customer, photo_id, stored_as, content_type, size, digest, fingerprint, at from photos order by 1, 2"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where photos are kept in this test."""
    monkeypatch.setenv("PHOTO_DIR", str(tmp_path / "photos"))
    keeper.cache_clear()
    yield tmp_path / "photos"
    keeper.cache_clear()


async def put(feedback: Feedback, photo_id: str, body: bytes, customer: str = "ann", kind: str = "image/jpeg") -> Any:
    address = f"{OF.format(customer)}/{photo_id}"
    return await feedback.client.put(address, content=body, headers={"content-type": kind})


def files(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_a_photo_is_kept_encrypted_shown_verified_rebuilt_and_erased(
    feedback: Feedback, rebuilt: Feedback, folder: Path
) -> None:
    """SEC-006: the bytes on disk are those of no photo, and go with the customer."""
    image, png = scene(1), encoded(scene(2), "PNG")
    body = encoded(image)
    for customer in ("ann", "bob"):
        await feedback.issue_key(customer)
        await feedback.handle(completed(f"o-{customer}", customer=customer))
    kept = await put(feedback, "p1", body)
    assert (kept.status_code, kept.json()["width"], kept.json()["content_type"]) == (201, 640, "image/jpeg")
    assert ((await put(feedback, "p1", body)).status_code, len(files(folder))) == (200, 1)
    assert (await put(feedback, "p1", png)).json()["type"] == "/problems/photo_differs"
    assert (await put(feedback, "p1", png, "bob", "image/jpeg")).json()["content_type"] == "image/png", "by its bytes"
    assert all(b"JFIF" not in file and b"\x89PNG\r\n" not in file for file in files(folder))
    got = await feedback.client.get(f"{OF.format('ann')}/p1")
    assert (got.content, got.headers["content-type"]) == (body, "image/jpeg")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert (await feedback.client.get(f"{OF.format('ann')}/p2")).json()["type"] == "/problems/unknown_photo"
    await feedback.handle(
        Event(
            "m1",
            "/shops/s/orders-ingest",
            "s",
            "ann",
            MARCH,
            CustomerMerged(survivor="ann", absorbed="bob", sequence=1),
        )
    )
    first = (await feedback.client.get(OF.format("bob"), params={"limit": 1})).json()
    rest = (await feedback.client.get(OF.format("bob"), params={"after": first["after"]})).json()
    assert [(one["customer"], one["photo_id"]) for one in first["items"] + rest["items"]] == [
        ("ann", "p1"),
        ("bob", "p1"),
    ]
    told = [event for event in await feedback.announced() if isinstance(event.data, PhotoStored)]
    await rebuilt.handle(*random.Random(1).sample(told, len(told)), *told)
    assert await rebuilt.rows(ROWS) == await feedback.rows(ROWS)
    said = {e.name: e.digest for event in told for e in expectations(event.as_dict())}
    for each in (feedback, rebuilt):
        async with each.database.transaction() as tx:
            await tx.lock_customers([("s", "ann")])
            await each.keys.erase(tx, [("s", "ann")])
        await each.handle(Event("x1", "/shops/s/orders-ingest", "s", "ann", MARCH, CustomerErased()))
    await rebuilt.handle(*told)
    store = keeper()
    assert store is not None
    assert (await remove_photos(feedback.database, store), len(files(folder))) == (1, 1)
    assert (await feedback.client.get(f"{OF.format('ann')}/p1")).status_code == 404
    assert (await put(feedback, "p9", body)).json()["type"] == "/problems/customer_erased"
    assert len(files(folder)) == 1
    assert await feedback.rows("select stored_as, digest, fingerprint from photos where customer = 'ann'") == [
        (None, None, None)
    ]
    async with feedback.database.transaction() as tx:
        rows = await tx.fetch(f"select {PHOTOS.columns} from photos t")
    assert dict(kept for row in rows for kept in PHOTOS.says(row)) == said, "as `verify` compares them"


async def test_what_is_no_photo_or_of_nobody_is_refused_and_nothing_is_kept(feedback: Feedback, folder: Path) -> None:
    await feedback.issue_key()
    for body in (b"", b"<svg/>", b"GIF89a", encoded(scene(1))[:5_000]):
        answer = await put(feedback, "p1", body)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/no_photo"), body[:10]
    assert (await put(feedback, "p1", bytes(11 * 2**20))).status_code == 413
    assert (await put(feedback, "p1", encoded(scene(1)), "nobody")).json()["type"] == "/problems/unknown_customer"
    assert (await feedback.client.get(OF.format("ann"), params={"after": "x"})).status_code == 422
    assert (files(folder), await feedback.rows("select count(*) from photos")) == (
        [],
        [(0,)],
    )


async def test_without_a_folder_no_photo_is_taken(feedback: Feedback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHOTO_DIR", raising=False)
    keeper.cache_clear()
    await feedback.issue_key()
    answer = await put(feedback, "p1", encoded(scene(1)))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/photos_off")


async def test_a_near_copy_of_another_claims_photo_waits_for_a_person(feedback: Feedback, folder: Path) -> None:
    """SEC-013: compressed again, under another id and another customer; an own second photo is not suspected."""
    image = scene(5)
    for customer in ("ann", "bob", "cleo", "dan", "eve", "fay"):
        await feedback.issue_key(customer)
        await feedback.handle(completed(f"o-{customer}", customer=customer))
    await put(feedback, "p1", encoded(image))
    await put(feedback, "again", encoded(image.resize((300, 225)), "PNG"), "bob")
    await put(feedback, "other", encoded(scene(6)), "cleo")
    states = []
    for customer, photo in (("ann", "p1"), ("bob", "again"), ("cleo", "other")):
        answer = await claim(feedback, f"t-{customer}", customer=customer, order_id=f"o-{customer}", photos=[photo])
        given = answer.json()["compensation"]
        states.append((given["state"], given["photo_seen"]))
    assert states == [("granted", False), ("proposed", True), ("granted", False)]
    for ticket, other, photo in (("t-bob", "t-ann", "p1"), ("t-ann", "t-bob", "again")):
        [found] = (await feedback.client.get(f"/v1/shops/s/tickets/{ticket}/photos")).json()["photos"]
        told = {name: found["seen"][0][name] for name in ("ticket_id", "photo", "kept", "same")}
        assert told == {"ticket_id": other, "photo": photo, "kept": True, "same": False}, "from either side"
    await put(feedback, "mirrored", encoded(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)), "fay")
    await claim(feedback, "t-fay", customer="fay", order_id="o-fay", photos=["mirrored"])
    for ticket, other in (("t-fay", "t-ann"), ("t-ann", "t-fay")):
        [found] = (await feedback.client.get(f"/v1/shops/s/tickets/{ticket}/photos")).json()["photos"]
        assert other in {one["ticket_id"] for one in found["seen"]}, "turned or mirrored by hand"
    policy = {"tickets": {"compensation": {"automatic_kept_photos": True}}}
    assert (await feedback.client.put("/v1/shops/s/policy", json={"policy": policy})).status_code == 200
    feedback.clock.set(MARCH + timedelta(minutes=10))
    await put(feedback, "mine", encoded(scene(7)), "dan")
    for customer, photo, state in (("eve", "https://s.example/1.jpg", "proposed"), ("dan", "mine", "granted")):
        answer = await claim(feedback, f"t-{customer}", customer=customer, order_id=f"o-{customer}", photos=[photo])
        assert answer.json()["compensation"]["state"] == state, "of an address nobody knows what it shows"
