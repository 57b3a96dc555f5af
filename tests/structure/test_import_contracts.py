"""Each import contract of pyproject.toml refuses a violation that is planted into a copy of the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = [path for pattern in ("libs/*/src/*", "services/*/src/*") for path in ROOT.glob(pattern) if path.is_dir()]
PLANTED: dict[str, dict[str, str]] = {
    "Services meet only through events, and the console asks them by HTTP: none imports another": {
        "feedback/planted.py": "import segmentation"
    },
    "The operator's command starts services and calls their APIs, but imports none, and none imports it": {
        "regulars/planted.py": "import membership"
    },
    "libs/common holds no business rule, so it knows nobody": {"common/values/planted_rule.py": "import membership"},
    "Folders that stand side by side form no cycle, at any depth": {
        "membership/planted_one.py": "import membership.planted_two",
        "membership/planted_two.py": (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import membership.planted_one"
        ),
    },
    "The rooms of libs/common stand on one another in one order": {"common/storage/planted.py": "import common.crypto"},
    "Bus and fold know nothing of HTTP": {"common/bus/planted.py": "import common.http.pages"},
    "Only common.bus.broker imports aiokafka, whose sharp edges it covers": {"messaging/planted.py": "import aiokafka"},
    "Only the channels and the client modules import httpx": {"segmentation/planted_http.py": "import httpx"},
    "Rules and states are pure: no store, no server, no clock, no setting": {
        "membership/planted/rules.py": "from common.time.clock import WallClock"
    },
    "A store is imported by its own folder and by the doors alone": {
        "membership/planted_shelf/store.py": "",
        "membership/planted_reader.py": "from membership.planted_shelf import store",
    },
    "Nobody below imports the doors that callers and time come through": {
        "orders_ingest/planted_below.py": "import orders_ingest.api"
    },
    "Handlers are imported by the doors above them alone": {"messaging/planted_below.py": "import messaging.handlers"},
    "Commands are imported by the doors alone": {"membership/planted_below.py": "import membership.commands"},
    "A service's fold is imported by its doors alone": {"segmentation/planted_below.py": "import segmentation.fold"},
    "The console's rooms stand on one another in one order: pages, what they share, who may": {
        "console/access/planted.py": "import console.web.page"
    },
    "Settings are read by the commands and the process alone": {
        "messaging/planted_reader.py": "import common.process.settings"
    },
}


def _contracts() -> list[str]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return [contract["name"] for contract in config["tool"]["importlinter"]["contracts"]]


def _lint(folder: Path) -> tuple[int, dict[str, str]]:
    """The exit status, and each contract's line of the summary: KEPT or BROKEN."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "400"}
    found = subprocess.run(
        [*command, "--no-cache", "--config", str(folder / "pyproject.toml")],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    text = " ".join(found.stdout.split())
    verdicts = {}
    for name in _contracts():
        verdict = re.search(re.escape(name) + r" (KEPT|BROKEN)", text)
        assert verdict is not None, found.stdout + found.stderr
        verdicts[name] = verdict[1]
    return found.returncode, verdicts


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    for package in PACKAGES:
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_every_contract_has_its_planted_violation() -> None:
    assert sorted(_contracts()) == sorted(PLANTED)


def test_the_code_keeps_every_contract(copy: Path) -> None:
    assert _lint(copy) == (0, dict.fromkeys(_contracts(), "KEPT"))


def test_what_is_planted_is_refused(copy: Path) -> None:
    """All violations at once: each breaks its own contract."""
    for files in PLANTED.values():
        for name, line in files.items():
            path = copy / name
            path.parent.mkdir(exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text(line + "\n")
    assert _lint(copy) == (1, dict.fromkeys(_contracts(), "BROKEN"))
