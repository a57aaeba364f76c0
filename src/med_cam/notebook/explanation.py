"""An explanation that shows, saves and tables itself: what `med_cam.explain` returns."""

import sys
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from med_cam.case.references import References
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.pairwise import TwoOf
from med_cam.config.given import refuse_other
from med_cam.config.presets import PRESETS
from med_cam.config.rules import one_of, refuse_value
from med_cam.config.settings import Config
from med_cam.errors import OutputError
from med_cam.images.image import Image
from med_cam.notebook.claims import Claims, claims_of
from med_cam.report import wording
from med_cam.report.document import to_json
from med_cam.report.export import DICOM, DICOM_SCORES, EXPORTS, export, refuse_missing
from med_cam.report.export_pm import NO_PLACE, has_place, scores_of
from med_cam.report.figure_words import brief
from med_cam.report.installed import own_version, versions
from med_cam.report.provenance import Provenance, provenance
from med_cam.report.source import source_of
from med_cam.report.styles import STYLES, draw
from med_cam.report.write import figure_png, write
from med_cam.results.explanation import Explanation as Plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 199  # characters of one line about it
INCHES = 4.0  # side of the picture where no axes are given


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """What an explanation was made from, as it was at the call.

    Attributes:
        image: in its own pixels.
        classifier: that was explained.
        config: every setting.
        references: reference images, if there were any.
    """

    image: Image
    classifier: Classifier
    config: Config
    references: References | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explanation(Plain):
    """A minimal region of one image, and what was found of it.

    All fields are those of `med_cam.results.explanation.Explanation`, besides

    Attributes:
        made_from: the image, the classifier and the settings.
    """

    made_from: MadeFrom = field(repr=False)

    def __repr__(self) -> str:
        """One line: label, verdict, area, probabilities, warnings."""
        before = wording.probability(self.before[self.target])
        after = wording.probability(self.after[self.target])
        height, width = self.mask.shape
        rest = (
            f"{wording.verdict(self)}, {wording.percent(self.area)} of {height} x {width}, "
            f"p {before} -> {after}, {wording.warnings_counted(self) or 'no warnings'}"
        )
        room = LONGEST - len(f"<Explanation of : {rest}>")
        label = " ".join(self.label.split())
        label = label if len(label) <= room else f"{label[: room - 3]}..."
        return f"<Explanation of {label}: {rest}>"

    def _repr_html_(self) -> str:
        """The figure, for a notebook."""
        made = self.made_from
        name = Path(made.image.path).name or "image in memory"
        line = f"{name} \u00b7 {made.classifier.name} \u00b7 med-cam {own_version()}"
        content = b64encode(figure_png(made.image, self.found, line=line)).decode()
        text = repr(self).strip("<>").replace("&", "&amp;").replace("<", "&lt;")
        text = text.replace('"', "&quot;")
        source = f"data:image/png;base64,{content}"
        return f'<img src="{source}" alt="{text}" style="width: 100%; max-width: 1600px">'

    @property
    def found(self) -> Plain:
        """The fields alone, without what they were made from."""
        known = {f.name: getattr(self, f.name) for f in fields(Plain)}
        return Plain(**known)

    @property
    def mask_array(self) -> NDArray[np.bool_]:
        """The mask as a NumPy array h w: true = evidence, in the image's own pixels; a copy."""
        array: NDArray[np.bool_] = self.mask.cpu().numpy().copy()
        return array

    @property
    def claims(self) -> Claims:
        """What was tested of the mask, a row for each claim and check."""
        return claims_of(self.found)

    def plot(self, ax: "Axes | None" = None, style: str = "outline") -> "Axes":
        """Draw the image with its evidence on axes of matplotlib; return them.

        Args:
            ax: where to; new axes of pyplot if not given.
            style: "outline" (a line around the evidence), "dimmed" (the rest darkened) or
                "evidence" (the rest hidden).

        Raises:
            ConfigError: there is no such style.
        """
        if ax is None:
            from matplotlib import pyplot as plt

            ax = plt.figure(figsize=(INCHES, INCHES)).add_subplot()
        draw(ax, self.made_from.image.pixels, self.mask, style)
        label = brief(self.label, [self.label])
        title = f"{label}: {wording.percent(self.area)}\n{wording.verdict(self)}"
        ax.set_title(title, parse_math=False)
        return ax

    def save(
        self, folder: str | Path, *, style: str = "outline", exports: Sequence[str] = ()
    ) -> str:
        """Write the files that `med-cam explain` writes to a folder; return the result's ID.

        `med-cam verify FOLDER --model ...` tests all claims again where the classifier was loaded
        from a folder or file, `verify_saved(FOLDER, module)` also where it was made in memory.

        Args:
            folder: where to.
            style: how figure.png shows the evidence, as `plot` has it.
            exports: further files beside: "geojson", "coco", "nifti", "pdf", "phone", "dicom",
                "dicom_scores" (as "dicom", with the scores of the search, which were not tested).

        Raises:
            ConfigError: there is no such style or export, or a package for it is missing.
            OutputError: the folder cannot be written, or holds other files; the image is not of
                the kind that an export is for; or the classifier is a choice between two labels.
        """
        refuse_other("folder", folder, (str, Path), "the path of a folder", OutputError)
        refuse_value("style", style, one_of(*STYLES))
        image, place = self.made_from.image, Path(folder)
        names = export_names(exports)
        refuse_other_kind(names, image)
        result = write(self.found, image, place, self._provenance(), style=style)
        if names:
            geometry = self.made_from.classifier.geometry(image)
            scores = scores_of(self.found, geometry) if DICOM_SCORES in names else None
            export(place, names, images={image.sha256: Path(image.path)}, scores=scores)
        return result

    def to_dict(self) -> dict[str, Any]:
        """The content of explanation.json, as docs/explanation-json.md has it."""
        source = source_of(self.made_from.image)
        return to_json(self.found, provenance=self._provenance(), source=source)

    def _provenance(self) -> Provenance:
        made = self.made_from
        if isinstance(made.classifier.module, TwoOf):
            raise OutputError(
                "a choice between two labels cannot be saved from Python, since the classifier "
                "behind it is not known; save it with med-cam explain --contrast."
            )
        return provenance(
            made.image,
            made.classifier,
            made.config,
            preset=next((name for name, c in PRESETS.items() if c == made.config), ""),
            software=versions(sys.modules),
            references=made.references,
        )


