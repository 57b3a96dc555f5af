"""Does a demo that is told to end take its stack with it?"""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from regulars import operating
from regulars.stack.state import StackState, state_file


@pytest.mark.slow
def test_a_demo_that_is_told_to_end_leaves_no_process() -> None:
    with tempfile.TemporaryDirectory(prefix="regulars-demo-") as name:
        folder = Path(name) / "run" / "demo"
        folder.parents[1].chmod(0o755)
        argv = [sys.executable, "-m", "regulars", "demo", "--folder", str(folder.parent)]
        try:
            with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
                while (state := StackState.load(state_file(folder))) is None or state.phase != "ready":
                    assert demo.poll() is None
                    time.sleep(0.1)
                demo.send_signal(signal.SIGTERM)
                said, _ = demo.communicate()
            assert demo.returncode == 128 + signal.SIGTERM, said
            assert [part for part, process in state.processes.items() if process.is_alive()] == []
            assert "Traceback" not in said
        finally:
            operating.down(folder, purge=True)
