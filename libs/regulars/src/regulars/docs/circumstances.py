"""The circumstances of a result: commit, date, machine and its load."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def circumstances(folder: Path, load_before: float) -> dict[str, Any]:
    """`at` (now, UTC), `commit` of the repository around the folder, `machine` with its load of one minute before and
    after."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(folder),
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "load_average": [round(load_before, 1), round(os.getloadavg()[0], 1)],
        },
    }


def commit(folder: Path) -> str | None:
    """The commit of the working tree, with `+` where it was changed; None outside of a repository."""
    asked = (["git", "rev-parse", "--short=8", "HEAD"], ["git", "status", "--porcelain", "--untracked-files=no"])
    try:
        found, changed = (
            subprocess.run(each, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
            for each in asked
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{found}{'+' if changed else ''}"
