"""The boxes that help sorts options into."""

INPUT, SETTINGS, OUTPUT = "Input", "Settings", "Output"
TESTS, CERTIFICATE, SANITY = "Further tests", "A new certificate", "Sanity check"
