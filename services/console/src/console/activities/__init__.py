"""Activities with places: planned, invitations, who came, and the draw with its proof."""
