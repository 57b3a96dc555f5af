"""Why a partner is not given something (SEC-007)."""

from __future__ import annotations

from collections.abc import Sequence

from common.refusals import Conflict, Invalid, NotFound


class UnknownSharingPartner(NotFound):
    """No agreement with a partner of that name."""

    def __init__(self, partner: str) -> None:
        super().__init__(
            "unknown_sharing_partner",
            f"There is no agreement with a partner {partner!r}: PUT …/sharing/partners/<partner> makes one.",
        )


class UnknownShare(NotFound):
    """Nothing of that name was asked for."""

    def __init__(self, share_id: str) -> None:
        super().__init__(
            "unknown_share", f"Nothing was shared as {share_id!r}: PUT …/sharing/partners/<partner>/shares/<name> asks."
        )


class AgreementRevoked(Conflict):
    """The partner is given nothing any more, and the key of its pseudonyms is gone."""

    def __init__(self, partner: str) -> None:
        super().__init__(
            "agreement_revoked",
            f"The agreement with {partner!r} was revoked, and the key of its pseudonyms is gone. A new agreement"
            " (PUT …/sharing/partners/<partner>) has new pseudonyms.",
        )


class AgreementChanged(Conflict):
    """Somebody else changed the agreement since its terms were read."""

    def __init__(self, partner: str, version: int) -> None:
        super().__init__(
            "agreement_changed",
            f"The agreement with {partner!r} has version {version} now: read it, and send yours with `replaces`.",
        )


class FieldNotAgreed(Invalid):
    """A field that the agreement does not name."""

    def __init__(self, missing: Sequence[str], agreed: Sequence[str]) -> None:
        super().__init__(
            "field_not_agreed",
            f"The agreement does not name {', '.join(missing)}; it names {', '.join(agreed) or 'none of these'}."
            " Ask for those, or change the agreement.",
        )


class ShareKnown(Conflict):
    """Something else was asked for under this name."""

    def __init__(self, share_id: str) -> None:
        super().__init__("share_known", f"{share_id!r} names another share, which stays as it is: take another name.")


class KeyNumberPassed(Conflict):
    """Another key is in use than the one that is to be replaced."""

    def __init__(self, number: int) -> None:
        super().__init__(
            "key_number_passed", f"The partner's key is number {number}: send that as `replaces` to replace it."
        )
