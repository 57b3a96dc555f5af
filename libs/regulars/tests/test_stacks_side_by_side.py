"""Stacks beside each other: each its own parts, one a folder, and what a killed command leaves is found and ended."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from regulars import operating
from regulars.stack.folder import end_leftovers
from regulars.stack.plan import Plan
from regulars.stack.ports import free_port, is_free, listens
from regulars.stack.state import ProcessId, StackState, running, state_file

WITHOUT_SERVICES: tuple[()] = ()


@pytest.fixture
def root(stack_folder: Path) -> Iterator[Path]:
    folder = stack_folder / f"beside-{time.monotonic_ns()}"
    folder.mkdir()
    yield folder
    operating.down(folder, purge=True)


def _up_at_once(folders: list[Path]) -> list[StackState]:
    """One `up` for each of the folders, all begun at the same moment."""
    found: list[StackState] = []
    threads = [
        threading.Thread(target=lambda f=folder: found.append(operating.up(Plan(f, WITHOUT_SERVICES), lambda _: None)))
        for folder in folders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.slow
def test_two_stacks_started_in_one_moment_share_no_part(root: Path) -> None:
    first, second = _up_at_once([root / "a", root / "b"])
    parts = [(s.postgres, s.kafka, s.smtp, s.mails_url, s.api_key) for s in (first, second)]
    assert all(one != other for one, other in zip(*parts, strict=True))
    for state in (first, second):
        assert listens(state.processes["postgres"].pid, _port(state.postgres.split("/")[2]))
        assert listens(state.processes["kafka-1"].pid, _port(state.kafka))
    assert len(operating.down(root).stacks) == 2


@pytest.mark.slow
def test_two_ups_of_one_folder_in_one_moment_are_one_stack(root: Path) -> None:
    states = _up_at_once([root / "a", root / "a"])
    assert len(states) == 2
    assert states[0].supervisor == states[1].supervisor
    assert states[0].api_key == states[1].api_key == running(root / "a").api_key


@pytest.mark.slow
def test_a_tied_stack_ends_with_the_command_that_started_it_however_that_ends(root: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from regulars import operating
from regulars.stack.plan import Plan
operating.up(Plan(Path(sys.argv[1]), (), tied=True), lambda _: None)
print('up', flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code, str(root / "a")], stdout=subprocess.PIPE) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == b"up\n"
        state = running(root / "a")
        command.kill()
    everything = [state.supervisor, *state.processes.values()]
    while any(each.is_alive() for each in everything):  # pytest's own timeout ends the wait
        time.sleep(0.05)


def test_what_a_killed_stack_left_is_named_and_ended_before_a_new_one_starts(root: Path) -> None:
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    itself = ProcessId.of(left.pid)
    assert itself is not None
    gone = ProcessId(2**22 - 1, 0.0)
    StackState("ready", gone, processes={"postgres": itself}).save(state_file(root))
    assert end_leftovers(root) == ["postgres"]
    assert left.wait() == -signal.SIGKILL
    assert end_leftovers(root) == []


def test_down_ends_what_a_killed_demo_left_below_the_folder(root: Path) -> None:
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    threading.Thread(target=left.wait, daemon=True).start()
    itself = ProcessId.of(left.pid)
    assert itself is not None
    StackState("ready", ProcessId(2**22 - 1, 0.0), processes={"kafka-1": itself}).save(state_file(root / "demo"))
    ended = operating.down(root)
    assert (ended.stacks, ended.killed) == ([root / "demo"], 1)
    assert not itself.is_alive()
    assert operating.down(root).stacks == []


def test_a_port_is_given_once_while_nobody_listens_yet() -> None:
    first = free_port()
    assert is_free(first)
    code = f"from regulars.stack.ports import free_port; print(free_port({first}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) != first
    assert free_port(first) != first


def test_who_listens_is_told_from_who_does_not() -> None:
    port = free_port()
    code = f"import socket, sys; s = socket.create_server(('127.0.0.1', {port})); print('on', flush=True); "
    code += "sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"on\n"
        assert listens(server.pid, port)
        assert listens(psutil.Process(server.pid).ppid(), port)  # what a process has started is its own
        with subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
        ) as stranger:
            assert not listens(stranger.pid, port)


@pytest.mark.parametrize("kind", ["file", "below a file", "proc", "unknown service"])
def test_a_folder_that_cannot_hold_a_stack_is_said_in_one_sentence(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    folder = {"file": file, "below a file": file / "x", "proc": Path("/proc/regulars")}.get(kind, tmp_path)
    argv = [sys.executable, "-m", "regulars", "up", "--folder", str(folder)]
    if kind == "unknown service":
        argv += ["--service", "no-such-service"]
    for command in (argv, [*argv[:3], "down", *argv[4:6]], [*argv[:3], "status", *argv[4:6]]):
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
        assert "Traceback" not in ended.stderr + ended.stdout
        if command is argv:
            assert ended.returncode == 1
            assert len(ended.stderr.strip().splitlines()) == 1


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
