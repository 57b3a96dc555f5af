"""Templates of messages: drafts, approval, preview."""
