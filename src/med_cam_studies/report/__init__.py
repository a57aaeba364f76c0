"""Figure, tables and report.html of a study."""
