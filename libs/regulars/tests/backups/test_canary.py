"""An erased person's name, address and texts stand nowhere in plain: databases, topics, files, logs, backups (S3)."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from common.bus.broker import Outgoing, Producer
from regulars import operating
from regulars.backups.commands import backup
from regulars.client import Services, set_up_shop
from regulars.privacy.requests import erase
from regulars.stack.databases import dsn, in_database
from regulars.stack.plan import Plan
from regulars.stack.postgres_binaries import find_binaries
from regulars.stack.services import SERVICES
from regulars.stack.state import StackState

from .loading import settled

SHOP, INTAKE = "/v1/shops/tea", "intake.tea"
CANARY, STAYS = "kanarienvogel", "dompfaff"
"""In every personal field; and in what stays, the bare identifier: what is looked through is seen to be readable."""
PERSON = f"{STAYS}-1"
PHONE = "+4930987651234"
PROFILE = {
    "name": f"{CANARY} Ann",
    "email": f"{CANARY}@example.com",
    "phone": PHONE,
    "address": f"{CANARY} street 1",
    "chat": f"https://chat.example.com/{CANARY}",
    "social": [{"platform": "wechat", "account": f"{CANARY}_ann"}],
    "interests": [
        {"kind": "film", "value": f"{CANARY} in flight", "consented": True},
        {"kind": "book", "value": f"{CANARY} unasked"},
    ],
}


def event(number: int, type_: str, **data: Any) -> dict[str, Any]:
    return {
        "id": f"e{number}",
        "source": "/shops/tea/backend",
        "type": type_,
        "subject": PERSON,
        "time": f"2026-01-02T12:00:{number:02}Z",
        "data": data,
    }


ORDER = {"order_id": "o1", "state": "completed", "currency": "EUR", "goods_paid": 5_000}
EVENTS = (
    event(1, "order.completed", **ORDER, remark=f"{CANARY} at the door", recipient=CANARY, address=f"{CANARY} street"),
    event(2, "order.special_request", order_id="o1", request_id="r1", state="open", text=f"wrap it, {CANARY}"),
    event(3, "order.logistics_updated", order_id="o1", status="out_for_delivery", place=f"{CANARY} corner"),
    event(4, "product.searched", terms=f"tea for {CANARY}"),
    event(5, "order.refunded", order_id="o1", refund_id="f1", amount=100, currency="EUR", reason=f"{CANARY} broke it"),
)
ON_INTAKE = (
    event(6, "order.completed", **ORDER | {"order_id": "o2"}, remark=f"{CANARY} on Kafka", recipient_phone=PHONE),
    event(7, "order.completed", order_id="o3", state="no state", remark=f"{CANARY} is a dead letter"),
)


def written(texts: Sequence[str]) -> list[bytes]:
    """The texts as they may stand in a file: as they are, in hex (PostgreSQL's bytea) and within Base64."""
    found = []
    for text in texts:
        plain = text.encode()
        found += [plain, plain.hex().encode()]
        for lead in range(3):
            packed = base64.b64encode(b"\0" * lead + plain)
            found.append(packed[(0, 2, 3)[lead] : len(packed) // 4 * 4 - 4])
    return found


FORMS, STAYING = written([CANARY, PHONE]), written([STAYS])


def test_a_text_is_found_in_every_form_in_which_it_may_be_written() -> None:
    for before in ("", "a", "ab", "abc"):
        plain = f"{before}{CANARY}{before}".encode()
        for text in (plain, plain.hex().encode(), base64.b64encode(plain)):
            assert any(form in text for form in FORMS), text
    assert not any(form in base64.b64encode(b"something else altogether") for form in FORMS)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_after_an_erasure_no_place_and_no_new_backup_tells_who_it_was(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3, SEC-006: all personal fields of a profile, orders, an intake topic, dead letters, a ticket and a review."""
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "MASTER_KEY"):
        monkeypatch.delenv(name, raising=False)
    folder = root / "run"
    state = operating.up(Plan(folder), lambda _: None)
    points = asyncio.run(_live_and_erase(state))
    backup(root / "backup", folder=folder)
    places = {
        "databases": _dumps(state),
        "topics": _topics(root / "backup"),
        "logs": {file.name: file.read_bytes() for file in sorted((folder / "logs").glob("*.log"))},
        "dumps of the backup": _restored(state, root / "backup"),
    }
    operating.down(folder)
    # As the disk has it: write-ahead log, dead rows, Kafka's segments. The intake topic is the shop's own writing; the
    # mail server's file is what the customer got.
    places["files"] = {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and INTAKE not in file.parent.name and not file.name.startswith("mails")
    }
    for place, texts in places.items():
        hits = [name for name, text in texts.items() if any(form in text for form in FORMS)]
        assert hits == [], place
        if place != "logs":
            assert any(form in text for text in texts.values() for form in STAYING), f"{place}: nothing was read"
    assert points == (50 - 1 + 50, 2)
    print("\nlooked through: " + ", ".join(f"{len(texts)} {place}" for place, texts in places.items()))


async def _live_and_erase(state: StackState) -> tuple[int, int]:
    """All that the person did and is erased; gives the points and orders that stay."""
    services = Services({name: its["PUBLIC_URL"] for name, its in state.services.items()}, state.api_key)
    async with services:
        await set_up_shop(services, "tea", 120, zone="Europe/Berlin", currency="EUR")
        await services.call("orders-ingest", "PUT", f"{SHOP}/customers/{PERSON}", json=PROFILE)
        answered = await services.call("orders-ingest", "POST", f"{SHOP}/events", json=list(EVENTS))
        assert {each["status"] for each in answered["results"]} == {"accepted"}, answered
        await settled(services)  # feedback takes tickets of customers whom it knows
        ticket = {"ticket_id": "t1", "customer": PERSON, "kind": "quality", "text": f"{CANARY} smokes"}
        await services.call("feedback", "POST", f"{SHOP}/tickets", json=ticket)
        review = {"review_id": "r1", "customer": PERSON, "stars": 1, "text": f"{CANARY} was late"}
        await services.call("feedback", "POST", f"{SHOP}/reviews", json=review)
        await services.call("orders-ingest", "PUT", f"{SHOP}/intake", json={"enabled": True})
        producer = Producer(state.kafka, client="canary")
        await producer.start()
        records = [Outgoing(INTAKE, PERSON.encode(), json.dumps(each).encode(), {}) for each in ON_INTAKE]
        assert await producer.send(records) == len(records)
        await producer.stop()
        await settled(services)
        dead = await services.get("orders-ingest", "/ops/dead")
        assert [each["slug"] for each in dead] == ["invalid_data"], "the dead letter is there"
        report = await erase(services, "tea", PERSON, 120)
        assert (report["waiting_for"], len(report["confirmed"])) == ([], len(SERVICES))
        await settled(services)
        member = await services.get("membership", f"{SHOP}/members/{PERSON}")
        return member["available"], member["orders"]


def _dumps(state: StackState) -> dict[str, bytes]:
    """Each database in plain SQL."""
    return {
        service.name: _program("pg_dump", "--dbname", dsn(in_database(state.postgres, service.database)))
        for service in SERVICES
    }


def _restored(state: StackState, folder: Path) -> dict[str, bytes]:
    """The backup's dumps in plain SQL."""
    return {file.name: _program("pg_restore", "--file=-", str(file)) for file in (folder / "databases").glob("*.dump")}


def _program(name: str, *arguments: str) -> bytes:
    done = subprocess.run([str(find_binaries() / name), *arguments], capture_output=True, check=True)
    return done.stdout


def _topics(folder: Path) -> dict[str, bytes]:
    """Keys, values and headers of every topic, as the backup has them, out of their Base64."""
    found = {}
    for file in sorted((folder / "topics").glob("*.jsonl.gz")):
        with gzip.open(file, "rb") as lines:
            records = [json.loads(line) for line in lines]
        texts = [text for _, _, key, value, headers, _ in records for text in (key, value, *headers.values()) if text]
        found[file.name] = b"\n".join(base64.b64decode(text) for text in texts)
    return found
