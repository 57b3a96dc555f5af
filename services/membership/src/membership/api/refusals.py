"""What does membership refuse, and what is to be done about it?"""

from __future__ import annotations

from datetime import datetime

from common.http.problems import Problem


class UnknownMember(Problem):
    def __init__(self, customer: str) -> None:
        super().__init__(
            404, "unknown_member",
            f"{customer!r} is no member: the first completed order makes one, or POST /v1/shops/<shop>/members.",
        )  # fmt: skip


class UnknownRedemption(Problem):
    def __init__(self, redemption_id: str) -> None:
        super().__init__(404, "unknown_redemption", f"There is no redemption {redemption_id!r} in this shop.")


class RedemptionDiffers(Problem):
    def __init__(self, redemption_id: str) -> None:
        super().__init__(
            409, "redemption_differs",
            f"The redemption {redemption_id!r} was accepted before with other contents: give this one a new id.",
        )  # fmt: skip


class InsufficientPoints(Problem):
    def __init__(self, asked: int, available: int) -> None:
        super().__init__(
            409, "insufficient_points",
            f"{asked} points were asked for, {available} are available: redeem at most these.", available=available,
        )  # fmt: skip


class TooLargeShare(Problem):
    def __init__(self, most: int) -> None:
        super().__init__(
            422, "too_large_share",
            f"Points pay only a part of an order over all its redemptions: at most {most} more of this one.", most=most,
        )  # fmt: skip


class WrongCurrency(Problem):
    def __init__(self, given: str, shop: str) -> None:
        super().__init__(
            422,
            "wrong_currency",
            f"The order is in {given}, the shop's points are worth {shop}: convert the total.",
        )


class RedemptionEnded(Problem):
    def __init__(self, redemption_id: str, at: datetime | None) -> None:
        super().__init__(
            409, "redemption_returned",
            f"The redemption {redemption_id!r} was made and its points have come back: give a new one a new id.",
            state="returned", returned_at=at,
        )  # fmt: skip


class OrderNotOpen(Problem):
    def __init__(self, order_id: str, state: str) -> None:
        super().__init__(
            409, "order_not_open",
            f"The order {order_id!r} is {state}: points are redeemed before an order is paid.", state=state,
        )  # fmt: skip


class OrderPaidAlready(Problem):
    def __init__(self, order_id: str) -> None:
        super().__init__(
            409, "order_paid",
            f"The order {order_id!r} of this redemption is paid: refund or close it, and the points come back.",
        )  # fmt: skip


class ProgrammeReplaced(Problem):
    def __init__(self, replaces: int, newest: int) -> None:
        super().__init__(
            409, "programme_replaced",
            f"The newest version is {newest}, not {replaces}: read it, and say `replaces` {newest}.", newest=newest,
        )  # fmt: skip


class TierWithoutSuccessor(Problem):
    def __init__(self, tiers: list[str], version: int) -> None:
        super().__init__(
            422, "tier_without_successor",
            f"Version {version} has the tiers {', '.join(tiers)}, the one after it has not: say in `becomes`"
            " which tier their members get.", tiers=tiers, version=version,
        )  # fmt: skip


class UnknownVersion(Problem):
    def __init__(self, version: int) -> None:
        super().__init__(404, "unknown_version", f"There is no version {version} of this shop's programme.")


class VersionInForce(Problem):
    def __init__(self, version: int) -> None:
        super().__init__(
            409, "version_in_force",
            f"Version {version} is or was in force, or is so in five minutes: only a coming one can be withdrawn.",
        )  # fmt: skip


class TooSoon(Problem):
    def __init__(self, earliest: datetime) -> None:
        super().__init__(
            422, "too_soon",
            f"A programme is announced before it is in force: give a `valid_from` of {earliest.isoformat()} or later.",
            earliest=earliest,
        )  # fmt: skip


class PreviewUnderWay(Problem):
    def __init__(self) -> None:
        super().__init__(
            409,
            "preview_under_way",
            "This shop's programme is being previewed already: ask again when that is answered.",
        )


class SinceInFuture(Problem):
    def __init__(self, now: datetime) -> None:
        super().__init__(
            422, "since_in_future",
            f"A preview looks back: give a `since` of {now.isoformat()} or earlier, or none.", latest=now,
        )  # fmt: skip
