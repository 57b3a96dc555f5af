"""The command `republish`: it says how far the relay is, and loses nothing when nobody sends."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import cast

import pytest
from pydantic import SecretStr

from common.bus.broker import Producer
from common.bus.relay import Relay
from common.process.runtime import Service
from common.process.settings import Settings
from common.service import commands
from common.storage.database import Database

from .test_relay import Taking

TOY = Service("toy", migrations=Path(__file__).parent)


async def test_it_ends_when_all_is_sent_or_nothing_moves_and_goes_on_when_run_again(
    db: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(commands, "STANDS_S", 0.1)
    url = db.engine.url.render_as_string(hide_password=False)
    settings = Settings(
        database_url=url,
        kafka_bootstrap_servers="nowhere:1",
        master_key=SecretStr(base64.b64encode(bytes(32)).decode()),
    )
    assert await commands.republish(TOY, settings) == 0
    assert "toy: the outbox holds no fact" in capsys.readouterr().out
    async with db.transaction() as tx:
        await tx.execute(
            """
            insert into outbox (id, aggregatetype, aggregateid, type, shop, payload, published_at)
            select 'x', 't', cast(number as text), 'x', 's', 'p', now() from generate_series(1, 3) as number
            """
        )
    assert await commands.republish(TOY, settings) == 0
    assert "toy: 0 of 3 facts are sent again; the rest is when the service runs" in capsys.readouterr().out
    monkeypatch.setattr(commands, "STANDS_S", 60.0)
    again = asyncio.create_task(commands.republish(TOY, settings))
    kafka = Taking()
    async with db.engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
        while not again.done():
            await Relay(db, "nowhere", "toy").step(connection, cast(Producer, kafka))
            await asyncio.sleep(0.01)
    assert await again == 0
    assert kafka.keys[:3] == [b"1", b"2", b"3"]
    assert capsys.readouterr().out.endswith("toy: all 3 facts are sent again\n")
