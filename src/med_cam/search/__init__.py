"""The training of one U-Net on one image (paper sections 3.2 to 3.4)."""
