"""Days that begin flows: holidays, member days, launches, and days of the customer's own."""
