"""Why a version of the programme is not taken or not withdrawn."""

from __future__ import annotations

from datetime import datetime

from common.refusals import Conflict, Invalid, NotFound


class ProgrammeReplaced(Conflict):
    def __init__(self, replaces: int, newest: int) -> None:
        super().__init__(
            "programme_replaced",
            f"The newest version is {newest}, not {replaces}: read it, and say `replaces` {newest}.",
            newest=newest,
        )


class TierWithoutSuccessor(Invalid):
    def __init__(self, tiers: list[str], version: int) -> None:
        super().__init__(
            "tier_without_successor",
            f"Version {version} has the tiers {', '.join(tiers)}, the one after it has not: say in `becomes`"
            " which tier their members get.",
            tiers=tiers,
            version=version,
        )


class UnknownVersion(NotFound):
    def __init__(self, version: int) -> None:
        super().__init__("unknown_version", f"There is no version {version} of this shop's programme.")


class VersionInForce(Conflict):
    def __init__(self, version: int) -> None:
        super().__init__(
            "version_in_force",
            f"Version {version} is or was in force, or is so in five minutes: only a coming one can be withdrawn.",
        )


class TooSoon(Invalid):
    def __init__(self, earliest: datetime) -> None:
        super().__init__(
            "too_soon",
            f"A programme is announced before it is in force: give a `valid_from` of {earliest.isoformat()} or later.",
            earliest=earliest,
        )
