"""What a study notes of each explained image, and shows of it; values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Bool, Float, Int
from torch import Tensor

from med_cam.report.figure_words import Outlined

OURS = "med-cam"  # in the table: the mask of the explanation


@dataclass(frozen=True, slots=True)
class Overlap:
    """How one mask lies on a finding that people have outlined.

    Attributes:
        inside: share of the mask that lies in the finding, in [0, 1]; 0 for an empty mask.
        covered: share of the finding that the mask covers, in [0, 1].
        iou: intersection over union, in [0, 1].
        pointing: whether the highest point of the map that the mask was cut from lies in it.
        share: share of the image that is in the finding, in [0, 1]; what `inside` is expected to
            be of any mask at random.
    """

    inside: float
    covered: float
    iou: float
    pointing: bool
    share: float


@dataclass(frozen=True, slots=True)
class Row:
    """One explained image, as a line of the table.

    Attributes:
        image: its name in the data set, unique there.
        folder: of its result, below the study's output folder.
        truth: the class that the data provider gave it; "" if none.
        label: the class that is explained: the classifier's prediction.
        before: probability of the label on the whole image.
        after: probability of the label on the evidence alone.
        area: share of the image's pixels in the mask.
        verified: whether the claim holds.
        status: how it ended, in one sentence.
        components: connected parts of the mask.
        forward, backward: classifier passes spent.
        seconds: wall time spent.
        warnings: of the claim.
        sha256: of the image's file, or of the hashes of it and of its outlines; "" in lines of an
            earlier version.
        overlaps: with the outlined finding by method (`OURS`, "grad_cam", "centre_disc"), all of
            equal area; empty where nothing is outlined.
    """

    image: str
    folder: str
    truth: str
    label: str
    before: float
    after: float
    area: float
    verified: bool
    status: str
    components: int
    forward: int
    backward: int
    seconds: float
    warnings: tuple[str, ...] = ()
    sha256: str = ""
    overlaps: Mapping[str, Overlap] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """One explained image, as it is drawn.

    Attributes:
        row: its line of the table.
        pixels: the image in [0, 1].
        mask: the evidence, of the same size.
        maps: of other methods by name ("grad_cam", "attention_rollout"), in [0, 1], 1 = first to
            be retained; of any size in the image's proportions.
        finding: what people have outlined, of the image's size; None where nothing is.
        verdict: how the tests ended, in words; "" for whether they passed.
        reasons: why it deserves a look.
        claims: what was tested, in sentences.
        regions: on each pixel the number of its part of the mask, from 1, 0 outside; None where
            the mask has no parts that are known.
        others: of what other methods show at the area of the evidence, by title.
        needed: whether its parts are needed, in a sentence; "" where that was not looked into.
        outlined: other regions of the result, with a colour and what each is: of a weaker claim,
            or what speaks most for the second label.
    """

    row: Row
    pixels: Float[Tensor, "c h w"]
    mask: Bool[Tensor, "h w"]
    maps: Mapping[str, Float[Tensor, "h1 w1"]]
    finding: Bool[Tensor, "h w"] | None = None
    verdict: str = ""
    reasons: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    regions: Int[Tensor, "h w"] | None = None
    needed: str = ""
    others: Mapping[str, Bool[Tensor, "h w"]] = field(default_factory=dict)
    outlined: tuple[Outlined, ...] = ()
