"""The Makefile tells a newcomer behind a proxy, or offline, what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_registry_that_cannot_be_reached_gives_one_sentence_with_the_ways_out(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    nowhere = {
        "HOME": str(tmp_path / "home"),
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_CONFIG_FILE": os.devnull,
    }
    ended = subprocess.run(
        ["make", "-s", ".venv/.installed", f"PYTHON={sys.executable}"],
        cwd=tmp_path,
        env={
            name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_", "MAKE", "MFLAGS"))
        }
        | nowhere,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    sentences = [line for line in ended.stderr.splitlines() if not line.startswith("make:")]
    assert ended.returncode != 0
    assert len(sentences) == 1
    assert all(way in sentences[0] for way in ("network", "HTTPS_PROXY", "PIP_INDEX_URL", "install.log"))
