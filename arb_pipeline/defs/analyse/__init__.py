"""What the hours say about the market: who moved first, who opened and closed a gap, how wild it was."""
