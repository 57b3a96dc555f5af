"""The HTTP side: for the shop's systems and people, and for customers (the unsubscribe page)."""
