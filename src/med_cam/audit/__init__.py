"""The missingness audit: what a classifier answers when there is no evidence."""
