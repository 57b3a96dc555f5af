"""How often, and after how long, a request is sent again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Retries:
    """`attempts` in all; waits grow from `first_s` twofold up to `most_s`, each cut at random by up to half, so that
    many shops that were cut off at once do not come back at once."""

    attempts: int = 6
    first_s: float = 0.5
    most_s: float = 30.0

    def wait_s(self, failed: int, asked: float | None) -> float:
        """Seconds to wait after so many failures; `asked`: what the service asked for (Retry-After)."""
        grown = min(self.most_s, self.first_s * 2.0 ** (failed - 1))
        jittered = grown * random.uniform(0.5, 1)  # nosec B311 # spreads retries
        return jittered if asked is None else max(jittered, min(asked, 300.0))
