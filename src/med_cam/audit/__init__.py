"""The missingness audit: predictions on uninformative inputs."""
