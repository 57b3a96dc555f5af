"""What a replaced master key wraps or seals: customers' keys are wrapped with the current one, and told to every
service; where the rest lies, which is sealed anew (`common.process.resealing`)."""

from __future__ import annotations

from datetime import datetime

from common.crypto.keys import KeyRing
from common.crypto.sealed import Sealed, SealedColumn
from common.metrics import KEYS_REWRAPPED
from common.storage.database import Transaction
from common.work.sweeps import Job
from orders_ingest.archive.shop_secrets import SealedSecrets
from orders_ingest.archive.store import archive_place
from orders_ingest.archive.vault import ARCHIVE, LINES
from orders_ingest.commands.erase_customer import texts_place
from orders_ingest.commands.share_customers import pseudonyms_place
from orders_ingest.imports import uploads
from orders_ingest.imports.store import staged_place
from orders_ingest.imports.store_refusals import refusal_place
from orders_ingest.reconciliation import store_lists as lists
from orders_ingest.refunds.state import place_of as refund_place
from orders_ingest.webhooks import store as webhooks

_IN_A_JOB = {"shop": "text", "job_id": "text", "line": "bigint"}
SEALED: tuple[Sealed, ...] = (
    SealedSecrets(webhooks.KEY, "secrets", webhooks.webhook_place),
    SealedSecrets(lists.KEY, "secret", lists.list_place),
    SealedColumn(
        "archive",
        "body",
        ARCHIVE,
        {"shop": "text", "order_id": "text", "source": "text", "id": "text"},
        lambda shop, _order, source, id_: archive_place(shop, source, id_),
    ),
    SealedColumn("refunds", "body", ARCHIVE, {"shop": "text", "refund_id": "text"}, refund_place),
    SealedColumn(
        "sharing_partners",
        "key",
        ARCHIVE,
        {"shop": "text", "partner": "text", "key_number": "integer"},
        pseudonyms_place,
    ),
    SealedColumn(
        "erasures",
        "looked_for",
        ARCHIVE,
        {"shop": "text", "customer": "text", "person": "text"},
        lambda shop, _customer, person: texts_place(shop, person),
    ),
    SealedColumn(
        "import_refusals",
        "text",
        LINES,
        _IN_A_JOB | {"number": "bigint"},
        lambda shop, job_id, line, _number: refusal_place(shop, job_id, line),
    ),
    # Of a file that is being taken, and of one that is being sent: gone within hours, and after 7 days.
    SealedColumn("import_rows", "body", LINES, _IN_A_JOB | {"part": "integer"}, staged_place, waits=True),
    SealedColumn(
        "import_parts",
        "body",
        LINES,
        {"shop": "text", "upload_id": "text", "number": "integer"},
        uploads.place_of,
        waits=True,
    ),
)
"""Whatever a Vault sealed, as it lies in tables."""


def rewrapping(ring: KeyRing) -> Job:
    """A few at a time, whenever there are some (docs/operating.md, "Another master key")."""

    async def batch(tx: Transaction, now: datetime, limit: int) -> int:
        told = await ring.rewrap(tx, limit)
        await tx.announce(told)
        KEYS_REWRAPPED.inc(len(told))
        return len(told)

    return Job("master_key", batch)
