"""Lets everybody into a database again when the process that shut it ends in whatever way, a SIGKILL included."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from regulars.stack.databases import let_in
from regulars.stack.errors import StackError

_READY = "watching"


class Guard:
    """A small process of its own that waits for the end of this one; started before the database is shut."""

    def __init__(self, admin_url: str, name: str) -> None:
        # The address goes by the pipe: arguments are visible to every account. A session of its own outlives Ctrl-C.
        argv = [sys.executable, "-m", "regulars.stack.guard"]
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{admin_url}\n{name}\n")
        self._process.stdin.flush()
        if self._process.stdout.readline().strip() != _READY:
            raise StackError("the process that would open the database again did not start; nothing was shut")

    def release(self) -> None:
        """Have it let everybody in, and wait for that."""
        self._process.communicate()


def main() -> None:
    """Runs until standard input ends, which it does with the process that holds its other end."""
    admin_url, name = sys.stdin.readline().strip(), sys.stdin.readline().strip()
    print(_READY, flush=True)
    sys.stdin.read()
    asyncio.run(let_in(admin_url, name))


if __name__ == "__main__":
    main()
