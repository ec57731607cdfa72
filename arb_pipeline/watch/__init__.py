"""What the pipeline watches for alerts: pure judgements on readings, told what time it is. No Dagster."""
