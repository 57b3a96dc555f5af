"""Versions of the shop's policy as people save them: announced, valid for what happens six minutes later."""

from __future__ import annotations

from common.events.feedback import SurveyPolicyChanged
from common.refusals import Conflict
from common.storage.database import Transaction
from common.versions.table import tell
from feedback.policy.state import NOTICE, Policy, Version
from feedback.policy.store import POLICIES, get_versions


class PolicyChanged(Conflict):
    """The newest version is not the one that the caller read."""

    def __init__(self, version: int) -> None:
        super().__init__(
            "policy_changed",
            f"Somebody saved another version meanwhile: version {version} is the newest. "
            "Read it, and send yours again with its number as `replaces`.",
            version=version,
        )


async def save_version(tx: Transaction, shop: str, policy: Policy, replaces: int | None) -> Version:
    """Save the next version; `replaces`: the newest that its author has read, None: whatever it is.

    Raises PolicyChanged.
    """
    newest = (await get_versions(tx, [shop]))[shop][-1].number
    if replaces is not None and replaces != newest:
        raise PolicyChanged(newest)
    version = Version(newest + 1, tx.clock.now() + NOTICE, policy)
    if not await POLICIES.insert(tx, shop, version.number, version.valid_from, version.policy):
        raise PolicyChanged(version.number)
    body = policy.model_dump(mode="json")
    await tell(
        tx, shop, "policy", SurveyPolicyChanged(version=version.number, valid_from=version.valid_from, policy=body)
    )
    return version
