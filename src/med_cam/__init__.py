"""Minimal-evidence explanations for medical image classifiers."""