def export_names(exports: Sequence[str]) -> tuple[str, ...]:
    """Names of exports, as a list or in one text with commas.

    Raises:
        ConfigError: there is no such export, or a package for it is missing.
    """
    names = tuple(exports.split(",") if isinstance(exports, str) else exports)
    for name in names:
        refuse_value("exports", name, one_of(*EXPORTS, DICOM, DICOM_SCORES))
    refuse_missing(names)
    return names


def refuse_other_kind(names: Sequence[str], image: Image) -> None:
    """Check that an image is of the kind that the exports are for.

    Raises:
        OutputError: it is not.
    """
    of_dicom = [name for name in names if name in (DICOM, DICOM_SCORES)]
    if of_dicom and image.dicom is None:
        raise OutputError(
            f'DICOM objects belong to the study of a DICOM image; leave "{of_dicom[0]}" out.'
        )
    if DICOM_SCORES in names and image.dicom is not None and not has_place(image.dicom):
        raise OutputError(f'the image {NO_PLACE}; give "dicom" for "dicom_scores".')


def shown(found: Plain, made_from: MadeFrom) -> Explanation:
    """An explanation with what it was made from."""
    known = {f.name: getattr(found, f.name) for f in fields(Plain)}
    return Explanation(**known, made_from=made_from)
