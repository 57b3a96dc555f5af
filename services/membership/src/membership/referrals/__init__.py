"""Who brought whom, what speaks against it, and when both are rewarded (MEM-087 to 091, SEC-014)."""
