"""What runs, for how long, and what happens when it breaks."""
