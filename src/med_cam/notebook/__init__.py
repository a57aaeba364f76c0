"""The calls from Python: any form of classifier and image in, an explanation out."""
