"""Training recipes as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one classifier is fine-tuned."""

    architecture: str = "mobilenetv2_100"  # of timm
    pad_type: str = "same"  # as TensorFlow pads, where the ImageNet weights come from
    input_size: int = 160  # 5 ms a forward pass on two cores; 224 costs twice that
    epochs: int = 8
    batch: int = 32
    masked: int = 13  # images of a batch shown through a random mask over a random background
    empty: int = 3  # backgrounds alone, with the uniform distribution as their target
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    smallest_share: float = 0.03  # of the image that a random mask keeps
    largest_share: float = 0.80
    uniform_share: bool = False  # the share itself, not its logarithm, is drawn uniformly
    class_weights: tuple[float, ...] = ()  # in the loss; empty = equal
    seed: int = 0


RECIPES: Mapping[str, Recipe] = {
    # Half of each batch is seen in parts: the classifier learns p(class | what is visible), and
    # nothing visible then means no opinion.
    "robust": Recipe(),
    # Continues from "robust", on larger parts. After it alone, half of a meningioma image was
    # called meningioma with 0.44 on the mean (glioma 0.85): the class that is hard to tell in
    # parts counts more here.
    "robust-finish": Recipe(
        epochs=4,
        masked=20,
        empty=2,
        learning_rate=5e-4,
        smallest_share=0.08,
        largest_share=0.90,
        uniform_share=True,
        class_weights=(1.0, 1.3, 1.0, 1.0),
        seed=1,
    ),
    # What a hospital is likely to have.
    "plain": Recipe(epochs=3, masked=0, empty=0),
}

# What is trained under one name: recipes in their order, each on the weights the last one left.
STAGES: Mapping[str, tuple[str, ...]] = {
    "robust": ("robust", "robust-finish"),
    "plain": ("plain",),
}
