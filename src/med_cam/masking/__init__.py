"""Masked inputs: evidence over a baseline, and the baselines themselves.

All of it lives in the classifier's normalised space. There, zero is a mean colour ("grey": that
of the training set where it is declared, see `classifiers/colours.py`), and black pixels are
another value ("black"): two baselines, named apart.
"""
