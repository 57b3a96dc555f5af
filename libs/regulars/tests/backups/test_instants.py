"""How an instant is told to a restore, and what the restore says of it."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from regulars.backups.agreeing import Lost, Outcome
from regulars.backups.to_an_instant import check_reached, check_target, instant, report
from regulars.stack.errors import StackError
from regulars.testing import MigratedDatabase

from .archives import DAY, HOUR, NOON, archive_with

MESSAGING = Path(__file__).parents[4] / "services" / "messaging" / "migrations"


def test_an_instant_is_read_with_its_offset() -> None:
    assert instant("2026-11-30T14:00:00+08:00") == datetime(2026, 11, 30, 6, tzinfo=UTC)
    assert instant(None) is None


@pytest.mark.parametrize("text", ["yesterday", "2026-11-30T14:00:00", "2026-13-30T14:00:00Z"])
def test_an_instant_without_an_offset_or_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(StackError, match=r"is no time|has no offset"):
        instant(text)


@pytest.mark.parametrize(("text", "hint"), [("2026-11-30", "2026-11-30T00:00:00+08:00"), ("20261130T14", "T14:00:00Z")])
def test_how_an_instant_is_to_be_written_can_be_typed_as_it_is_said(text: str, hint: str) -> None:
    with pytest.raises(StackError, match=re.escape(hint)) as refused:
        instant(text)
    said = str(refused.value).rpartition("write it as ")[2].split(", or ")
    assert [instant(each) is not None for each in said] == [True, True]


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (NOON, ""),
        (NOON - timedelta(seconds=1), "lacks something at its end: PostgreSQL recovered to 2026-11-30T11:59:59"),
        (None, "was started again since it recovered"),
    ],
)
def test_a_log_that_ends_before_the_archive_was_complete_is_refused(
    tmp_path: Path, last: datetime | None, said: str
) -> None:
    """Its last file is gone, or has a bad byte, at which PostgreSQL ends without a word."""
    archive = archive_with(tmp_path, NOON - DAY, until=NOON)
    with pytest.raises(StackError, match=said) if said else nullcontext():
        check_reached(archive, last)


async def test_kafka_is_filled_for_the_instant_to_which_postgresql_was_told_to_recover(
    database_from: MigratedDatabase,
) -> None:
    url = await database_from(MESSAGING)
    await check_target(None, url)
    with pytest.raises(StackError, match="was laid out for the end of the log, not for 2026-11-30T12:00"):
        await check_target(NOON, url)


def test_a_restore_says_what_is_lost_of_each_service(tmp_path: Path) -> None:
    lost = Lost()
    for second in (3, 1, 2):
        lost.add("order.completed", NOON + timedelta(seconds=second))
    outcome = Outcome(
        last=NOON,
        newest={"orders-ingest": NOON, "membership": None},
        lost={"orders-ingest": lost, "membership": Lost(Counter())},
        again={"orders-ingest": 2, "membership": 0},
        noted=7,
        left=6,
        unread=4,
        photos=(5, 1),
    )
    said = "\n".join(report(outcome, NOON, NOON + HOUR, tmp_path / "after.jsonl"))
    assert "as of 2026-11-30T12:00:00+00:00" in said
    assert "lost: 3 facts of 2.0 s, the last of 2026-11-30T12:00:03.000+00:00 (3 order.completed)" in said
    assert "2 facts are published again" in said
    assert "membership: its newest fact is of an unknown time\n" in said
    assert "up to 4 unread records" in said
    assert "5 files, 1 are missing" in said
    assert "6 messages that had left after the instant do not leave again" in said
    assert "7 lost facts" in said
