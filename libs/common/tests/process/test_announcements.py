"""What a rebuild would announce goes out only where the service's own topic does not say it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from common.bus.broker import Record
from common.events import Event, EventData, decode
from common.events.membership import BalancesChanged, MemberRegistered
from common.events.segments import SegmentEntered, SegmentLeft, StageChanged
from common.process import announcements
from common.storage.database import Database

AT = datetime(2026, 1, 1, tzinfo=UTC)
TOPIC = "segments"


def fact(number: int, data: EventData, customer: str = "ann") -> Event[Any]:
    return Event(f"id{number}", "/shops/tea/toy", "tea", customer, AT, data)


def stage(revision: int, new: Any, old: Any = None) -> StageChanged:
    return StageChanged(revision=revision, old=old, new=new, is_repurchaser=False)


def entered(revision: int, episode: str) -> SegmentEntered:
    return SegmentEntered(revision=revision, segment="lapsed", episode=episode, since=AT)


def left(revision: int, episode: str) -> SegmentLeft:
    return SegmentLeft(revision=revision, segment="lapsed", episode=episode)


async def rebuilt(db: Database, *facts: Event[Any]) -> None:
    """Customers, and what their folds announce in a rebuild."""
    db.rebuilding = True
    async with db.transaction() as tx:
        await tx.lock_customers(each.customer for each in facts)
        await tx.announce(facts)


async def note(db: Database, *facts: Event[Any]) -> None:
    """What stands on the service's own topic."""
    records = [
        Record(f.data.TOPIC, 0, n, f.key.encode(), f.encode(), {"type": f.type.encode(), "id": f.id.encode()}, 0)
        for n, f in enumerate(facts)
    ]
    async with db.transaction() as tx:
        for topic in {f.data.TOPIC for f in facts}:
            await announcements.note_announced(tx, topic, [r for r in records if r.topic == topic])


async def settled(db: Database, topic: str = TOPIC) -> list[Event[Any]]:
    """What goes out."""
    async with db.transaction() as tx:
        after, _ = await announcements.settle_customers(tx, topic, None, None)
        assert after is None
        await announcements.settle_others(tx, 0)
        return [decode(row.payload) for row in await tx.fetch("select payload from outbox order by seq")]


async def revision(db: Database) -> int:
    async with db.transaction() as tx:
        return int(await tx.value("select revision from customers where customer = 'ann'"))


async def test_nothing_goes_out_before_the_end_and_of_each_standing_the_last_is_kept(db: Database) -> None:
    await rebuilt(db, fact(1, stage(1, "new")), fact(2, stage(2, "returning", "new")))
    await rebuilt(db, fact(3, entered(3, "a")), fact(4, left(4, "a")))
    await rebuilt(db, fact(5, entered(5, "a").model_copy(update={"segment": "gold"})))
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from outbox") == 0
        kept = await tx.fetch("select standing, payload from rebuilt_facts order by standing")
    assert [(row.standing, decode(row.payload).id) for row in kept] == [
        *(("segment/gold", "id5"), ("segment/lapsed", "id4"), ("stage.changed", "id2"))
    ]


async def test_what_the_topic_says_last_is_not_said_again_and_revisions_go_on_from_it(db: Database) -> None:
    """Another order of news has announced it in other steps, under other ids: only what is so counts."""
    await note(db, fact(1, stage(1, "new")), fact(2, stage(7, "returning", "prospect")), fact(3, stage(3, "prospect")))
    await rebuilt(db, fact(9, stage(2, "returning", "new")))
    assert await settled(db) == []
    assert await revision(db) == 7


async def test_what_the_topic_says_otherwise_goes_out_above_all_that_stands_there(db: Database) -> None:
    await note(db, fact(1, stage(1, "new")), fact(2, entered(6, "a")))
    await rebuilt(db, fact(1, stage(1, "returning")), fact(2, entered(2, "a")))
    (only,) = await settled(db)
    assert (only.data.new, only.data.revision) == ("returning", 7)
    assert only.id not in ("id1", "id2"), "an id that stands on the topic has its body there"
    assert await revision(db) == 7


async def test_of_whom_nothing_was_announced_it_is_announced_as_it_came(db: Database) -> None:
    await rebuilt(db, fact(1, stage(5, "new")))
    (only,) = await settled(db)
    assert (only.id, only.data.revision, await revision(db)) == ("id1", 1, 1)


async def test_of_who_was_absorbed_nothing_goes_out_and_the_revision_is_the_topics(db: Database) -> None:
    """A rebuild may read an order ahead of the merge that the live service had read first."""
    await note(db, fact(1, stage(3, "new")))
    await rebuilt(db, fact(2, stage(4, "returning", "new")), fact(3, stage(1, "new"), "bob"))
    async with db.transaction() as tx:
        await tx.execute("update customers set merged_into = 'bob' where customer = 'ann'")
    assert [each.subject for each in await settled(db)] == ["bob"]
    assert await revision(db) == 3


async def test_a_stay_that_came_and_went_unheard_is_not_announced(db: Database) -> None:
    """Inputs out of order make a customer lapse who never did."""
    await rebuilt(db, fact(1, entered(1, "a")), fact(2, left(2, "a")))
    assert await settled(db) == []


async def test_an_old_stay_that_has_ended_is_not_entered_again(db: Database) -> None:
    await note(db, fact(1, entered(1, "a")), fact(2, left(2, "a")), fact(3, entered(3, "b")), fact(4, left(4, "b")))
    await rebuilt(db, fact(1, entered(1, "a")), fact(2, left(2, "a")))
    assert await settled(db) == []


async def test_a_balance_is_the_same_however_it_came_about(db: Database) -> None:
    was = BalancesChanged(
        revision=4, pending=0, available=30, growth=30, points_change=10, growth_change=10, reason="order"
    )
    await note(db, fact(1, was))
    await rebuilt(db, fact(2, was.model_copy(update={"points_change": 30, "reason": "correction", "revision": 1})))
    assert await settled(db, "membership") == []


async def test_facts_without_a_revision_go_out_where_they_stand_on_no_topic(db: Database) -> None:
    await rebuilt(db, fact(1, MemberRegistered()), fact(2, MemberRegistered()), fact(3, MemberRegistered()))
    await note(db, fact(2, MemberRegistered()))
    assert [each.id for each in await settled(db, "membership")] == ["id1", "id3"]


async def test_begun_anew_it_comes_to_the_same(db: Database) -> None:
    """Killed before the end, with the live service going on meanwhile."""
    await note(db, fact(1, stage(1, "new")))
    await rebuilt(db, fact(1, stage(1, "returning")))
    first = await settled(db)
    await note(db, fact(2, stage(2, "new")))
    async with db.transaction() as tx:
        await announcements.forget_settled(tx)
    (again,) = await settled(db)
    assert [each.data.revision for each in (*first, again)] == [2, 3]
