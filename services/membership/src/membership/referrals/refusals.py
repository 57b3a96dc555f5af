"""Why somebody is not taken for a new customer whom another has brought."""

from __future__ import annotations

from common.refusals import Conflict, NotFound


class UnknownReferralCode(NotFound):
    def __init__(self, code: str) -> None:
        super().__init__(
            "unknown_referral_code",
            f"No member of this shop has the referral code {code!r}: POST …/members/<id>/referral-code gives theirs.",
        )


class SelfReferral(Conflict):
    def __init__(self, customer: str) -> None:
        super().__init__("self_referral", f"The code is {customer!r}'s own: somebody else has to use it.")


class ExistingCustomer(Conflict):
    def __init__(self, customer: str) -> None:
        super().__init__(
            "existing_customer", f"{customer!r} has bought here before: only a new customer is brought (MEM-088)."
        )


class ReferredAlready(Conflict):
    def __init__(self, customer: str) -> None:
        super().__init__("referred_already", f"{customer!r} was brought by somebody else: the first one counts.")


class UnknownReferral(NotFound):
    def __init__(self, referral_id: str) -> None:
        super().__init__(
            "unknown_referral", f"There is no referral {referral_id!r} in this shop; GET …/referrals lists them."
        )


class ReferralDecided(Conflict):
    def __init__(self, referral_id: str, decision: str) -> None:
        super().__init__(
            "referral_decided",
            f"The referral {referral_id!r} is not waiting for a person: it is {decision}.",
            decision=decision,
        )
