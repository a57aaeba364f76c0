"""The boxes that help sorts options into."""

INPUT, SETTINGS, OUTPUT = "Input", "Settings", "Output"
TESTS, CERTIFICATE = "Further tests", "A new certificate"
