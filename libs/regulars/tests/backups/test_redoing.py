"""What is done again after a restore, and that nothing leaves before."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from regulars.backups.notes import HELD, Notes
from regulars.backups.redoing import do_again, erasures, opt_outs, redo
from regulars.client import Services
from regulars.stack.databases import dsn
from regulars.stack.errors import Refused, StackError
from regulars.testing import MigratedDatabase

MESSAGING = Path(__file__).parents[4] / "services" / "messaging" / "migrations"
ERASED = {"type": "customer.erased", "shop": "tea", "subject": "c1", "time": "2026-11-30T12:00:00Z", "data": {}}


async def test_everything_is_held_also_a_channel_that_the_provider_paused_at_the_instant(
    database_from: MigratedDatabase, tmp_path: Path
) -> None:
    connection = await asyncpg.connect(dsn(await database_from(MESSAGING)))
    try:
        await connection.execute(
            "insert into pauses (channel, shop, since, until, pause_s, stage, reason, reply)"
            " values ('email', '', '2026-11-30Z', '2026-11-30Z', 60, 'connect', 'away', '')"
        )
        async with Notes.into(tmp_path / "noted.jsonl", connection) as notes:
            await notes.add(orjson.dumps(ERASED))
        rows = await connection.fetch("select channel, reason, until from pauses")
        assert {"email", "sms"} <= {row["channel"] for row in rows}
        assert {row["reason"] for row in rows} == {HELD}
        assert min(row["until"] for row in rows) > datetime(2030, 1, 1, tzinfo=UTC)
    finally:
        await connection.close()


def test_words_of_a_shop_end_no_line(tmp_path: Path) -> None:
    noted = tmp_path / "noted.jsonl"
    data = {"channel": "email", "granted": False, "source": "web\u2028\x85form"}
    noted.write_bytes(orjson.dumps(ERASED | {"type": "customer.consent_changed", "data": data}) + b"\n")
    with pytest.raises(StackError, match="no stack runs"):  # it is read by then
        redo(noted, folder=tmp_path)


@pytest.mark.parametrize(
    ("state", "at", "told"),
    [("granted", "11:59:59", 2), ("withdrawn", "12:00:01", 2), ("granted", "12:00:01", 1)],
)
async def test_who_opted_in_since_the_restore_is_not_opted_out_again(state: str, at: str, told: int) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        if request.method == "POST":
            assert orjson.loads(request.content)["purpose"] in {"marketing", "survey"}
            return httpx.Response(200, json={"taken_back": 0})
        if request.url.path == "/ops/pauses":
            return httpx.Response(
                200, json=[{"channel": "sms", "reason": HELD}, {"channel": "email", "reason": "away"}]
            )
        one = {"channel": "sms", "purpose": "marketing", "state": state, "at": f"2026-11-30T{at}Z"}
        return httpx.Response(200, json=[one])

    out = ERASED | {"type": "contact.opted_out", "data": {"channel": "sms", "purpose": None, "via": "STOP"}}
    client = httpx.AsyncClient(base_url="http://messaging", transport=httpx.MockTransport(answer))
    async with Services.of({"messaging": client}) as services:
        (line,) = await do_again(services, [out])
    assert line.startswith(f"{told} opt-outs and 0 erasures")
    assert asked.count("POST /v1/shops/tea/opt-outs") == told
    assert [each for each in asked if each.startswith("DELETE")] == ["DELETE /ops/pauses/sms"]


async def test_who_came_after_the_instant_is_erased_too_and_messages_leave_only_then() -> None:
    """SEC-006: nothing is known of them yet, and the shops send again what they have sent since."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.raw_path.decode()}")
        if request.url.path.endswith("/export"):
            return httpx.Response(200, json={"people": ["c1"], "tables": {}})
        if request.method == "POST":
            return httpx.Response(202, json={"completed_at": "2026-11-30T13:00:00Z", "waiting_for": []})
        return httpx.Response(200, json=[{"channel": "email", "reason": HELD}])

    made = {
        name: httpx.AsyncClient(base_url="http://x", transport=httpx.MockTransport(answer))
        for name in ("orders-ingest", "messaging")
    }
    async with Services.of(made) as services:
        assert await do_again(services, [ERASED]) == ["0 opt-outs and 1 erasures were done again"]
    assert asked == [
        "GET /v1/shops/tea/customers/c1/export",
        "POST /v1/shops/tea/customers/c1/erasure?unknown=true",
        "GET /ops/pauses",
        "DELETE /ops/pauses/email",
    ]


