"""The lake on disk: layout, catalogue, compaction and reading; knows no Dagster."""
