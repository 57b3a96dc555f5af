"""Which customers came by another: referrals that membership found true (ANA-003, ANA-009)."""
