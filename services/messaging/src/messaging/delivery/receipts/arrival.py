"""Whether a message that was handed over came back, in SQL, for figures."""

from __future__ import annotations

_SAID = """exists (select from receipts r where r.shop = m.shop and r.customer = m.customer
                and r.message_id = m.message_id and r.said = '{}')"""
CAME_BACK = f"""coalesce(m.state in ('sent', 'unknown') and {_SAID.format("undelivered")}
                and not {_SAID.format("delivered")}, false)"""
"""Of the message `m`, which may be missing: a provider took it, and told later that it did not arrive (M4). A probe of
the receipts by primary key."""
