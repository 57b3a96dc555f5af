"""Who comes back: the RFM map, the ladder, the life cycle, the weeks."""
