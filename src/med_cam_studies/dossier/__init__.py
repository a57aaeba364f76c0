"""The dossier of a classifier: one printable page, made of its saved results."""
