"""One image of a study explained, beside other methods' maps: its files and its line."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image as Picture
from torch import Tensor

from med_cam.case.case import observed
from med_cam.case.references import References
from med_cam.case.seeds import generator_of
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config
from med_cam.errors import ClassifierError, ImageError
from med_cam.images.components import components
from med_cam.images.image import Image
from med_cam.images.mask_file import mask_png
from med_cam.images.read import read_image
from med_cam.pipeline.explain import explain
from med_cam.pipeline.tiles import TiledExplanation, cropped, explain_tiles
from med_cam.report.files import write_file
from med_cam.report.provenance import Provenance, provenance
from med_cam.report.write import evidence_png, write
from med_cam.results.explanation import Explanation
from med_cam.results.step import OnStep
from med_cam_studies.data.collection import Item
from med_cam_studies.data.copies import sha256_of
from med_cam_studies.data.findings import finding, fitted
from med_cam_studies.evaluation.rows import OURS, Overlap, Row
from med_cam_studies.evaluation.truth import centre_scores, cut_to_area, overlap, usable
from med_cam_studies.methods.comparators import Method
from med_cam_studies.methods.grad_cam import grad_cam
from med_cam_studies.methods.rollout import attention_rollout, has_attention

GRAD_CAM, ROLLOUT, CENTRE = "grad_cam", "attention_rollout", "centre_disc"
MAPS = 60  # purpose of the maps' random samples, as in `case.seeds`; none of them takes any today
DEEP = 2**16 - 1  # white of a 16-bit PNG


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for all images of a study.

    Attributes:
        classifier: that is explained.
        config: settings of the explanations.
        preset: their name.
        references: reference images, for the shape leakage test.
        tiles: side of tiles in source pixels; 0 = the whole image at once.
        classes: names of the data provider's classes.
        out: gets images/ and maps/.
        software: versions, for explanation.json.
        command: that explains them, if one does.
    """

    classifier: Classifier
    config: Config
    preset: str
    references: References | None
    tiles: int
    classes: tuple[str, ...]
    out: Path
    software: Mapping[str, str]
    command: tuple[str, ...] | None = None

    def folder(self, item: Item) -> Path:
        """Of an image's result."""
        return self.out / "images" / item.name

    def truth(self, item: Item) -> str:
        """The class that the data provider gave an image; "" if none."""
        return self.classes[item.label] if item.label >= 0 else ""

    def origin(self, image: Image) -> Provenance:
        """Where an image's result comes from: image, classifier, settings, versions."""
        return provenance(
            image,
            self.classifier,
            self.config,
            preset=self.preset,
            software=self.software,
            references=self.references,
            command=self.command,
        )


@dataclass(frozen=True, slots=True)
class Result:
    """An explanation of either kind, as a line of the table needs it.

    Attributes:
        label, before, after, verified, status: as in `Row`.
        mask, scores: in the source's pixels.
        passes: forward, backward.
        seconds: wall time.
        warnings: of the claim.
    """

    label: str
    before: float
    after: float
    verified: bool
    status: str
    mask: Bool[Tensor, "h w"]
    scores: Float[Tensor, "h w"]
    passes: tuple[int, int]
    seconds: float
    warnings: tuple[str, ...]


def item_row(item: Item, setting: Setting, on_step: OnStep | None = None) -> Row:
    """Explain an image, write its result and the other methods' maps, return its line.

    Raises:
        ImageError: if it, or the outline of its finding, cannot be read.
        OutputError: if the result cannot be written.
    """
    image = read_image(item.path, channels=setting.classifier.channels)
    outlined = outline_of(item, image)
    result = (
        by_tiles(image, item, setting) if setting.tiles else whole(image, item, setting, on_step)
    )
    maps = {} if setting.tiles else other_maps(image, result.label, setting)
    write_maps(maps, item, setting.out)
    return Row(
        image=item.name,
        folder=setting.folder(item).relative_to(setting.out).as_posix(),
        truth=setting.truth(item),
        label=result.label,
        before=result.before,
        after=result.after,
        area=result.mask.float().mean().item(),
        verified=result.verified,
        status=result.status,
        components=components(result.mask),
        forward=result.passes[0],
        backward=result.passes[1],
        seconds=result.seconds,
        warnings=result.warnings,
        sha256=sources_sha256(image.sha256, item),
        overlaps={} if outlined is None else overlaps(result, maps, outlined),
    )


def sources_sha256(image_sha256: str, item: Item) -> str:
    """What tells the files of an item from others of the same names: its image and its outlines.

    Raises:
        DataError: if an outline cannot be read.
    """
    outlines = [sha256_of(item.masks[name]) for name in sorted(item.masks)]
    if not outlines:
        return image_sha256
    return hashlib.sha256("".join([image_sha256, *outlines]).encode()).hexdigest()


def whole(image: Image, item: Item, setting: Setting, on_step: OnStep | None) -> Result:
    """The image explained at the classifier's size; its result folder is written."""
    classifier = setting.classifier
    found = explain(
        classifier,
        image,
        config=setting.config,
        references=setting.references,
        on_step=on_step,
    )
    write(found, image, setting.folder(item), setting.origin(image))
    scores = classifier.geometry(image).restore_scores(found.soft[None, None])
    return result_of(found, found.after[found.target], scores, found.claim.warnings)


