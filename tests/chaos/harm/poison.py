"""What nobody can read stands at the head of every partition, again and again (R6): the rest goes on."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Collection, Mapping
from uuid import UUID

import asyncpg

from chaos.evidence import Evidence
from chaos.gathering import ANNOUNCED, CLAIMED, claim_of
from chaos.harm import Figures, Harm, Setting
from chaos.harm.targets import Targets
from chaos.holdings import Holdings
from common.bus.broker import BrokerUnavailable, Outgoing, Producer
from common.storage.migrate import driver_url

TOPICS = ("orders", "customers", "activity", "membership", "segments", "feedback")
PARTITIONS = 12
REST_S = 6.0
OTHERS_P99_S, DEAD_WITHIN_S = 2.0, 30.0
"""Targets (targets.md R6): how long others may wait at most, and until a poison lies in the dead letters."""
NAME = "poison"
_KEYS_ALONE = ("orders-ingest",)
"""Of others' topics it looks at keys and types, and at no body."""
_BODIES = (b"{no json", b"[]", b'{"specversion": "1.0"}', b"\xff\xfe\x00")
_UNREADABLE = "None None"
"""How the evidence shows type and id of a dead record that has neither."""


class Poison(Harm):
    """Writes one record that cannot be read into each partition of the topics of facts, `times` times."""

    def __init__(self, setting: Setting, times: int) -> None:
        super().__init__(setting)
        self._times = times
        self._targets = Targets(setting.folder)
        self._written: Counter[str] = Counter()

    async def run(self, _holdings: Holdings) -> None:
        producer = Producer(self._targets.state().kafka, client="chaos-poison")
        try:
            for number in range(self._times):
                await asyncio.sleep(REST_S)
                self.done.instants.append((time.time(), NAME))
                await self._write(producer, number)
                self.sent_share = (number + 1) / self._times
            await asyncio.sleep(REST_S)
        finally:
            self.sent_share = 1.0
            await producer.stop()

    async def _write(self, producer: Producer, number: int) -> None:
        body = _BODIES[number % len(_BODIES)]
        for topic in TOPICS:
            # Keys spread over the partitions; with ten times as many keys as partitions each gets some.
            records = [
                Outgoing(topic, f"{NAME}/{number}-{key}".encode(), body, {"id": f"{NAME}-{number}-{key}".encode()})
                for key in range(10 * PARTITIONS)
            ]
            try:
                sent = await producer.send(records)
                self._written[topic] += sent
                self.done.others[NAME] += sent
            except BrokerUnavailable as error:
                self.done.missed.append(f"poison {topic}: {error}")
        self.setting.say(f"poison in every partition of {len(TOPICS)} topics ({number + 1} of {self._times})")

    def sift(self, found: Evidence) -> None:
        found.log = [record for record in found.log if not record.id.startswith(NAME)]
        for service, rows in found.dead.items():
            found.dead[service] = [row for row in rows if not row.startswith(_UNREADABLE)]
        # Each dead letter goes out on the service's own topic of these, which is no part of the log that is read.
        for service, facts in found.outboxes.items():
            found.outboxes[service] = [fact for fact in facts if not fact.topic.startswith("dead.")]

    def enough(self) -> bool:
        return self.done.others[NAME] == self._times * 10 * PARTITIONS * len(TOPICS)

    async def measured(self, databases: Mapping[str, str]) -> tuple[Figures, bool]:
        """How long others waited after the poison, and how long until it lay in the dead letters of every reader."""
        announced: dict[UUID, float] = {}
        taken: dict[str, dict[UUID, float]] = {}
        slowest, laid_aside = 0.0, True
        for name, url in databases.items():
            connection = await asyncpg.connect(driver_url(url))
            try:
                for row in await connection.fetch(ANNOUNCED):
                    if (claim := claim_of(row)) is not None:
                        announced[claim] = row["recorded_at"].timestamp()
                # When each event was taken.
                taken[name] = {r["key"]: r["recorded_at"].timestamp() for r in await connection.fetch(CLAIMED)}
                dead = await connection.fetch(
                    "select topic, recorded_at from dead_events where event_id is null and type is null"
                )
                read = {row["topic"] for row in await connection.fetch("select distinct topic from offsets")}
            finally:
                await connection.close()
            counted = Counter(row["topic"] for row in dead)
            laid_aside = laid_aside and (name in _KEYS_ALONE or buried(read, counted, self._written))
            slowest = max([slowest, *(self._since_written(row["recorded_at"].timestamp()) for row in dead)])
        waits = {name: self._waits(announced, claims) for name, claims in taken.items() if name != "orders-ingest"}
        p99 = {name: statistics.quantiles(each, n=100)[98] for name, each in waits.items() if len(each) > 1}
        figures: Figures = {
            "records": sum(self._written.values()),
            "laid_aside_by_every_reader": laid_aside,
            "slowest_in_the_dead_letters_s": round(slowest, 1),
            "others_waited_p99_s": {name: round(each, 2) for name, each in p99.items()},
        }
        kept = laid_aside and 0 < slowest <= DEAD_WITHIN_S and all(each <= OTHERS_P99_S for each in p99.values())
        return {"poison": figures}, kept and bool(p99)

    def _since_written(self, at: float) -> float:
        """Seconds since the last round of poison before that instant."""
        return at - max((instant for instant, _ in self.done.instants if instant <= at), default=at)

    def _waits(self, announced: Mapping[UUID, float], taken: Mapping[UUID, float]) -> list[float]:
        """How long what was announced within a rest after a round waited for this service."""
        rounds = [at for at, _ in self.done.instants]
        near = {claim: at for claim, at in announced.items() if any(0 <= at - start < REST_S for start in rounds)}
        return [taken[claim] - at for claim, at in near.items() if claim in taken]


def buried(read: Collection[str], dead: Mapping[str, int], written: Mapping[str, int]) -> bool:
    """Whether a service that reads these topics has laid every record aside that was written into them, and any."""
    poisoned = [topic for topic in read if written.get(topic)]
    return bool(poisoned) and all(dead.get(topic, 0) == written[topic] for topic in poisoned)
