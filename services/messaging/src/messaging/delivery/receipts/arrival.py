"""Whether a message that was handed over came back, in SQL, for figures."""

from __future__ import annotations

from messaging.delivery.receipts.rules import RECIPIENT_AWAY

_SAID = """exists (select from receipts r where r.shop = m.shop and r.customer = m.customer
                and r.message_id = m.message_id and r.said = '{}'{})"""
_NOT_AWAY = f""" and coalesce(r.code, '') not like '4.%' and coalesce(r.code, '') not in (
                    {", ".join(f"'{code}'" for code in sorted(RECIPIENT_AWAY))})"""


def _came_back(which: str = "") -> str:
    return f"""coalesce(m.state in ('sent', 'unknown') and {_SAID.format("undelivered", which)}
                and not {_SAID.format("delivered", "")}, false)"""


CAME_BACK = _came_back()
"""Of the message `m`, which may be missing: a provider took it, and told later that it did not arrive (M4). A probe of
the receipts by primary key. What a person told of a message in doubt says neither."""
BOUNCED_LATER = _came_back(_NOT_AWAY)
"""The same, but for what only met nobody there, which says nothing against a campaign."""
