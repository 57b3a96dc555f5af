"""The HTTP side: for the shop's systems (reviews, surveys), and for customers (the answer page)."""
