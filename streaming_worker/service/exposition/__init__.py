"""The worker's numbers as Prometheus text; everything is read when a scrape asks, nothing is counted for it."""
