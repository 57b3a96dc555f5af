"""Orders as far as surveys depend on them: versions, refunds, and which completed order counts."""
