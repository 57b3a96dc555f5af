"""Content about the goods that customers and the shop hand in: moderated, graded, featured."""
