"""One child process: started, signalled and ended."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. ``env`` is the whole environment of the child; ``user`` is the account to drop to, where root.

    ``forked``: ``argv`` is ``python -m module …``, and the process may be a fork of one that has read the libraries.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path | None = None
    user: tuple[int, int] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    forked: bool = False


def popen_options(command: Command) -> dict[str, Any]:
    """Keyword arguments that ``subprocess.Popen`` and ``asyncio.create_subprocess_exec`` both take.

    Each child leads a session of its own: Ctrl-C on the terminal reaches only the parent, and ``killpg`` reaches all
    that the child has started.
    """
    options: dict[str, Any] = {
        "env": dict(command.env),
        "cwd": command.cwd,
        "stdin": subprocess.DEVNULL,
        "start_new_session": True,
    }
    if command.user is not None:
        options |= {"user": command.user[0], "group": command.user[1], "extra_groups": []}
    # The kernel signals when the *thread* that started the child ends: only the main thread lives as long as we do.
    if _LIBC is not None and threading.current_thread() is threading.main_thread():
        options["preexec_fn"] = end_with_parent(command.stop_signal, os.getpid())
    return options


def end_with_parent(stop_signal: signal.Signals, parent: int) -> Callable[[], None]:
    """What a child runs to be stopped by the kernel when ``parent`` is killed: no test run leaves servers behind."""
    libc = _LIBC
    assert libc is not None

    def in_child() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent ended before the line above
            os._exit(1)

    return in_child


def name_this_process(name: str) -> None:
    """Have ``ps -o comm`` and ``top`` show the name (15 letters of it) for this process. Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def spawn(command: Command, log: Path) -> subprocess.Popen[bytes]:
    """Start the command; both its outputs are appended to the log file, which outlives us."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(list(command.argv), stdout=output, stderr=subprocess.STDOUT, **popen_options(command))


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal all processes of the child's session; a session that is gone is no error."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def stop(process: subprocess.Popen[bytes], command: Command) -> None:
    """Ask the process to end, wait ``stop_timeout_s``, then kill what is left of its group. Idempotent."""
    if process.poll() is None:
        process.send_signal(command.stop_signal)
        try:
            process.wait(command.stop_timeout_s)
        except subprocess.TimeoutExpired:
            signal_group(process.pid, signal.SIGKILL)
            process.wait()
    signal_group(process.pid, signal.SIGKILL)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file, for an error message."""
    if not log.exists():
        return "(no output)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) or "(no output)"
