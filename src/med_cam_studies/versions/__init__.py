"""Two versions of a classifier on the same images."""
