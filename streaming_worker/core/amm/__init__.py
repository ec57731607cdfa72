"""Pool arithmetic, one module per pool design; raw-unit integers only."""
