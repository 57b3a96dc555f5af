"""Types of settings that several channels have."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr


def _readable(path: Path | None) -> Path | None:
    if path is not None:
        try:
            ssl.create_default_context(cafile=path)
        except (OSError, ssl.SSLError):
            raise ValueError("cannot be read as a PEM file of certificates") from None
    return path


def _filled(secret: SecretStr | None) -> SecretStr | None:
    return secret if secret is not None and secret.get_secret_value() else None


CaFile = Annotated[Path | None, AfterValidator(_readable)]
"""PEM file of the authorities that are trusted."""
Secret = Annotated[SecretStr | None, AfterValidator(_filled)]
"""An orchestrator's list of secrets stays as it is where none is needed: its file is empty then."""
