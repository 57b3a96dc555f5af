"""Why a joint campaign is not set, decided, or used."""

from __future__ import annotations

from common.refusals import Conflict, NotFound


class UnknownJointCampaign(NotFound):
    def __init__(self, campaign_id: str) -> None:
        super().__init__(
            "unknown_joint_campaign",
            f"There is no joint campaign {campaign_id!r}: PUT …/joint-campaigns/<id> proposes one.",
        )


class JointCampaignDiffers(Conflict):
    def __init__(self, campaign_id: str) -> None:
        super().__init__(
            "joint_campaign_differs",
            f"The joint campaign {campaign_id!r} has other terms, which were looked at: propose one with another id.",
        )


class JointCampaignDecided(Conflict):
    def __init__(self, campaign_id: str, state: str) -> None:
        super().__init__("joint_campaign_decided", f"The joint campaign {campaign_id!r} is {state}.", state=state)


class NotApproved(Conflict):
    def __init__(self, campaign_id: str, state: str) -> None:
        super().__init__(
            "not_approved",
            f"The joint campaign {campaign_id!r} is {state}: nothing is sent or shared but while it is approved.",
            state=state,
        )


class SharesLess(Conflict):
    def __init__(self, campaign_id: str, shares: str) -> None:
        super().__init__(
            "shares_less", f"Of our members {campaign_id!r} shares {shares.replace('_', ' ')}, as it was approved."
        )


class DeliveryDiffers(Conflict):
    def __init__(self, delivery_id: str) -> None:
        super().__init__("delivery_differs", f"The delivery {delivery_id!r} was told otherwise: take another id.")
