"""The judge: puts a hard mask of any origin to the tests. Knows nothing of the search."""
