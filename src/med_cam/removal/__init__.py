"""Removals inside the network: hidden pixels are left out of its sums, nothing is painted."""
