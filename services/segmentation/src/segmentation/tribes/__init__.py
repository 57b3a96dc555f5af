"""Tribes of customers: how they live, as far as profile and spending tell (SEG-092 to 096). For staff alone."""
