"""Assets, checks, sensors and schedules, one folder a domain; each asset is a thin shell over a pure function."""
