"""Every number a user can set: its default, its range, its reason."""
