"""The image, built once a run, and servers that containers reach on the host's network."""

from __future__ import annotations

import pytest

from .containers import WHY_NOT, build


@pytest.fixture(scope="session")
def image() -> float:
    """The services' image is built from deploy/Dockerfile; the seconds that took. Skips where podman is absent."""
    if WHY_NOT:
        pytest.skip(WHY_NOT)
    return build()
