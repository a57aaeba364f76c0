"""One image before one classifier: what is asked, what is known, every pass counted."""
