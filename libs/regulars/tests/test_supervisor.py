"""The supervisor restarts what ends, and ends what it started."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from regulars.stack.errors import PartDied
from regulars.stack.process import Command
from regulars.stack.supervisor import Supervisor, follow

from .processes import gone


def _python(name: str, code: str, stop_timeout_s: float = 10.0) -> Command:
    return Command(name, [sys.executable, "-c", code], dict(os.environ), stop_timeout_s=stop_timeout_s)


async def _until_file(file: Path, lines: int) -> list[str]:
    while not file.exists() or len(file.read_text().splitlines()) < lines:
        await asyncio.sleep(0.02)
    return file.read_text().splitlines()


async def test_a_child_that_ends_is_started_again_after_longer_and_longer_pauses(tmp_path: Path) -> None:
    said: list[str] = []
    async with Supervisor(tmp_path, report=said.append, changed=lambda: None) as supervisor:
        await supervisor.start(_python("crashing", "print('began'); raise SystemExit(7)"))
        lines = await _until_file(tmp_path / "crashing.log", 3)
    assert lines[:3] == ["began"] * 3
    assert [sentence.partition(" (")[0] for sentence in said[:2]] == [
        "crashing ended with 7; starting it again in 0.2 s",
        "crashing ended with 7; starting it again in 0.4 s",
    ]


async def test_a_child_that_ignores_the_signal_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True)\n"
        "time.sleep(600)"
    )
    async with Supervisor(tmp_path, report=print, changed=lambda: None) as supervisor:
        child = await supervisor.start(_python("stubborn", code, stop_timeout_s=0.2))
        (grandchild,) = await _until_file(tmp_path / "stubborn.log", 1)
    assert child.process is not None
    assert child.process.returncode == -signal.SIGKILL
    await gone(int(grandchild))


async def test_children_stop_last_first(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import signal, sys\n"
        f"def end(*_):\n    open({str(order)!r}, 'a').write(sys.argv[1] + '\\n'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('ready', flush=True)\n"
        "while True: signal.pause()"
    )
    async with Supervisor(tmp_path, report=print, changed=lambda: None) as supervisor:
        for name in ("database", "broker", "service"):
            command = _python(name, code)
            await supervisor.start(Command(name, [*command.argv, name], command.env))
            await _until_file(tmp_path / f"{name}.log", 1)
    assert order.read_text().split() == ["service", "broker", "database"]


async def test_a_command_that_fails_is_reported_with_its_last_words(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, report=print, changed=lambda: None)
    with pytest.raises(PartDied, match=r"migrate failed with exit code 1[\s\S]*no such table"):
        await supervisor.run(_python("migrate", "raise SystemExit('no such table')"))


async def test_following_gives_whole_lines_with_the_name_of_their_part(tmp_path: Path) -> None:
    stop, came, lines = asyncio.Event(), asyncio.Event(), list[str]()

    def write(line: str) -> None:
        lines.append(line)
        came.set()

    (tmp_path / "old.log").write_text("from yesterday\n")
    following = asyncio.create_task(follow(tmp_path, write, stop))
    await asyncio.sleep(0)
    with (tmp_path / "orders.log").open("w") as log:
        log.write("first\nsec")
        log.flush()
        await asyncio.wait_for(came.wait(), 60)
        log.write("ond\n")
    stop.set()
    await following
    assert lines == ["        orders | first", "        orders | second"]
