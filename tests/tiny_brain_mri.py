"""A made-up data set in the layout of Brain Tumor MRI: small, learnable, with twins in it."""

import shutil
from dataclasses import replace

import numpy as np
from PIL import Image as Pillow

from med_cam_studies.data.brain_mri import CLASSES
from med_cam_studies.training.recipes import ROBUST

SIDE = 32
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # the quarter that is bright tells the class
TINY = replace(  # a recipe for it, of seconds
    ROBUST,
    architecture="test_efficientnet",
    input_size=SIDE,
    epochs=2,
    batch=14,
    masked=4,
    empty=2,
)


def picture(seed, label=None):
    """Coarse noise, with one bright quarter if there is a label; 0 to 255, h w."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(20, 120, (4, 4))
    image = np.kron(coarse, np.ones((SIDE // 4, SIDE // 4), int))
    if label is not None:
        row, column = (half * SIDE // 2 for half in CORNERS[label])
        image[row : row + SIDE // 2, column : column + SIDE // 2] += 120
    return image.astype(np.uint8)


def tiny_brain_mri(root, training=8, testing=4):
    """The folder, with one twin in each class of Training and Testing and one across them."""
    seed = 0
    for label, name in enumerate(CLASSES):
        for split, count, stem in (("Training", training, "Tr"), ("Testing", testing, "Te")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                seed += 1
                image = Pillow.fromarray(picture(seed, label))
                image.save(folder / f"{stem}_{number:03}.jpg", quality=95)
            shutil.copy(folder / f"{stem}_001.jpg", folder / f"{stem}_copy.jpg")
        across = root / "Training" / name / "Tr_002.jpg"
        shutil.copy(across, root / "Testing" / name / "Te_across.jpg")
    return root
