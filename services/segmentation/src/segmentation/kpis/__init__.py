"""Key figures of a shop, one definition each, with their base and period (ANA-005 to ANA-043)."""
