"""What nobody can read stands at the head of every partition, again and again (R6): the rest goes on."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
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
    """Writes records that cannot be read into each partition of the topics of facts, `times` times, after as long
    without: how long events wait under this load alone stands beside how long they wait behind poison."""

    def __init__(self, setting: Setting, times: int) -> None:
        super().__init__(setting)
        self._times = times
        self._targets = Targets(setting.folder)
        self._written: Counter[str] = Counter()
        self._clean: list[float] = []
        """When each round without poison began."""

    async def run(self, _holdings: Holdings) -> None:
        producer = Producer(self._targets.state().kafka, client="chaos-poison")
        try:
            await asyncio.sleep(REST_S)
            for number in range(self._times):
                self._clean.append(time.time())
                self.sent_share = (number + 1) / self._times / 2
                await asyncio.sleep(REST_S)
            for number in range(self._times):
                self.done.instants.append((time.time(), NAME))
                await self._write(producer, number)
                self.sent_share = (1 + (number + 1) / self._times) / 2
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
        p99 = _p99(announced, taken, [instant for instant, _ in self.done.instants])
        figures: Figures = {
            "records": sum(self._written.values()),
            "laid_aside_by_every_reader": laid_aside,
            "slowest_in_the_dead_letters_s": round(slowest, 1),
            "others_waited_p99_s": p99,
            "waited_without_poison_p99_s": _p99(announced, taken, self._clean),
        }
        kept = laid_aside and 0 < slowest <= DEAD_WITHIN_S and all(each <= OTHERS_P99_S for each in p99.values())
        return {"poison": figures}, kept and bool(p99)

    def _since_written(self, at: float) -> float:
        """Seconds since the last round of poison before that instant."""
        return at - max((instant for instant, _ in self.done.instants if instant <= at), default=at)


def _p99(
    announced: Mapping[UUID, float], taken: Mapping[str, Mapping[UUID, float]], rounds: Sequence[float]
) -> dict[str, float]:
    """By service, how long in seconds what was announced within a rest after a round waited for it: the 99th of 100."""
    near = {claim: at for claim, at in announced.items() if any(0 <= at - start < REST_S for start in rounds)}
    waits = {name: [claims[c] - at for c, at in near.items() if c in claims] for name, claims in taken.items()}
    # orders-ingest takes its events over HTTP here.
    judged = {name: each for name, each in waits.items() if name != "orders-ingest" and len(each) > 1}
    return {name: round(statistics.quantiles(each, n=100)[98], 2) for name, each in judged.items()}


def buried(read: Collection[str], dead: Mapping[str, int], written: Mapping[str, int]) -> bool:
    """Whether a service that reads these topics has laid every record aside that was written into them, and any."""
    poisoned = [topic for topic in read if written.get(topic)]
    return bool(poisoned) and all(dead.get(topic, 0) == written[topic] for topic in poisoned)
