"""One small result of each kind: classifiers set by hand, images made by code, no long search."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import copytree

import torch
from torch import nn

import ladders
from lit import Lit
from med_cam.audit.choice import RULE, chosen
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.pairwise import pairwise
from med_cam.config.settings import Certification, Config, Refinement, Search, Verification
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam.report.provenance import provenance
from med_cam.report.write import write
from med_cam.results.removal import RemovalChoice, RemovalFigures
from med_cam_studies.methods.compared import Asked, beside, maps_of
from planted_claims import CASES

SAVED = Path(__file__).parent / "saved-1.1"
SIDE = 32
BOX = slice(10, 20)
LEFT, RIGHT = (slice(6, 14), slice(4, 12)), (slice(18, 26), slice(20, 28))
SHORT = Config(
    search=Search(steps=1, widths=(4,), grid=8, places=8, radii=(0.35,), maps=1),
    refinement=Refinement(rounds=6),  # so fine that the cut lies on one of two squares
    verification=Verification(certified=0.8, unseen=("black", "uniform")),
    certification=Certification(
        units="squares", patch=8, most_patches=0, reduction_samples=2, pool=2, deletion_samples=2,
        reinsertion_trials=4, reinsertion_patch=8,
    ),
)  # fmt: skip


class Squares(nn.Module):
    """Logits from the brightness of two squares: nothing, either of them, both of them."""

    def __init__(self, read: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.act = nn.Identity()
        self.read = read

    def forward(self, x):
        x = self.act(x)
        rough = (x[:, 0, 1:] - x[:, 0, :-1]).abs().mean(dim=(1, 2))
        one, two = (x[:, 0, *box].clamp(0, 1).mean(dim=(1, 2)) for box in (LEFT, RIGHT))
        return self.read(one, two, rough)


def either(one, two, _):
    """Lit where one of the squares is; a little less sure with the texture of the whole."""
    lit = 12 * (torch.maximum(one, two) - 0.6)
    return torch.stack([torch.zeros_like(lit), lit, -0.5 + 0 * lit], dim=1)


def first(one, _, rough):
    """Lit where the first square is, and never quite sure."""
    lit = 6 * (one - 0.6) - 0.2 * rough
    return torch.stack([torch.zeros_like(lit), lit, one - 2], dim=1)


def absent(one, two, _):
    """Nothing where the second square is, unless the first is seen without it."""
    nothing, finding = 8 * (two - 0.5).relu(), 6 * (one - 0.5).relu()
    return torch.stack([0 * finding, finding, nothing], dim=1)


def fragile(one, _, rough):
    """As the first, but noise over a part of the frame drowns all."""
    lit = 12 * (one - 0.6)
    return torch.stack([torch.zeros_like(lit), lit, 200 * (rough - 0.2)], dim=1)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a result of one kind is made."""

    read: Callable
    config: Config = SHORT
    target: str = "lit"
    contrast: str = ""
    head: str = "softmax"
    choice: RemovalChoice | None = None
    labels: tuple[str, ...] = ("dark", "lit", "other")
    compare: tuple[str, ...] = ()

    @property
    def classifier(self) -> Classifier:
        more = {"head": "sigmoid", "thresholds": (0.5,) * 3} if self.head == "sigmoid" else {}
        return Classifier(
            Squares(self.read), self.labels, (SIDE, SIDE), 1, (0.5,), (0.5,),
            hooked_layers=("act",), sha256="ab" * 32, name="squares", **more,
        )  # fmt: skip

    def written(self, folder: Path, *, with_image: bool = True) -> Path:
        """The result in a folder."""
        image, model = pictured(), self.classifier
        asked = pairwise(model, self.target, self.contrast) if self.contrast else model
        compared = Asked(asked, image, self.config, target=self.target)
        maps = maps_of(compared, self.compare)
        found = explain(asked, image, target=self.target, config=self.config)
        others = beside(compared, found, maps)
        found = replace(found, removal_choice=self.choice, compared=others)
        origin = provenance(
            image, model, self.config, preset="default", software={"torch": torch.__version__},
            contrast=self.contrast,
        )  # fmt: skip
        write(found, image, folder, origin, with_image=with_image)
        return folder


