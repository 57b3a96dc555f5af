"""Who is content with the shop, by reviews, recommendations and content: of them ambassadors are picked (MEM-093)."""
