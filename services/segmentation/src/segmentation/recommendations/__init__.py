"""Guess what a customer would like: products that are bought with others, and what to say where nothing is known."""
