"""A process runs all parts of its service, or those that it is told to."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from common.bus.subscriptions import Batch, Subscription
from common.events.orders import OrderPaid
from common.process.runtime import PARTS, Runtime, Service, build_runtime
from common.process.settings import Settings
from common.service.commands import arguments
from common.service.serving import _parts, _readiness
from common.storage.database import Transaction
from common.work.sweeps import Job


async def handle(tx: Transaction, batch: Batch) -> None: ...


async def work(tx: Transaction, now: datetime, limit: int) -> int:
    return 0


async def send(runtime: Runtime) -> None: ...


READER = Service("reader", Path(), subscriptions=(Subscription(handle, (OrderPaid,)),), jobs=(Job("work", work),))
SENDER = Service("sender-too", Path(), background={"sender": (send,)})


@pytest.fixture
def settings() -> Settings:
    return Settings(
        database_url="postgresql://u:p@127.0.0.1:1/d",
        kafka_bootstrap_servers="127.0.0.1:1",
        master_key="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",  # type: ignore[arg-type]
    )


def running(service: Service, settings: Settings, *only: Any) -> set[str]:
    parts = _parts(build_runtime(service, settings, only or PARTS))
    for part in parts.values():
        part.close()
    return {*parts}


async def test_without_a_word_all_parts_run_and_with_one_that_alone(settings: Settings) -> None:
    """Each process follows the shops' settings and keys, and has metrics, whatever it runs."""
    always = {"shops", "metrics", "uses"}
    assert running(READER, settings) == {"consumer", "relay", "sweeps", "pruning", *always}
    assert running(READER, settings, "api") == always
    assert running(READER, settings, "consumer") == {"consumer", *always}
    assert running(READER, settings, "relay", "sweeps") == {"relay", "sweeps", "pruning", *always}
    assert running(SENDER, settings, "sender") == {"send", *always}
    assert running(SENDER, settings, "api") == always


async def test_readiness_says_which_parts_run(settings: Settings) -> None:
    said = await _readiness(build_runtime(READER, settings, ["sweeps"])).ask()
    assert said.parts == ["sweeps"]
    assert {*said.checks} == {"database", "sweeps", "shops"}
    whole = await _readiness(build_runtime(READER, settings)).ask()
    assert whole.parts == ["api", "consumer", "relay", "sweeps"]


async def test_a_process_without_a_consumer_sweeps_by_the_service_s_own_offsets(settings: Settings) -> None:
    """A3: nothing is downgraded before the log is read, whoever reads it."""
    runtime = build_runtime(READER, settings, ["sweeps"])
    assert runtime.consumer is None
    assert await runtime.sweeper.sweep(patiently=True) == 0
    assert runtime.sweeper.waiting, "neither Kafka nor PostgreSQL says how far the log is read"


def test_parts_are_named_by_commas_or_one_after_the_other() -> None:
    assert arguments(READER, ["serve", "--only", "api,relay", "--only=sweeps"]).only == ["api", "relay", "sweeps"]
    assert arguments(READER, ["serve"]).only == []
    assert arguments(READER, ["serve", "--migrate"]).migrate
    assert not arguments(READER, ["serve", "--only", "relay"]).migrate


@pytest.mark.parametrize("given", ["sender", "", "api,", "senders"])
def test_a_part_that_a_service_does_not_have_is_answered_with_those_that_it_has(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        arguments(READER, ["serve", "--only", given])
    named = given.split(",")[-1]
    assert f"reader has no part {named!r}; it has api, consumer, relay, sweeps" in capsys.readouterr().err


@pytest.mark.parametrize("given", [[], ["serve", "--migrat"], ["verify", "--only", "api"], ["swim"]])
def test_what_cannot_be_understood_shows_the_usage(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(READER, given)
    assert "usage: python -m reader.main" in capsys.readouterr().err
