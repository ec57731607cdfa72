"""Pure functions over rows and relations: what the hours say. Knows no Dagster and no mail."""
