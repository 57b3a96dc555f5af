"""Whoever changes, adds or removes an audit entry behind the console's back is found (SEC-004, S5)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.access import audit
from console.access.audit import insert_entry, verify, walk
from console.access.chain import BEGINNING, Broken, Entry, Link, chained, follow, link_of
from console.access.store import Person

from .conftest import Site

KEY = bytes(32)
AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
OTHER: dict[str, Any] = {
    "entry": 9, "at": AT + timedelta(microseconds=1), "person_id": 8, "person": "Bob", "shop": None, "action": "b",
    "object": "customers/bob", "outcome": "refused", "form": "f",
}  # fmt: skip


def written(*things: str) -> list[tuple[Entry, bytes]]:
    """Entries as they stand in the table."""
    found, link = list[tuple[Entry, bytes]](), BEGINNING
    for number, thing in enumerate(things, 1):
        entry = Entry(number, AT, 7, "Ann", "tea", "look", thing, "shown", None)
        link = chained(KEY, link, entry)
        found.append((entry, link.chain))
    return found


def test_a_chain_as_it_was_written_holds() -> None:
    rows = written("a", "b", "c")
    assert follow(KEY, BEGINNING, rows) == (Link(3, rows[-1][1]), [])
    assert follow(KEY, Link(1, rows[0][1]), rows[1:]) == (Link(3, rows[-1][1]), []), "from anywhere"
    assert link_of(str(Link(3, rows[-1][1]))) == Link(3, rows[-1][1])


@pytest.mark.parametrize("field", Entry._fields)
def test_each_field_that_is_changed_breaks_it(field: str) -> None:
    rows = written("a", "b", "c")
    rows[1] = (rows[1][0]._replace(**{field: OTHER[field]}), rows[1][1])
    _, said = follow(KEY, BEGINNING, rows)
    assert "entry 2" in said[0]


def test_behind_one_break_the_next_is_found() -> None:
    """What is beyond mending is told each time, and hides nothing that happens later."""
    rows = written(*map(str, range(9)))
    rows[6] = (rows[6][0]._replace(person="Bob"), rows[6][1])
    del rows[3]
    assert follow(KEY, BEGINNING, rows) == (
        Link(9, rows[-1][1]),
        [
            "entry 4 is missing: behind 3 comes 5, of which it cannot be told whether it is what was written",
            "entry 7 is not what was written, or one before it was another",
        ],
    )


def test_what_stands_before_the_first_was_never_written() -> None:
    """Nor is it hidden by a hash that goes on to the next."""
    rows = written("a", "b")
    for number in (0, -1, -(2**63)):
        forged = (rows[0][0]._replace(entry=number), BEGINNING.chain)
        assert follow(KEY, BEGINNING, [forged, *rows]) == (
            Link(2, rows[-1][1]),
            [f"entry {number} was never written: the first is 1"],
        )


def test_the_same_instant_in_another_zone_is_the_same() -> None:
    entry = written("a")[0][0]
    there = entry._replace(at=AT.astimezone(timezone(timedelta(hours=8))))
    assert chained(KEY, BEGINNING, there) == chained(KEY, BEGINNING, entry)


def test_who_does_not_know_the_key_cannot_write_it_anew() -> None:
    forged = chained(b"another" * 4, BEGINNING, written("a")[0][0])
    assert follow(KEY, BEGINNING, [(written("a")[0][0], forged.chain)])[1] != []


@given(st.integers(2, 8), st.data())
def test_one_that_is_removed_repeated_or_moved_is_missed(count: int, data: st.DataObject) -> None:
    rows = written(*map(str, range(count)))
    at = data.draw(st.integers(0, count - 2))
    for other in ([*rows[:at], *rows[at + 1 :]], [*rows[: at + 1], *rows[at:]], [*rows[:at], rows[at + 1], rows[at]]):
        assert follow(KEY, BEGINNING, other)[1] != []


@pytest.mark.parametrize("text", ["", "3", "x:00", "3:zz", "3:00", f"-1:{'0' * 64}"])
def test_what_is_no_link_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"link|invalid literal|hexadecimal"):
        link_of(text)


class Undone(Exception):
    """What was done to the table is rolled back."""


ANN = Person(1, "Ann", False, {"tea": "owner"})


async def test_the_consoles_entries_are_a_chain_and_what_is_done_behind_its_back_is_found(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-004: one byte changed, an entry removed from the middle or from the end, one too many before the first or
    behind the last; many that come at once."""
    await site.signed_up()
    key, database = site.console.audit_key, site.console.database

    async def add(number: int) -> bool:
        async with database.transaction() as tx:
            return await insert_entry(
                tx, key, ANN, "tea", "look", f"customers/{number}", "shown", f"form-{number % 15}"
            )

    taken = await asyncio.gather(*(add(number) for number in range(30)))
    assert sum(taken) == 15, "a form that is sent twice is one action"
    async with database.transaction() as tx:
        last = await verify(tx, key, None)
        assert last.entry == int(await tx.value("select count(*) from audit")) >= 16
    async with database.transaction() as tx:
        assert await verify(tx, key, last) == last

    async def found(*done: str, known: Link | None = None, then: int = 0) -> str:
        """What `verify` says after this was done, and so many entries added; it is undone afterwards."""
        try:
            async with database.transaction() as tx:
                for sql in done:
                    await tx.execute(sql)
                for number in range(then):
                    assert await insert_entry(tx, key, ANN, "tea", "look", "customers/1", "shown", f"then-{number}")
                await walk(tx, key, known)
                raise Undone
        except Broken as broken:
            return str(broken)
        except Undone:
            return ""

    assert "entry 5 is not" in await found("update audit set outcome = outcome || '.' where entry = 5")
    assert "entry 5 is not" in await found(
        "update audit set chain = set_byte(chain, 0, 255 - get_byte(chain, 0)) where entry = 5"
    )
    assert "entry 5 is missing" in await found("delete from audit where entry = 5")
    gone = f"delete from audit where entry > {last.entry - 2}"
    assert f"entry {last.entry}, the last that was written, is not there" in await found(gone)
    assert f"entry {last.entry} as it was written down is not there" in await found(gone, known=last)
    assert "the last that was written, is not there" in await found("truncate audit")
    assert "how far the entries went is not there" in await found("truncate audit, audit_end")
    shorter = f"with cut as ({gone}) update audit_end set entry = {last.entry - 2}"
    assert f"entry {last.entry - 2} is not the last" in await found(shorter), "nobody seals it anew without the key"
    forged = (
        f"insert into audit select {last.entry + 1}, at, person_id, person, shop, action, object, outcome, null, chain"
        " from audit where entry = 5"
    )
    assert f"entry {last.entry + 1} is not what was written" in await found(forged)
    for numbers in ((0,), (-1,), (-(2**63), -2, -1, 0)):
        values = ", ".join(f"({number})" for number in numbers)
        before = (
            "alter table audit drop constraint audit_entry_check",
            "insert into audit select n, at, person_id, person, shop, action, object, outcome, null, chain"
            f" from audit, (values {values}) as forged (n) where entry = 1",
        )
        for page in (audit.PAGE, 2):
            with monkeypatch.context() as patch:
                patch.setattr(audit, "PAGE", page)
                told = "\n".join(f"entry {number} was never written: the first is 1" for number in numbers)
                assert await found(*before) == await found(*before, known=last) == told

    for then in (1, 2):
        number = last.entry + 1
        assert await found("select 1", then=then) == ""
        missing = f"entry {last.entry - 1} is missing: behind {last.entry - 2} comes {number}"
        assert await found(gone, then=then) == missing, "what is added does not hide what is gone"
        assert f"entry 1 is missing: behind 0 comes {number}" in await found("truncate audit", then=then)
        assert "is missing" in await found(f"delete from audit where entry = {last.entry}", then=then)
        assert "is missing" in await found(shorter, then=then)
        assert "is missing" in await found("truncate audit_end", then=then)
        assert "is missing" in await found(f"with cut as ({gone}) delete from audit_end", then=then)
        emptied = "truncate audit, audit_end"
        assert await found(emptied, known=last, then=then) == (
            f"entry {last.entry} as it was written down is not there: the chain ends at {then}"
        )
        assert await found(emptied, then=then) == "", "by what was written down alone"
    twice = await found(f"delete from audit where entry in (5, {last.entry})", then=1)
    assert "entry 5 is missing" in twice
    assert f"entry {last.entry} is missing" in twice, "a break does not hide the next"

    monkeypatch.setattr(audit, "SAID", 3)
    async with database.transaction() as tx:
        with pytest.raises(Broken) as every:
            await walk(tx, bytes(32), last)
    assert (len(every.value.said), every.value.more) == (4, last.entry - 3), "with another key no entry holds"
    assert f"entry {last.entry} is not the last that was written" in every.value.said[-1], (
        "the end is told all the same"
    )
