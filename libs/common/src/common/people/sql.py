"""Merges within other statements."""

from __future__ import annotations

ABSORBED = """
    absorbed_by(customer, person) as (
        select customer, merged_into from customers where shop = :shop and merged_into is not null
        union
        select a.customer, c.merged_into from absorbed_by a
        join customers c on c.shop = :shop and c.customer = a.person and c.merged_into is not null
    ),
    absorbed as (
        select a.customer, a.person from absorbed_by a
        join customers c on c.shop = :shop and c.customer = a.person and c.merged_into is null
    )
"""
"""For `with recursive`: who was absorbed in the shop `:shop`, and the survivor who stands for them, however often they
were merged. By the index of absorbed customers, who are few."""
