"""S1 (API1): another shop's object, asked for under one's own shop's path: as if it had never been."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from common.crypto import sealing

from . import made
from .imagined import Imagination
from .test_callers import make_key, operations

THEIRS, OWN = "teahouse", "bookshop"


class Door(NamedTuple):
    service: str
    method: str
    path: str
    body: Any

    def __str__(self) -> str:
        return f"{self.service} {self.method} {self.path}"


ASKED: ContextVar[str | None] = ContextVar("asked", default=None)
"""The door that the shop itself is asking at."""


class Looks:
    """The doors at which something was opened that is sealed for a customer, and those of which the log has a line."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._found: dict[str, set[str | None]] = {"opened": set(), "recorded": set()}
        decrypt = sealing._decrypt

        def opened(sealed: bytes, key: bytes, place: bytes) -> bytes:
            if not place.startswith(sealing._place("key")[:-1]):
                self._found["opened"].add(ASKED.get())
            return decrypt(sealed, key, place)

        monkeypatch.setattr(sealing, "_decrypt", opened)
        monkeypatch.setattr("common.http.api.record", self._recorded)

    def _recorded(self, event: str, **_said: Any) -> None:
        assert event == "key_used"
        self._found["recorded"].add(ASKED.get())

    def seen(self) -> set[str | None]:
        return self._found["opened"]

    def unrecorded(self) -> set[str]:
        return {door for door in self._found["opened"] - self._found["recorded"] if door is not None}


class World:
    """The services, two shops, a key of all scopes for each, and the objects that one of them has."""

    def __init__(self, stack: Any) -> None:
        self.stack = stack
        self.names = dict[str, str]()
        self._keys = dict[tuple[str, str], dict[str, str]]()

    async def ask(self, shop: str, service: str, method: str, path: str, body: Any = None) -> httpx.Response:
        more = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
        headers = self._keys[service, shop]
        found: httpx.Response = await self.stack.call(
            service, method, f"/v1/shops/{shop}{path}", headers=headers, **more
        )
        return found

    async def call(self, service: str, method: str, path: str, body: Any = None) -> Any:
        answer = await self.ask(THEIRS, service, method, path, body)
        assert answer.is_success, (service, method, path, answer.text)
        return answer.json() if answer.content else None

    async def make(self) -> None:
        await self.stack.set_clock(made.NOW)
        self.stack.start_all()
        for shop in (THEIRS, OWN):
            settings = {"zone": "UTC", "currency": "USD"}
            answer = await self.stack.call("orders-ingest", "PUT", f"/v1/shops/{shop}/settings", json=settings)
            assert answer.is_success, answer.text
            for service, part in self.stack.parts.items():
                self._keys[service, shop] = await make_key(part.app, shop, ["*"])
        await self.stack.settled()
        await made.make_rules(self.call, self.names)
        await self.stack.set_clock(made.NOW + timedelta(hours=1))
        await made.make_orders(self.call, self.names)
        await self.stack.settled()
        await made.make_members(self.call, self.names)
        await made.make_segments(self.call)
        while await self.stack.sweep("messaging"):
            pass
        await made.make_messages(self.call, self.names)
        await made.make_feedback(self.call, self.names)
        await self.stack.settled()
        await made.find_payout(self.call, self.names)
        await self.stack.set_clock(made.NOW + timedelta(hours=2))
        await self.stack.settled()

    async def rows(self) -> dict[str, Any]:
        """A digest of all that each service keeps of the shop whose objects they are, table by table."""
        found = dict[str, Any]()
        for service in self.stack.parts:
            tables = await self.stack.rows(
                service,
                "select distinct table_name from information_schema.columns join information_schema.tables using"
                " (table_schema, table_name) where column_name = 'shop' and table_schema = 'public'"
                " and table_type = 'BASE TABLE'",
            )
            for (table,) in tables:
                digest = (
                    f"select count(*), md5(string_agg(t::text, ' ' order by t::text)) from {table} t where shop = :s"
                )
                found[f"{service} {table}"] = (await self.stack.rows(service, digest, s=THEIRS))[0]
        return found

    def lists(self) -> Iterator[Door]:
        """Doors that name no more than the shop, and change nothing."""
        for service, part in self.stack.parts.items():
            for method, path, _ in operations(part.app):
                inner = path.removeprefix("/v1/shops/{shop}")
                if method == "GET" and "{" not in inner and inner != path:
                    yield Door(service, method, inner, None)

    def doors(self) -> Iterator[Door]:
        for service, part in self.stack.parts.items():
            document = part.app.openapi()
            imagination = Imagination({service: document}, "bare")
            for method, path, operation in operations(part.app):
                inner = path.removeprefix("/v1/shops/{shop}")
                if "{" in inner and inner != path:
                    yield Door(service, method, inner, _body(document, imagination, operation, f"{method} {inner}"))


