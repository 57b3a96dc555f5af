"""Inputs that wait for the statistics of their month."""
