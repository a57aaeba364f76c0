"""A classifier of a data set: recipes, the loop, the measured model."""
