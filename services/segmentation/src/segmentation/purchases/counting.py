"""The sale of one order that counts, as a source of rows in a statement."""

from __future__ import annotations

COUNTING_SALE = """(
    select s.currency, s.paid, s.refunded from sales s
    where s.shop = w.shop and s.customer = w.customer and s.name = 'order/' || f.order_id
      and s.gone is null and s.orders > 0
    limit 1
) s"""
"""The sale of the order `f` of the person `w`, if it counts. The limit keeps it a probe of the whole primary key:
joined by a plan of small tables, all sales of the customer would be read for each order."""
