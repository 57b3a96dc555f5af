"""Customers to be folded anew because rules changed."""
