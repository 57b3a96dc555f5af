"""Lifetime value: how often a customer will buy again and for how much, by models fitted to the shop each month."""
