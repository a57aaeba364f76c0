"""How the evidence lies on what people have outlined in the same images."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Bool
from torch import Generator, Tensor

from med_cam.errors import DataError
from med_cam.images.find import find_images
from med_cam.images.overlap import chance_iou, iou
from med_cam.images.read import read_image
from med_cam.report.result import read_result
from med_cam_studies.evaluation.intervals import interval
from med_cam_studies.evaluation.truth import share, usable
from med_cam_studies.report.blocks import Block, Said, Section, Tabled, measured
from med_cam_studies.report.explained import Explained
from med_cam_studies.report.tables import Table

TITLE = "Agreement with outlines"
NOT_DONE = "Agreement with outlines was not measured; --outlines DIR gives outlines by people."


@dataclass(frozen=True, slots=True)
class Agreed:
    """A mask and the outline of the same image; all in [0, 1].

    Attributes:
        small: whether the mask is sufficient and at most half of the image.
        inside: share of the mask that lies in the outline.
        covered: share of the outline that the mask covers.
        iou: intersection over union.
        outlined: share of the image in the outline; what `inside` is of a random mask.
        area: share of the image in the mask; what `covered` is of a random mask.
    """

    small: bool
    inside: float
    covered: float
    iou: float
    outlined: float
    area: float

    @property
    def chance(self) -> float:
        """What `iou` is of a random mask."""
        return chance_iou(self.area, self.outlined)


def outlines(every: Sequence[Explained], folder: Path | None, *, generator: Generator) -> Section:
    """The section.

    Args:
        every: all images.
        folder: of outlines: pictures of the images' size, called as the images, white inside;
            None for none.
        generator: of the bootstrap.

    Raises:
        DataError: if two files are called as one image, or one is of another size.
        ImageError: if a file cannot be read.
        OutputError: if a result is not as it was written.
    """
    if folder is None:
        return Section("outlines", TITLE, (Said(NOT_DONE),), (NOT_DONE,))
    files = outline_files(folder)
    own = [one for one in every if one.of_prediction]
    pairs = [(one, files[stem(one.name)]) for one in own if stem(one.name) in files]
    found = [agreed for one, path in pairs for agreed in _agreed(one, path)]
    of = (
        f"{len(pairs)} of {len(own)} images have an outline in {folder.name}; {len(found)} of "
        "these locate something (neither empty nor nearly the whole image)."
    )
    if not found:
        return Section("outlines", TITLE, (Said(of),), (f"No outline could be used: {of}",))
    blocks: list[Block] = [
        Said(
            f"{of} A classifier may be right for reasons that lie outside of an outline: this "
            "says where its evidence lies, not whether it is right."
        ),
        Tabled("Means over images", table(found, generator=generator)),
    ]
    return Section("outlines", TITLE, tuple(blocks))


def outline_files(folder: Path) -> Mapping[str, Path]:
    """The files of a folder and below it, by their name without suffix.

    Raises:
        DataError: if two have the same.
        ImageError: if there are none.
    """
    files = find_images([folder])
    counts = Counter(path.stem for path in files)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        raise DataError(
            f"{folder} has {counts[twice]} files called {twice}; which image each outlines cannot "
            "be told, give one outline an image"
        )
    return {path.stem: path for path in files}


def table(found: Sequence[Agreed], *, generator: Generator) -> Table:
    """Means with intervals beside those of random masks, of sufficient masks and of all."""
    small = [one for one in found if one.small]
    groups = {"sufficient, at most half of the image": small, "all masks": list(found)}
    rows = [row for name, group in groups.items() for row in _rows(name, group, generator)]
    head = ("masks", "evidence in outline", "outline covered", "intersection over union")
    return Table(head, tuple(rows))


def stem(name: str) -> str:
    """The name of an image without folders and suffix."""
    return Path(name).stem


def _rows(
    name: str, group: Sequence[Agreed], generator: Generator
) -> Iterator[tuple[str, str, str, str]]:
    if not group:
        return
    own = ([getattr(one, field) for one in group] for field in ("inside", "covered", "iou"))
    chance = ([getattr(one, field) for one in group] for field in ("outlined", "area", "chance"))
    first, second, third = (measured(interval(v, generator=generator)) for v in own)
    yield f"{name}: {len(group)} of them", first, second, third
    first, second, third = (f"{sum(v) / len(v):.2f}" for v in chance)
    yield "random masks of these areas", first, second, third


def _agreed(one: Explained, path: Path) -> Iterator[Agreed]:
    mask, finding = read_result(one.folder).explanation.mask, _outline(path)
    if mask.shape != finding.shape:
        raise DataError(
            f"{path} has {finding.shape[0]} x {finding.shape[1]} pixels, the image {one.name} "
            f"{mask.shape[0]} x {mask.shape[1]}; outlines have the size of their image"
        )
    if usable(finding):
        shared = (mask & finding).sum().item()
        yield Agreed(
            small=one.small,
            inside=shared / max(1, mask.sum().item()),
            covered=shared / finding.sum().item(),
            iou=iou(mask, finding),
            outlined=share(finding),
            area=one.area,
        )


def _outline(path: Path) -> Bool[Tensor, "h w"]:
    """White is inside: from half of white on."""
    return read_image(path, channels=1).pixels[0] >= 0.5
