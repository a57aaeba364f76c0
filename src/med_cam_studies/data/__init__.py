"""Data sets from their providers' layouts to splits without leaks."""
