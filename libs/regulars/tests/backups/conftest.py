"""A folder for a stack that is backed up, and for its backups."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from regulars import operating


@pytest.fixture
def root() -> Iterator[Path]:
    """PostgreSQL, which drops to an account of its own, can reach it; a stack in `run` is ended with its data."""
    with tempfile.TemporaryDirectory(prefix="regulars-backup-") as name:
        root = Path(name)
        root.chmod(0o755)
        yield root
        operating.down(root / "run", purge=True)
