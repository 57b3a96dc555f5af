"""Warning before a tier is lost, with what is needed to keep it (issue 13, peers.md 1a)."""
