"""A forked process is what `python -m module` would have been, and ends with those it depends on."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import psutil
import pytest

from regulars.stack import forking
from regulars.stack.errors import PartDied
from regulars.stack.forking import ForkServer
from regulars.stack.process import Command
from regulars.stack.supervisor import Supervisor

from .processes import gone

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere services are started without forks")

_MODULE = """
import json, os, signal, sys, time
if sys.argv[1] == "tell":
    print(json.dumps({"args": sys.argv[1:], "env": dict(os.environ), "name": __name__, "session": os.getsid(0),
                      "pid": os.getpid(), "comm": open("/proc/self/comm").read().strip()}))
elif sys.argv[1] == "exit":
    sys.exit(json.loads(sys.argv[2]))
elif sys.argv[1] == "raise":
    raise ValueError("no such thing")
else:
    print("runs", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def argv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sequence[str]:
    (tmp_path / "reported.py").write_text(_MODULE)
    inherited = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path) + (f":{inherited}" if inherited else ""))
    monkeypatch.setattr(forking, "PRELOADED", ("json",))
    return [sys.executable, "-m", "reported"]


@pytest.fixture
async def forks(argv: Sequence[str], tmp_path: Path) -> AsyncIterator[ForkServer]:
    async with ForkServer(tmp_path / "fork-server.log") as forks:
        yield forks


async def _lines(log: Path, number: int) -> list[str]:
    while not log.exists() or len(log.read_text().splitlines()) < number:
        await asyncio.sleep(0.02)
    return log.read_text().splitlines()


async def test_a_fork_is_the_process_that_the_command_would_have_been(
    forks: ForkServer, argv: Sequence[str], tmp_path: Path
) -> None:
    log = tmp_path / "membership.log"
    command = Command("membership", [*argv, "tell", "serve"], {"HTTP_PORT": "8102"}, forked=True)
    process = await forks.spawn(command, log)
    assert await process.wait() == 0
    reported = json.loads(log.read_text())
    assert reported == {
        "args": ["tell", "serve"],
        "env": {"HTTP_PORT": "8102"},
        "name": "__main__",
        "comm": "membership",
        "pid": process.pid,
        "session": process.pid,
    }


@pytest.mark.parametrize(
    ("args", "code", "last"),
    [
        (("exit", "null"), 0, ""),
        (("exit", "3"), 3, ""),
        (("exit", '"MASTER_KEY is of no use"'), 1, "MASTER_KEY is of no use"),
        (("raise",), 1, "ValueError: no such thing"),
    ],
)
async def test_exit_codes_and_last_words_are_those_of_the_interpreter(
    forks: ForkServer, argv: Sequence[str], tmp_path: Path, args: tuple[str, ...], code: int, last: str
) -> None:
    process = await forks.spawn(Command("ending", [*argv, *args], {}, forked=True), tmp_path / "log")
    assert await process.wait() == code
    assert process.returncode == code
    assert (["", *(tmp_path / "log").read_text().splitlines()])[-1] == last
    process.send_signal(signal.SIGTERM)


async def test_a_fork_that_is_killed_is_started_again(forks: ForkServer, argv: Sequence[str], tmp_path: Path) -> None:
    said: list[str] = []
    async with Supervisor(tmp_path / "logs", report=said.append, changed=lambda: None, forks=forks) as supervisor:
        child = await supervisor.start(Command("sleeping", [*argv, "sleep"], dict(os.environ), forked=True))
        await _lines(child.log, 1)
        first = child.process
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        await _lines(child.log, 2)
        assert child.process is not None
        assert child.process.pid != first.pid
    assert said[0].startswith("sleeping ended with -9; starting it again in 0.2 s")
    assert child.process.returncode == -signal.SIGTERM
    await gone(child.process.pid)


async def test_forks_end_with_a_fork_server_that_is_killed_and_both_come_back(
    forks: ForkServer, argv: Sequence[str], tmp_path: Path
) -> None:
    async with Supervisor(tmp_path / "logs", report=print, changed=lambda: None, forks=forks) as supervisor:
        child = await supervisor.start(Command("sleeping", [*argv, "sleep"], dict(os.environ), forked=True))
        await _lines(child.log, 1)
        server, first = forks.pid, child.process
        assert server is not None
        assert first is not None
        os.kill(server, signal.SIGKILL)
        await _lines(child.log, 2)
        assert forks.pid not in (None, server)
        await gone(first.pid)


async def test_all_forks_come_back_under_one_new_fork_server(
    forks: ForkServer, argv: Sequence[str], tmp_path: Path
) -> None:
    """They are started again at one moment: who finds no fork server must not start a second one."""
    async with Supervisor(tmp_path / "logs", report=print, changed=lambda: None, forks=forks) as supervisor:
        commands = [Command(f"s{n}", [*argv, "sleep"], dict(os.environ), forked=True) for n in range(5)]
        children = [await supervisor.start(command) for command in commands]
        for child in children:
            await _lines(child.log, 1)
        assert forks.pid is not None
        os.kill(forks.pid, signal.SIGKILL)
        for child in children:
            await _lines(child.log, 2)
        pids = [child.process.pid for child in children if child.process is not None]
        assert {psutil.Process(pid).ppid() for pid in pids} == {forks.pid}


async def test_a_fork_server_that_cannot_start_says_why(
    argv: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forking, "PRELOADED", ("no_such_module",))
    async with ForkServer(tmp_path / "fork-server.log") as forks:
        with pytest.raises(PartDied, match="No module named 'no_such_module'"):
            await forks.spawn(Command("never", [*argv, "tell"], {}, forked=True), tmp_path / "log")
