"""Forms as data: their fields, the page that draws them, and the command that they order."""
