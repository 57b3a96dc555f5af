"""Why a community is not found, or nobody joins it."""

from __future__ import annotations

from common.refusals import Conflict, Invalid, NotFound


class UnknownCommunity(NotFound):
    def __init__(self, community_id: str) -> None:
        super().__init__(
            "unknown_community", f"There is no community {community_id!r}: PUT …/communities/<id> makes one."
        )


class NoTierOfCommunity(Invalid):
    def __init__(self, tier: str, known: list[str]) -> None:
        super().__init__(
            "no_tier_of_community", f"`tier_from` is the id of a tier, of which {tier!r} is none: {', '.join(known)}."
        )


class NotEligible(Conflict):
    def __init__(self, customer: str, tier_from: str) -> None:
        super().__init__(
            "not_eligible", f"{customer!r} is no member of the tier {tier_from!r} or above, which the community is for."
        )


class NotInCommunity(Conflict):
    def __init__(self, customer: str, community_id: str) -> None:
        super().__init__(
            "not_in_community", f"{customer!r} has not joined the community {community_id!r}: who is in it writes."
        )


class UnknownPost(NotFound):
    def __init__(self, post_id: str) -> None:
        super().__init__("unknown_post", f"There is no post {post_id!r} in this community.")


class PostDiffers(Conflict):
    def __init__(self, post_id: str) -> None:
        super().__init__("post_differs", f"The post {post_id!r} says something else: take another id.")


class NotAnswerable(Conflict):
    def __init__(self, post_id: str, why: str) -> None:
        super().__init__("not_answerable", f"The post {post_id!r} {why}.")


class CommunityClosed(Conflict):
    def __init__(self, community_id: str) -> None:
        super().__init__("community_closed", f"The community {community_id!r} takes nobody any more (`open` is false).")
