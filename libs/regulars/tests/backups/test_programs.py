"""PostgreSQL's programs end with the command that started them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

RECEIVING = """
import asyncio, sys
from pathlib import Path
from regulars.backups import programs

programs.find_binaries = lambda: Path(sys.argv[1])

async def main():
    async with programs.receiving_log("postgresql://u@127.0.0.1:1/d", Path(sys.argv[1]), "slot") as process:
        print(process.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends children")
def test_a_killed_backup_leaves_nobody_who_fetches_the_log(tmp_path: Path) -> None:
    """Else its slot looks read, and BackupBehind is quiet."""
    program = tmp_path / "pg_receivewal"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    process = subprocess.Popen([sys.executable, "-c", RECEIVING, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    receiver = int(process.stdout.readline())
    try:
        os.kill(receiver, 0)
        process.kill()
        process.wait(20)
        deadline = time.monotonic() + 60
        while _lives(receiver):
            assert time.monotonic() < deadline, "it goes on fetching"
            time.sleep(0.05)
    finally:
        process.stdout.close()
        if _lives(receiver):
            os.kill(receiver, 9)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
