"""Where new customers come from, and who brought them: what word of mouth is worth."""
