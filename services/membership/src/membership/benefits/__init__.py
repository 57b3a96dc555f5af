"""Benefits by tier: calendar quotas and entitlements, used by order (MEM-028 to 043)."""
