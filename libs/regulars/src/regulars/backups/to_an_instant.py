"""`regulars restore` of a continuous backup: everything as of one instant, and what of after it is lost, said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import asyncpg

from regulars.backups.agreeing import Agreement, Outcome, check_copies
from regulars.backups.archive import Archive
from regulars.backups.data_folder import clear, forget_settings, lay_out, recovered
from regulars.backups.local import empty_stack
from regulars.backups.photos import PHOTOS
from regulars.backups.restoring import check_no_records
from regulars.stack.databases import dsn
from regulars.stack.errors import StackError
from regulars.stack.kafka import KafkaCluster
from regulars.stack.postgres import PostgresServer
from regulars.stack.postgres_binaries import account
from regulars.stack.services import SERVICES
from regulars.stack.state import Secrets

NOTED, RECOVERS_S = "after-the-instant.jsonl", 24 * 3600.0
Say = Callable[[str], None]


async def fill(
    archive: Archive, at: datetime | None, admin_url: str, servers: str, photos: Path | None, noted: Path, say: Say
) -> Outcome:
    """Fill an empty Kafka beside a PostgreSQL that recovers, or has recovered, to the instant. Raises StackError.

    Broken off, both are made empty before it is called again.
    """
    about, base = archive.about(), archive.base_for(at)
    check_copies(archive, base, {})
    await check_no_records(servers, archive.topics(base.name))
    last = await recovered(admin_url)
    await _check_recovered(about["system"], about["timeline"], admin_url)
    await check_target(at, admin_url)
    if at is None:
        check_reached(archive, last)
    await forget_settings(admin_url)
    services = {each.name: each.database for each in SERVICES if each.database in about["databases"]}
    others = [database for database in about["databases"] if database not in services.values()]
    outcome = await Agreement(archive, base, at, admin_url, servers, say).make(services, others, photos, noted)
    outcome.last = last
    return outcome


def check_reached(archive: Archive, last: datetime | None) -> None:
    """Without an instant PostgreSQL ends where it finds no more log, and does not say that some is missing; of a log
    that is whole the last transaction is one of behind `until`. Raises StackError."""
    until = archive.until()
    if last is None:
        raise StackError(
            "PostgreSQL was started again since it recovered, and does not know any more how far it came: empty the"
            " new servers and restore again, without another start or with --at"
        )
    if until is not None and last < until:
        raise StackError(
            f"{archive.wal} lacks something at its end: PostgreSQL recovered to {last.isoformat()}, and the archive was"
            f" complete up to {until.isoformat()}. Look for the last files of the log, put them back and restore again;"
            f" or restore with an --at of before {last.isoformat()}"
        )


async def check_target(at: datetime | None, admin_url: str) -> None:
    """Raises StackError where the server was told another instant, to which Kafka must not be filled."""
    connection = await asyncpg.connect(dsn(admin_url), timeout=10)
    try:
        told = await connection.fetchval("select nullif(current_setting('recovery_target_time'), '')::timestamptz")
    finally:
        await connection.close()
    if told != at:
        raise StackError(
            f"this PostgreSQL was laid out for {told.isoformat() if told else 'the end of the log'}, not for"
            f" {at.isoformat() if at else 'that'}: give the same --at as with --data"
        )


async def _check_recovered(system: str, timeline: int, admin_url: str) -> None:
    connection = await asyncpg.connect(dsn(admin_url), timeout=10)
    try:
        here = str(await connection.fetchval("select system_identifier from pg_control_system()"))
        # A checkpoint writes down the timeline that the recovery began.
        await connection.execute("checkpoint")
        now = await connection.fetchval("select timeline_id from pg_control_checkpoint()")
    finally:
        await connection.close()
    if here != system or now <= timeline:
        raise StackError(
            "this PostgreSQL was not recovered from the backup: lay its data folder out with --data, and start it on it"
        )


def report(outcome: Outcome, at: datetime | None, until: datetime | None, noted: Path) -> list[str]:
    """What is there, and what is lost, for people; `noted`: the file of what must be done again."""
    to = at.isoformat() if at else "the end of the backup"
    lines = [f"everything is as of {to}; the last transaction is of {_time(outcome.last)}"]
    lines.append(f"the backup is complete up to {_time(until)}: nothing is known of what came later")
    for service, lost in outcome.lost.items():
        newest = f"{service}: its newest fact is of {_time(outcome.newest.get(service))}"
        if again := outcome.again.get(service):
            newest += f"; {again:,} facts are published again"
        if number := lost.by_type.total():
            kinds = ", ".join(f"{count:,} {type_}" for type_, count in lost.by_type.most_common(6))
            seconds = (lost.last - lost.first).total_seconds() if lost.first and lost.last else 0
            newest += f"; lost: {number:,} facts of {seconds:,.1f} s, the last of {_time(lost.last)} ({kinds})"
        lines.append(newest)
    if outcome.unread:
        lines.append(f"intake topics: up to {outcome.unread:,} unread records are lost: have the shops send them again")
    brought, lack = outcome.photos
    if brought or lack:
        lines.append(f"photos: {brought:,} files, {lack:,} are missing")
    if outcome.left:
        lines.append(f"messaging: {outcome.left:,} messages that had left after the instant do not leave again")
    if outcome.noted:
        lines.append(f"{noted}: {outcome.noted:,} lost facts of which people must know; look at them")
    if outcome.held:
        lines.append("no message leaves until `regulars redo` with that file has done erasures and opt-outs again")
    return lines


def instant(text: str | None) -> datetime | None:
    """Of `--at`. Raises StackError where it is no time, or has no offset."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise StackError(f"{text} is no time: write it as 2026-11-30T14:00:00+08:00") from None
    if at.tzinfo is None:
        whole = at.isoformat()
        raise StackError(f"{text} has no offset from UTC: write it as {whole}+08:00, or {whole}Z")
    return at


def _time(at: datetime | None) -> str:
    return "an unknown time" if at is None else at.isoformat(timespec="milliseconds")


def restore_folder(archive: Archive, at: datetime | None, folder: Path, secrets: Secrets, say: Say) -> None:
    """Make the data of the local stack of this folder, which its caller holds, and leave its servers stopped.

    Whatever fails, no half data is left. Raises StackError.
    """
    base = archive.base_for(at)
    check_copies(archive, base, {})
    postgres, kafka = PostgresServer(folder / "postgres", password=secrets.postgres), KafkaCluster(folder / "kafka")
    data = postgres.directory / "data"
    with empty_stack(folder, postgres, kafka):
        say(f"unpacking the base backup {base.name} and the log since")
        lay_out(archive, base, at, data, account())
        say("PostgreSQL recovers")
        postgres.start(timeout_s=RECOVERS_S)
        kafka.start()
        run_fill(archive, at, postgres.url, kafka.bootstrap_servers, folder / PHOTOS, folder / NOTED, say)
        clear(data)


def run_fill(
    archive: Archive, at: datetime | None, admin_url: str, servers: str, photos: Path | None, noted: Path, say: Say
) -> None:
    """`fill`, and its report said."""
    outcome = asyncio.run(fill(archive, at, admin_url, servers, photos, noted, say))
    for line in report(outcome, at, archive.until(), noted):
        say(line)
