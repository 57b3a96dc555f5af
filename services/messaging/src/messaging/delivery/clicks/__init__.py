"""Links in offers that tell who followed them, without the programs that follow every link (MSG-057)."""
