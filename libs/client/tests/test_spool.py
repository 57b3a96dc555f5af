"""What the spool was given is told once the service answers, whatever is killed or away meanwhile."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from regulars_client import Event, Outcome, Refused, Spool, Unreachable

FILLING = """
import sys
from regulars_client import Event, Spool

spool = Spool(sys.argv[1], lambda batch: [])
for number in range(1_000_000):
    spool.send(Event(type="t", data={"n": number}, id=str(number)))
    print(number, flush=True)
"""


class Service:
    """Takes each id once; refuses those of type `bad`; is away as often as it is asked to be."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.batches: list[int] = []
        self.away = 0

    def __call__(self, batch: Sequence[bytes]) -> Sequence[Outcome]:
        if self.away:
            self.away -= 1
            raise Unreachable("away")
        events = [json.loads(event) for event in batch]
        if any(event["type"] == "unreadable" for event in events):
            raise Refused(422, "nested_too_deeply", "flatten it", {})
        self.batches.append(len(events))
        found = []
        for event in events:
            if event["type"] == "bad":
                found.append(Outcome(id=event["id"], status="refused", slug="unknown_type", detail="no such type"))
            else:
                self.taken.append(event["id"])
                found.append(Outcome(id=event["id"], status="accepted"))
        return found


def event(id_: str, type_: str = "t") -> Event:
    return Event(type=type_, data={}, id=id_)


def test_events_are_told_in_order_and_removed(tmp_path: Path) -> None:
    service = Service()
    spool = Spool(tmp_path / "spool", service)
    for number in range(2_500):
        spool.send(event(str(number)))
    assert spool.waiting == 2_500
    assert spool.flush() == 2_500
    assert (service.taken, service.batches) == ([str(n) for n in range(2_500)], [1_000, 1_000, 500])
    assert (spool.waiting, spool.flush()) == (0, 0)
    spool.close()


def test_while_the_service_is_away_events_wait_in_the_file(tmp_path: Path) -> None:
    service = Service()
    service.away = 1
    spool = Spool(tmp_path / "spool", service)
    spool.send(event("a"), event("b"))
    with pytest.raises(Unreachable):
        spool.flush()
    spool.close()
    again = Spool(tmp_path / "spool", service)
    assert (again.waiting, again.flush(), service.taken) == (2, 2, ["a", "b"])
    again.close()


def test_what_is_refused_is_set_aside_and_holds_up_nothing(tmp_path: Path) -> None:
    service = Service()
    spool = Spool(tmp_path / "spool", service)
    spool.send(event("a"), event("x", "bad"), event("b"), event("y", "unreadable"), event("c"))
    assert spool.flush() == 3
    assert sorted(service.taken) == ["a", "b", "c"]
    refusals = spool.refusals()
    assert [(json.loads(one.event)["id"], one.slug) for one in refusals] == [
        ("x", "unknown_type"),
        ("y", "nested_too_deeply"),
    ]
    spool.forget(one.number for one in refusals)
    assert (spool.refusals(), spool.waiting) == ([], 0)
    spool.close()


@pytest.mark.parametrize("slug", ["unauthorized", "shop_not_set_up", "missing_scope"])
def test_what_the_shop_must_mend_elsewhere_keeps_its_events_waiting(tmp_path: Path, slug: str) -> None:
    def sender(batch: Sequence[bytes]) -> Sequence[Outcome]:
        raise Refused(422, slug, "mend it", {})

    spool = Spool(tmp_path / "spool", sender)
    spool.send(event("a"), event("b"))
    with pytest.raises(Refused):
        spool.flush()
    assert (spool.waiting, spool.refusals()) == (2, [])
    spool.close()


def test_it_tells_in_the_background_what_several_threads_give(tmp_path: Path) -> None:
    service = Service()
    with Spool(tmp_path / "spool", service) as spool:

        def give(name: int) -> None:
            for number in range(50):
                spool.send(event(f"{name}-{number}"))

        threads = [threading.Thread(target=give, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spool.flush()
    assert sorted(service.taken) == sorted(f"{t}-{n}" for t in range(4) for n in range(50))


@pytest.mark.parametrize(
    "trouble",
    [
        Unreachable("away"),
        Refused(401, "unauthorized", "renew it", {}),
        sqlite3.OperationalError("disk full"),
        KeyError(),
    ],
)
def test_whatever_goes_wrong_in_the_background_is_waited_out(tmp_path: Path, trouble: Exception) -> None:
    """The thread outlives it, says what it was, and tells all that waits afterwards; too few outcomes are trouble."""
    service, left = Service(), [trouble, None]

    def sender(batch: Sequence[bytes]) -> Sequence[Outcome]:
        if not left:
            return service(batch)
        if (now := left.pop(0)) is None:
            return []
        raise now

    spool = Spool(tmp_path / "spool", sender, idle_s=0.01).start()
    spool.send(event("a"))
    spool.send(event("b"))
    until = time.monotonic() + 10
    while (spool.waiting or spool.trouble) and time.monotonic() < until:
        time.sleep(0.01)
    assert (spool.waiting, spool.trouble, left) == (0, None, [])
    assert service.taken == ["a", "b"]
    spool.close()


def test_what_send_returned_from_survives_a_kill(tmp_path: Path) -> None:
    """kill -9 in the middle of writing, three times into one file: nothing that was said to be kept is missing."""
    path = tmp_path / "spool"
    said = 0
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", FILLING, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        for _ in range(40):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
        process.stdout.close()
        said += 40 + len(rest)
    service = Service()
    spool = Spool(path, service)
    assert said <= spool.waiting <= said + 3  # of each process one more may be written and not yet said
    assert spool.flush() == len(service.taken) >= said
    spool.close()
