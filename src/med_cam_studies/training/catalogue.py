"""The studies by name: a data set, its recipes, and what the paper says it reached."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from med_cam_studies.data import bach, brain_mri, ham10000, idrid, lc25000
from med_cam_studies.data.collection import Collection, Item
from med_cam_studies.data.splits import TESTED, VALIDATED, Splits, split
from med_cam_studies.training import recipes
from med_cam_studies.training.recipes import Recipe

APACHE = "Apache-2.0; see the NOTICE of med-cam-evidence for the data and the starting weights"


@dataclass(frozen=True, slots=True)
class Study:
    """One data set and what is done with it.

    Attributes:
        title: as figures and reports have it.
        collect: reads the data set as its provider ships it.
        classes: names, in the order of the labels.
        channels: 1 for grey images, 3 for colour.
        recipes: stages by recipe name; the first is the default.
        licence: of weights trained on it.
        paper: architecture and accuracy on the test set that the paper reports; "" and 0 if none.
        preset: the paper's settings for such images.
        validated, tested: shares of the images, where the provider gives no split.
    """

    title: str
    collect: Callable[[Path], Collection]
    classes: tuple[str, ...]
    channels: int
    recipes: Mapping[str, Mapping[str, Recipe]]
    licence: str
    paper: tuple[str, float] = ("", 0.0)
    preset: str = "default"
    validated: float = VALIDATED
    tested: float = TESTED

    def split(self, items: Sequence[Item]) -> Splits:
        """Its images by use; see `splits.split`."""
        return split(items, validated=self.validated, tested=self.tested)


STUDIES: Mapping[str, Study] = MappingProxyType(
    {
        "bach": Study(
            "BACH",
            bach.bach,
            bach.CLASSES,
            3,
            recipes.BACH,
            "trained on BACH (CC BY-NC-ND): for research of your own, not to be passed on",
            ("ViT-B/16", 0.89),
            "paper-histology",
        ),
        "ham10000": Study(
            "HAM10000",
            ham10000.ham10000,
            ham10000.CLASSES,
            3,
            recipes.HAM10000,
            "trained on HAM10000 (CC BY-NC 4.0): not for commercial use",
            ("ConvNeXt-Small", 0.85),
            "paper-dermoscopy",
        ),
        "idrid": Study(
            "IDRiD",
            idrid.idrid,
            idrid.CLASSES,
            3,
            recipes.IDRID,
            "Apache-2.0; trained on IDRiD (Porwal et al. 2018, CC BY 4.0)",
            ("ResNet-18", 0.79),
            validated=0.15,  # 8% would be 30 eyes
        ),
        "brain-mri": Study(
            "Brain Tumor MRI",
            brain_mri.brain_mri,
            brain_mri.CLASSES,
            1,
            recipes.BRAIN_MRI,
            APACHE,
            ("MobileNetV2", 0.82),
        ),
        "lc25000": Study(
            "LC25000",
            lc25000.lc25000,
            lc25000.CLASSES,
            3,
            recipes.LC25000,
            "trained on LC25000 (no licence text found): not to be passed on",
        ),
    }
)
