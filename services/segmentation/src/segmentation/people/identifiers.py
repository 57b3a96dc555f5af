"""The identifiers of one person, as a source of rows in a statement."""

from __future__ import annotations

IDENTIFIERS = """(
    select w.customer as name
    union all
    select p.customer from people p where p.shop = w.shop and p.person = w.customer and p.customer <> p.person
) i"""
"""All identifiers of the person `w`, by the index on persons: in a lateral, beside what is asked of each."""
