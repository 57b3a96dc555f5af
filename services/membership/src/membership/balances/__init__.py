"""The balances of points and growth, as they are announced together."""
