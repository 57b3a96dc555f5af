"""A whole stack as a newcomer meets it: the commands that are printed run, and a demo that ends takes its stack."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from regulars import operating
from regulars.stack.state import StackState, state_file


@pytest.mark.slow
def test_printed_commands_run_as_they_stand_and_a_demo_told_to_end_leaves_no_process() -> None:
    with tempfile.TemporaryDirectory(prefix="regulars-demo-") as name:
        folder = Path(name) / "run" / "demo"
        folder.parents[1].chmod(0o755)
        argv = [sys.executable, "-m", "regulars", "demo", "--folder", str(folder.parent)]
        try:
            with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
                while (state := StackState.load(state_file(folder))) is None or state.phase != "ready":
                    assert demo.poll() is None
                    time.sleep(0.1)
                answers = _run_what_up_prints(folder)
                demo.send_signal(signal.SIGTERM)
                said, _ = demo.communicate()
            assert [answers[0]["currency"], answers[1]["status"], answers[2]["customer"]] == ["EUR", "accepted", "ann"]
            assert answers[2]["orders"] == 1
            assert demo.returncode == 128 + signal.SIGTERM, said
            assert [part for part, process in state.processes.items() if process.is_alive()] == []
            assert "Traceback" not in said
        finally:
            operating.down(folder, purge=True)


def _run_what_up_prints(folder: Path) -> list[dict[str, Any]]:
    """The answers to the commands that `up` prints of the stack that runs in the folder."""
    up = [sys.executable, "-m", "regulars", "up", "--folder", str(folder)]
    printed = subprocess.run(up, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "80"}).stdout
    commands = [line for line in printed.splitlines() if line.startswith("curl ")]
    assert len(commands) == 3, printed
    return [json.loads(subprocess.check_output(command, shell=True)) for command in commands]