@dataclass(frozen=True, slots=True)
class Laddered:
    """A result in which a weaker claim holds, or none."""

    name: str
    consistency: float = 0.0
    masked: bool = False

    @property
    def classifier(self) -> Classifier:
        return ladders.inside() if self.masked else ladders.classifier(self.name)

    @property
    def pictured(self) -> Image:
        return ladders.one_square() if self.masked else ladders.picture()

    def written(self, folder: Path, *, with_image: bool = True) -> Path:
        """The result in a folder."""
        image, model, config = self.pictured, self.classifier, ladders.CONFIG
        if self.masked:
            config = ladders.MASKED
        rules = replace(config.verification, consistency=self.consistency)
        config = replace(config, verification=rules)
        found = explain(model, image, target="lit", config=config)
        assert found.ladder.name == self.name
        origin = provenance(
            image, model, config, preset="default", software={"torch": torch.__version__}
        )
        write(found, image, folder, origin, with_image=with_image)
        return folder


@dataclass(frozen=True, slots=True)
class Older:
    """A result that version 1.1 wrote."""

    name: str
    classifier: Classifier

    def written(self, folder: Path) -> Path:
        """A copy of it in a folder."""
        copytree(SAVED / self.name, folder)
        return folder


class Fragile(Lit):
    """Lit where a square is bright; but noise over more than a tenth of the frame drowns all."""

    box = BOX

    def logits(self, x):
        rough = (x[:, 0, 1:] - x[:, 0, :-1]).abs().mean(dim=(1, 2)) / 1.128
        return [*super().logits(x), 200 * (rough - 0.15)]


def pictured():
    """Middle grey, and two white squares."""
    pixels = torch.full((1, SIDE, SIDE), 0.5)
    for box in (LEFT, RIGHT):
        pixels[:, *box] = 1.0
    return Image(pixels)


def choice_of(blank):
    """A choice of grey and noise, where so many blank inputs get a label with confidence."""
    figures = tuple(
        RemovalFigures(name, 8, blank, 0.25, 1.0, 0.7, 0.25, "other", 0.5, 0.75, 1.0, 0.25, 16)
        for name in ("grey", "gaussian")
    )
    rule = chosen(figures)
    return RemovalChoice(
        rule.removal, RULE, rule.fails, rule.reason, "measured", 8, 48, 0.2, figures,
        {"dropped_tokens": "it does not fit"},
    )  # fmt: skip


def with_rules(config, **rules):
    return replace(config, certification=replace(config.certification, **rules))


def beside_it(config, *names):
    return replace(config, verification=replace(config.verification, beside=names))


KINDS = {
    "plain": Kind(first),
    "further masks": Kind(
        either,
        replace(  # a seed by which the mask holds one of two squares, so that there is another
            with_rules(SHORT, units="regions", alternatives=1, necessary_superset=True, seeds=2),
            seed=3,
        ),
    ),
    "restricted claim": Kind(fragile),
    "regions": Kind(first, with_rules(SHORT, units="regions")),
    "beside": Kind(first, beside_it(SHORT, "uniform"), compare=("grad_cam",)),
    "multi-label": Kind(first, head="sigmoid", choice=choice_of(0.0)),
    "contrastive": Kind(first, contrast="other"),
    "nothing to explain": Kind(first, target="dark", choice=choice_of(0.5)),
    "nothing found": Kind(absent, target="none", labels=("dark", "lit", "none")),
    "graded": Laddered("graded", consistency=0.05),
    "milder removal": Laddered("graded", masked=True),
    "ranked": Laddered("ranked"),
    "nothing holds": Laddered("nothing"),
}

FRAGILE = Classifier(
    Fragile(), ("dark", "lit", "noisy"), (32, 32), 1, (0.5,), (0.5,), hooked_layers=("act",)
)
OLDER = {
    name: Older(name, replace(classifier, sha256="ab" * 32))
    for name, classifier in (
        ("either-patch", CASES["either patch, convolutional"].classifier),
        ("fragile", FRAGILE),
    )
}
