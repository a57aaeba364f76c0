"""Explanations of a test set against people's outlines and other methods."""
