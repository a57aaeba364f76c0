"""Other methods and controls under the same protocol."""
