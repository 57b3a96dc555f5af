"""The shop at a glance: counts, repurchase, revenue."""
