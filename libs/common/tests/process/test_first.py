"""Process 1 of a container heeds SIGTERM before the module that it runs has been read."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path


def start(folder: Path, text: str, *arguments: str) -> subprocess.Popen[str]:
    (folder / "slow.py").write_text(text)
    argv = [sys.executable, "-m", "common.process.first", "slow", *arguments]
    return subprocess.Popen(argv, cwd=folder, stdout=subprocess.PIPE, text=True)


def test_it_runs_the_module_as_python_does(tmp_path: Path) -> None:
    said = "import sys, __main__; print(__name__, sys.argv[1:], __main__.__file__.endswith('slow.py')); sys.exit(3)"
    process = start(tmp_path, said, "serve", "--only", "api")
    assert process.communicate(timeout=30)[0] == "__main__ ['serve', '--only', 'api'] True\n"
    assert process.returncode == 3


def test_a_stop_while_libraries_are_read_ends_it_at_once(tmp_path: Path) -> None:
    process = start(tmp_path, "print('reading', flush=True)\nimport time\ntime.sleep(60)")
    assert process.stdout is not None
    assert process.stdout.readline() == "reading\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM, "by its handler: as process 1 no other way ends it"


def test_a_handler_of_the_module_takes_its_place(tmp_path: Path) -> None:
    own = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
    process = start(tmp_path, own + "print('stands', flush=True)\ntime.sleep(60)")
    assert process.stdout is not None
    assert process.stdout.readline() == "stands\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 7


def test_without_a_module_it_says_what_it_wants() -> None:
    argv = [sys.executable, "-m", "common.process.first"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, "usage" in done.stderr) == (1, True)
