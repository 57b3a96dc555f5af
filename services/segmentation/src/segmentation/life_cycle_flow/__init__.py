"""Where customers went in their life cycle from one month to the next: counts of the shop by month, kept."""
