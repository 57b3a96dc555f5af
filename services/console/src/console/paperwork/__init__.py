"""Paperwork of the programme: budgets, risks, competitors, departments, lessons, strategy, plans."""