@pytest.mark.parametrize(
    ("erased", "by_hand", "held"),
    [(["till"], [], True), (["till", "ann"], [], False), (["till"], ["ann", "till"], False)],
)
async def test_whom_the_restore_takes_for_one_is_not_erased_with_who_asked(
    erased: list[str], by_hand: list[str], held: bool
) -> None:
    """SEC-006: `till` was parted from `ann` after the instant, and erased; by the restore they are one again."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        if request.url.path.endswith("/export"):
            return httpx.Response(200, json={"people": ["ann", "till"], "tables": {}})
        if request.url.path.endswith("/erasure"):
            if request.method == "GET" and not by_hand:
                return httpx.Response(404, json={"type": "no_erasure"})
            done = {"people": by_hand, "completed_at": "2026-11-30T13:00:00Z", "waiting_for": []}
            return httpx.Response(202, json=done)
        return httpx.Response(200, json=[{"channel": "email", "reason": HELD}])

    made = {
        name: httpx.AsyncClient(base_url="http://x", transport=httpx.MockTransport(answer))
        for name in ("orders-ingest", "messaging")
    }
    said = r"0 opt-outs and 0 erasures .* no message leaves .* tea/till, who is one person with ann\. "
    async with Services.of(made) as services:
        with pytest.raises(StackError, match=said) if held else nullcontext():
            await do_again(services, [ERASED | {"subject": name} for name in erased])
    posted = [each for each in asked if each.startswith("POST")]
    assert posted == ([] if held else [f"POST /v1/shops/tea/customers/{name}/erasure" for name in erased])
    assert ("DELETE /ops/pauses/email" in asked) is not held


def test_services_of_ones_own_are_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted = tmp_path / "noted.jsonl"
    noted.write_bytes(orjson.dumps(ERASED) + b"\n")
    (tmp_path / "services_api_key").write_text("rk_key\n")
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("ORDERS_INGEST_URL", "http://127.0.0.1:1")
    with pytest.raises(StackError, match="set all of ORDERS_INGEST_URL, MESSAGING_URL"):
        redo(noted, folder=tmp_path)
    monkeypatch.setenv("MESSAGING_URL", "http://127.0.0.1:1")
    with pytest.raises(Refused, match="orders-ingest GET /v1/shops/tea/customers/c1/export got no answer"):
        redo(noted, folder=tmp_path)


def _event(type_: str, time_: str, **data: Any) -> dict[str, Any]:
    return {"type": type_, "shop": "tea", "subject": "c1", "time": time_, "data": data}


@pytest.mark.parametrize(
    ("events", "refused"),
    [
        ([], []),
        (
            [_event("contact.opted_out", "2026-11-30T12:00:00Z", channel="email")],
            [("tea", "c1", "email", "marketing"), ("tea", "c1", "email", "survey")],
        ),
        (  # STOP is of everything, START of marketing
            [
                _event("contact.opted_out", "2026-11-30T12:00:00Z", channel="sms", purpose=None),
                _event("contact.opted_in", "2026-11-30T12:05:00Z", channel="sms", purpose="marketing"),
            ],
            [("tea", "c1", "sms", "survey")],
        ),
        (  # a yes whose time nobody knows
            [
                _event("contact.opted_out", "2026-11-30T12:00:00Z", channel="sms", purpose="marketing"),
                _event("customer.consent_changed", "2026-11-30T12:05:00Z", channel="sms", granted=True, undated=True),
            ],
            [("tea", "c1", "sms", "marketing")],
        ),
        (
            [_event("customer.consent_changed", "2026-11-30T12:00:00Z", channel="sms", granted=False)],
            [("tea", "c1", "sms", "marketing")],
        ),
        (  # by time, however they are written and come
            [
                _event("contact.opted_in", "2026-11-30T12:00:00.500000Z", channel="sms", purpose="survey"),
                _event("contact.opted_out", "2026-11-30T12:00:00Z", channel="sms", purpose="survey"),
            ],
            [],
        ),
        ([_event("customer.consent_changed", "2026-11-30T12:00:00Z", channel="sms", granted=True)], []),
    ],
)
def test_an_opt_out_is_done_again_unless_it_was_taken_back(events: list[dict[str, Any]], refused: list[Any]) -> None:
    assert list(opt_outs(events)) == refused


def test_an_erasure_is_done_again_once() -> None:
    events = [_event("customer.erased", f"2026-11-30T12:00:0{second}Z") for second in range(2)]
    assert erasures([*events, _event("points.redeemed", "2026-11-30T12:00:00Z")]) == [("tea", "c1")]
