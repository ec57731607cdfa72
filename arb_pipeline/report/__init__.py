"""The daily report: figures out of the published file, text, HTML, chart, table and mail made of them. No Dagster."""
