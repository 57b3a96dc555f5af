"""By what rewards of reviews and content were earned: each review, its words and photos once (FBK-043, FBK-047)."""
