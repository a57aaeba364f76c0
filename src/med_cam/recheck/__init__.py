"""A saved explanation, tested again from its files. Knows no search."""
