"""Everything that is stored of some customers, read page by page."""