def _body(document: Any, imagination: Imagination, operation: Any, door: str) -> Any:
    if door in made.BODIES:
        return made.BODIES[door]
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return None
    if "application/json" not in content:
        return b"x"
    schema = content["application/json"]["schema"]
    examples = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {}).get("examples")
    return examples[0] if examples else imagination._value(schema, document, "", 0)


def named(world: World, door: Door) -> tuple[str, str]:
    """The path with the names of their objects, and with names of none."""
    theirs = nobodys = door.path
    for place in re.findall(r"{([^}]+)}", door.path):
        name = next(
            (
                known
                for key in (f"{door.service} {place} {door.path}", f"{door.service}/{place}", place)
                for known in (made.NAMES.get(key), world.names.get(key))
                if known
            ),
            None,
        )
        assert name is not None, f"{door}: say in made.py what {{{place}}} is, and make one"
        theirs = theirs.replace(f"{{{place}}}", name, 1)
        nobodys = nobodys.replace(f"{{{place}}}", other(name, place), 1)
    query = made.WITH.get(str(door), "")
    return theirs + query, nobodys + query.replace("theirs", "nobody")


def other(name: str, place: str) -> str:
    if place in made.NOT_OF_A_SHOP:
        return name
    if "theirs" in name:
        return name.replace("theirs", "nobody")
    if name.isdigit():
        return str(int(name) + 7_000)
    turned = name.translate(str.maketrans("0123456789", "1234567890"))
    return name[::-1] if turned == name and name.isupper() else turned  # one coupon code of 42 has no digit


def alike(one: httpx.Response, two: httpx.Response, paths: tuple[str, str], *, whole: bool = True) -> bool:
    """Whether the answers say the same; `whole`: in all, and not in the kind alone. Refusals are of one kind."""
    if one.status_code != two.status_code:
        return False
    if not whole or one.status_code >= 400:
        return one.is_success or bool(one.json()["type"] == two.json()["type"])
    texts = [answer.text.replace("nobody", "theirs") for answer in (one, two)]
    for theirs, nobodys in zip(*(path.split("/") for path in paths), strict=True):
        if nobodys:
            texts = [text.replace(nobodys, theirs) for text in texts]
    return texts[0] == texts[1]


def swapped(body: Any) -> Any:
    return body if body is None or isinstance(body, bytes) else json.loads(json.dumps(body).replace("theirs", "nobody"))


LAST = ("erasure", "merge", "revocation", "/key", "/void", "/stop", "/end", "draw", "/paid", "decision", "refuse")


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_another_shops_object_is_as_one_that_never_was(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every route of OpenAPI whose path names more than the shop: the shop's own key finds its object there; another
    shop's key, under its own shop's path, is answered as about none, and nothing of the first shop's changes. Where
    the shop itself is shown what is sealed for a customer, its key's use stands in the log (SEC-004)."""
    world, looks = World(stack), Looks(monkeypatch)
    await world.make()
    doors = sorted(
        world.doors(), key=lambda d: (d.method != "GET", d.method == "DELETE", any(w in d.path for w in LAST))
    )
    empty, missing, unlike = set[str](), dict[str, str](), dict[str, str]()
    for door in (d for d in doors if d.method == "GET"):
        paths = named(world, door)
        ASKED.set(str(door))
        own, none = [await world.ask(THEIRS, door.service, "GET", path) for path in paths]
        if not own.is_success:
            missing[str(door)] = f"{own.status_code} {own.text[:150]}"
        elif alike(own, none, paths):
            empty.add(str(door))
    for door in world.lists():
        ASKED.set(str(door))
        await world.ask(THEIRS, door.service, "GET", door.path)
    ASKED.set(None)
    before = await world.rows()
    for door in doors:
        paths = named(world, door)
        bodies = door.body, swapped(door.body)
        others, none = [
            await world.ask(OWN, door.service, door.method, path, body)
            for path, body in zip(paths, bodies, strict=True)
        ]
        if not alike(others, none, paths, whole=str(door) not in made.DRAWN):
            unlike[str(door)] = f"{others.status_code} {others.text[:200]} / {none.status_code} {none.text[:200]}"
    await stack.settled()
    after = await world.rows()
    for door in (d for d in doors if d.method != "GET"):
        ASKED.set(str(door))
        own = await world.ask(THEIRS, door.service, door.method, named(world, door)[0], door.body)
        if own.status_code in (404, 405, 415, 422, 500):
            missing[str(door)] = f"{own.status_code} {own.text[:300]}"
    changed = [table for table in before if before[table] != after[table]]
    assert unlike == {}
    assert changed == []
    assert len(doors) > 200
    assert {str(door): why for door, why in missing.items() if door not in made.NOT_MADE} == {}
    assert made.NOT_MADE.keys() - missing.keys() == set(), "these are made by now: take them off the list"
    assert empty == made.EMPTY
    assert looks.unrecorded() == made.UNSHOWN.keys()
    assert looks.seen() >= made.SHOWN
