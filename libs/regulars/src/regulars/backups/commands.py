"""`regulars backup` and `regulars restore`, of the local stack or of servers that the environment names."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from common.bus.broker import BrokerUnavailable, secure
from common.bus.broker.security import from_environment
from regulars.backups.photos import PHOTOS
from regulars.backups.restoring import check_key, manifest_of, restore_all
from regulars.backups.taking import back_up
from regulars.stack.databases import ensure_database, role_of
from regulars.stack.errors import StackError
from regulars.stack.folder import lock
from regulars.stack.kafka import KafkaCluster
from regulars.stack.postgres import PostgresServer
from regulars.stack.services import CONSOLE, SERVICES
from regulars.stack.state import Secrets, running

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
Say = Callable[[str], None]
_RUN = Path(".run")
_NAMED = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "MASTER_KEY")


def backup(target: Path, /, *, folder: Folder = _RUN) -> None:
    """Write every database, topic and photo, as of one instant, into a new folder; all services go on meanwhile.

    Of the running stack; or, where DATABASE_URL (a superuser's), KAFKA_BOOTSTRAP_SERVERS and MASTER_KEY are all set, or
    stand in SECRETS_DIR, of those servers, and photos of PHOTO_DIR. The master key is not part of it: keep it apart.
    """
    if named := _named():
        secure(from_environment())
        take = back_up(target.resolve(), named[0], named[1], _databases(), named[2], _say, photos=_photos())
    else:
        state = running(folder.resolve())
        databases = [each.database for each in (*SERVICES, CONSOLE) if each.name in state.services]
        databases += [CONSOLE.database] if state.console else []
        secrets = Secrets.load_or_draw(folder.resolve() / "secrets.json", databases)
        take = back_up(
            target.resolve(),
            state.postgres,
            state.kafka,
            databases,
            secrets.master_key,
            _say,
            photos=folder.resolve() / PHOTOS,
        )
    try:
        asyncio.run(take)
    except BrokerUnavailable as error:
        raise StackError(f"no backup was written: {error}") from error


def restore(source: Path, /, *, folder: Folder = _RUN) -> None:
    """Fill a stack that holds no data from a backup, and leave it stopped: start it with `regulars up`.

    The folder must hold the secrets.json of the stack that was backed up. Where DATABASE_URL (a superuser's),
    KAFKA_BOOTSTRAP_SERVERS and MASTER_KEY are all set, those servers are filled: empty databases, no process of ours.
    """
    try:
        if named := _named():
            secure(from_environment())
            check_key(manifest_of(source), named[2])
            asyncio.run(restore_all(source, named[0], named[1], _say, photos=_photos()))
        else:
            restore_here(source, folder.resolve(), _say)
    except BrokerUnavailable as error:
        raise StackError(f"the restore was broken off: {error}; empty the servers and restore again") from error


def restore_here(source: Path, folder: Path, say: Say) -> None:
    """Start the stack's PostgreSQL and Kafka alone, fill them, and stop them. Whatever fails, no half data is left."""
    manifest = manifest_of(source)
    if not (folder / "secrets.json").exists():
        raise StackError(f"put the secrets.json of the stack that was backed up into {folder} first: it has the keys")
    with lock(folder):
        secrets = Secrets.load_or_draw(
            folder / "secrets.json", [role for name in manifest["databases"] for role in (name, role_of(name))]
        )
        check_key(manifest, secrets.master_key)
        postgres = PostgresServer(folder / "postgres", password=secrets.postgres)
        kafka = KafkaCluster(folder / "kafka")
        held = [postgres.directory / "data", kafka.directory, folder / PHOTOS]
        if any(place.exists() for place in held):
            raise StackError(f"{folder} holds the data of a stack: move it away, or name another --folder")
        try:
            say("starting PostgreSQL and Kafka")
            postgres.start()
            kafka.start()
            asyncio.run(_fill(source, postgres, kafka, secrets, manifest["databases"], say, folder / PHOTOS))
        except BaseException:
            kafka.stop()
            postgres.stop()
            for place in (postgres.directory, folder / "postgres", kafka.directory, folder / PHOTOS):
                shutil.rmtree(place, ignore_errors=True)
            raise
        kafka.stop()
        postgres.stop()
    say("restored; start it with: regulars up")


async def _fill(
    source: Path,
    postgres: PostgresServer,
    kafka: KafkaCluster,
    secrets: Secrets,
    databases: list[str],
    say: Say,
    photos: Path,
) -> None:
    for name in databases:
        await ensure_database(postgres.url, name, secrets.databases[name], secrets.databases[role_of(name)])
    await restore_all(source, postgres.url, kafka.bootstrap_servers, say, photos=photos)


def _named() -> tuple[str, str, str] | None:
    """The servers and the master key of the environment. Raises StackError where some of them are set, not all."""
    values = [_setting(name) for name in _NAMED]
    if not any(values):
        return None
    admin, servers, key = values
    if admin is None or servers is None or key is None:
        raise StackError(f"set all of {', '.join(_NAMED)}, or none of them for the stack of a folder")
    return admin, servers, key


def _setting(name: str) -> str | None:
    """From the environment, else from the file of its name in SECRETS_DIR, as the services read theirs."""
    folder = os.environ.get("SECRETS_DIR")
    file = Path(folder, name.lower()) if folder else None
    from_file = file.read_text("utf-8").strip() if file is not None and file.is_file() else None
    return os.environ.get(name) or from_file or None


def _photos() -> Path | None:
    """feedback's folder of photos, which its settings name; None: they lie in a bucket, or there are none."""
    named = os.environ.get("PHOTO_DIR")
    return Path(named) if named else None


def _databases() -> list[str]:
    return [each.database for each in (*SERVICES, CONSOLE)]


def _say(line: str) -> None:
    print(line, file=sys.stdout, flush=True)