def by_tiles(image: Image, item: Item, setting: Setting) -> Result:
    """The image explained tile by tile; a result folder per tile, and the stitched mask."""
    classifier, folder = setting.classifier, setting.folder(item)
    found = explain_tiles(
        classifier,
        image,
        side=setting.tiles,
        config=setting.config,
        references=setting.references,
    )
    origin = setting.origin(image)
    write_file(folder / "mask.png", mask_png(found.mask))
    write_file(folder / "evidence.png", evidence_png(image, found.mask))
    places = set()
    for tile in found.explained:
        if tile.explanation is not None:
            place = folder / f"tile-{tile.box.top}-{tile.box.left}"
            write(tile.explanation, cropped(image, tile.box), place, origin)
            places.add(place)
    for left in {*folder.glob("tile-*")} - places:  # of an image that was there before
        shutil.rmtree(left, ignore_errors=True)
    return tiled_result(found, image, classifier)


def tiled_result(found: TiledExplanation, image: Image, classifier: Classifier) -> Result:
    """What the tiles add up to; `after` is the mean over the explained ones, 0 without any."""
    known = [(tile.box, tile.explanation) for tile in found.explained if tile.explanation]
    afters = [explanation.after[found.target] for _, explanation in known]
    soft = [
        classifier.geometry(cropped(image, box)).restore_scores(explanation.soft[None, None])
        for box, explanation in known
    ]
    scores = torch.zeros(found.mask.shape)
    for (box, _), values in zip(known, soft, strict=True):
        scores[box.place] = values
    warnings = dict.fromkeys(
        text for _, explanation in known for text in explanation.claim.warnings
    )
    after = sum(afters) / max(1, len(afters))
    return result_of(found, after, scores, tuple(warnings))


def result_of(
    found: Explanation | TiledExplanation,
    after: float,
    scores: Float[Tensor, "h w"],
    warnings: tuple[str, ...],
) -> Result:
    """What both kinds of explanation have in common, and the parts that differ."""
    return Result(
        label=found.label,
        before=found.before[found.target],
        after=after,
        verified=found.verified,
        status=found.status,
        mask=found.mask,
        scores=scores,
        passes=(found.passes.forward, found.passes.backward),
        seconds=found.seconds,
        warnings=warnings,
    )


def other_maps(image: Image, label: str, setting: Setting) -> dict[str, Float[Tensor, "h w"]]:
    """Grad-CAM's map, and for transformers attention rollout's, in the source's pixels.

    A method that cannot read the classifier is left out.
    """
    methods: dict[str, Method] = {GRAD_CAM: grad_cam}
    if has_attention(setting.classifier):
        methods[ROLLOUT] = attention_rollout
    maps = {}
    with hooks_attached(setting.classifier) as forward:
        case = observed(forward, setting.classifier, image, setting.config, target=label)
        for name, method in methods.items():
            try:
                scores = method(case, generator_of(setting.config.seed, MAPS)).detach().cpu()
            except ClassifierError:
                continue
            maps[name] = case.geometry.restore_scores(scores)
    return maps


def write_maps(maps: Mapping[str, Float[Tensor, "h w"]], item: Item, out: Path) -> None:
    """Write the maps of other methods; none stays of an image that was there before.

    Raises:
        OutputError: if one cannot be written.
    """
    for method in (GRAD_CAM, ROLLOUT):
        path = map_file(out, item.name, method)
        if method in maps:
            write_file(path, map_png(maps[method]))
        else:
            path.unlink(missing_ok=True)


def map_file(out: Path, image: str, method: str) -> Path:
    """Where another method's map of an image lies in a study's folder."""
    return out / "maps" / image / f"{method}.png"


def map_png(scores: Float[Tensor, "h w"]) -> bytes:
    """A map from its lowest to its highest value as a grey PNG of 16 bits."""
    low, high = scores.min(), scores.max()
    unit = (scores - low) / (high - low).clamp(min=torch.finfo(scores.dtype).tiny)
    levels = (unit * DEEP).round().numpy().astype(np.uint16)
    buffer = BytesIO()
    Picture.fromarray(levels).save(buffer, format="PNG")
    return buffer.getvalue()


def map_from_png(path: Path) -> Float[Tensor, "h w"]:
    """A map in [0, 1].

    Raises:
        ImageError: if it cannot be read.
    """
    try:
        with Picture.open(path) as picture:
            levels = np.array(picture, dtype=np.float32)
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"{path} cannot be read ({error}); remove it and run again.") from error
    return torch.from_numpy(levels / DEEP)


def outline_of(item: Item, image: Image) -> Bool[Tensor, "h w"] | None:
    """What people have outlined in an image, at its size; None if there is none, or it is useless.

    Raises:
        ImageError: if a mask file cannot be read, or is of another picture.
    """
    if not item.masks:
        return None
    _, height, width = image.pixels.shape
    found = fitted(finding(list(item.masks.values())), height, width)
    return found if usable(found) else None


def overlaps(
    result: Result, maps: Mapping[str, Float[Tensor, "h w"]], outlined: Bool[Tensor, "h w"]
) -> dict[str, Overlap]:
    """Our mask, other maps cut to its area, and a centre disc of its area, with the finding."""
    area = result.mask.float().mean().item()
    others = {**maps, CENTRE: centre_scores(*outlined.shape)}
    found = {OURS: overlap(result.mask, result.scores, outlined)}
    for name, scores in others.items():
        found[name] = overlap(cut_to_area(scores, area), scores, outlined)
    return found
