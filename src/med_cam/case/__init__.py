"""One image before one classifier: target, settings, what is known of it, every pass counted."""
