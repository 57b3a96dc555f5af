"""Where customers went from one month to the next, in their life cycle and on the RFM map: counts of the shop, kept."""
