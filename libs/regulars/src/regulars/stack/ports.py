"""TCP ports of a stack's parts: chosen once on this machine for this account, and checked to be the part's own."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

import psutil

# Below the usual range of outgoing connections (32768 and up on Linux): a port that a killed part gives back
# cannot be taken by somebody's client connection before the part is started again on it.
_FIRST, _LAST = 20000, 31999
_held: dict[int, int] = {}
"""Open files whose locks say that a port is ours, by port; they are closed by the end of the process alone."""


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether nobody listens on the port now; somebody may a moment later."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port(preferred: int | None = None) -> int:
    """The preferred port where it is free, else a random free one between 20000 and 31999.

    It is this process's until the process ends: two stacks that start in one second never get the same one, although
    neither listens yet.
    """
    candidates = [preferred] if preferred is not None else []
    candidates += [random.SystemRandom().randint(_FIRST, _LAST) for _ in range(200)]
    for port in candidates:
        if port not in _held and is_free(port) and _hold(port):
            # Whoever held it a moment ago may have begun to listen between the look and the lock.
            if is_free(port):
                return port
            os.close(_held.pop(port))
    raise OSError(f"no free TCP port found between {_FIRST} and {_LAST}; stop something that listens there")


def _hold(port: int) -> bool:
    folder = Path(tempfile.gettempdir()) / f"regulars-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = os.open(folder / str(port), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        # The kernel lets go of it when the process ends, however it ends.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    _held[port] = file
    return True


def listens(pid: int, port: int) -> bool:
    """Whether this very process, or one that it started, listens on the port: an answer there is its own."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return False
    return any(_listens(each, port) for each in family)


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        found = process.net_connections("tcp")
    except psutil.Error:
        return False
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in found)
