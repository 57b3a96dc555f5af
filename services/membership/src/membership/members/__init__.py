"""Members as shops ask about them, and a shop's report."""
