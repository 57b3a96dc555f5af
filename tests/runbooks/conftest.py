"""One stack for all walks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .watched import Watched, watched


@pytest.fixture(scope="package")
def stack() -> Iterator[Watched]:
    """A running stack that Prometheus watches, of a shop `tea` where Ann has bought once."""
    with tempfile.TemporaryDirectory(prefix="regulars-runbooks-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with watched(folder) as found:
            found.order(1)
            found.until_orders(1)
            yield found
