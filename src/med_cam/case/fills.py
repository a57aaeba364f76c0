"""Fills of the user's own: a function or a folder of images in the place of a baseline.

A function is asked where the mask is known. It gets what the mask shows and black elsewhere, so
that nothing hidden can come back through it, and its answer is shown only where the mask hides.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.classifiers.base import Classifier
from med_cam.config.baselines import ALWAYS_THE_SAME, FOLDER, fill_name, is_fixed, is_own
from med_cam.config.given import given, refuse_other
from med_cam.errors import ConfigError, first_line
from med_cam.masking.scene import Fill as Painter
from med_cam.results.removal import OwnFill

Paint = Callable[[Tensor, Tensor, Generator], Tensor]

FEWEST = 8  # images of a folder, without the explained one
TRIED = 8  # seeds for which a fill that is not declared fixed may give the same
ROUNDING = 1e-5  # outside of [0, 1]
A_FILL = (
    "a function (pixels c h w in [0, 1], mask 1 h w, generator) -> pixels c h w in [0, 1], or "
    "what load_fill gives"
)


@dataclass(frozen=True, slots=True, eq=False)
class Fill:
    """One fill of the user's own.

    Attributes:
        source: what is saved of it.
        paint: from pixels c h w in [0, 1], black where hidden, a mask 1 h w, true = shown, and a
            generator on the CPU to pixels of the same shape; None for a folder.
        images: pixels of a folder's images, as the classifier prepares them; None for a function.
    """

    source: OwnFill
    paint: Paint | None = None
    images: Float[Tensor, "n c h w"] | None = None


def refuse_other_fills(fills: object) -> None:
    """Check the argument `fills` of `explain`.

    Raises:
        ConfigError: if it is no mapping from names with a colon to fills.
    """
    if fills is None:
        return
    refuse_other("fills", fills, Mapping, "a dict of names and fills, as {'my:fill': function}")
    for name, fill in fills.items() if isinstance(fills, Mapping) else ():
        if not isinstance(name, str) or not is_own(name) or fill_name(name) != name:
            raise ConfigError(
                f"a fill's name has a colon, as in 'my:fill', and neither feathered_ nor fixed: "
                f"before it; got {given(name)}"
            )
        if not isinstance(fill, Fill) and not callable(fill):
            raise ConfigError(f"the fill {name!r} must be {A_FILL}; got {given(fill)}")


def fills_of(names: Iterable[str], fills: Mapping[str, Fill | Paint] | None) -> dict[str, Fill]:
    """The fills that settings name, each as one kind.

    Raises:
        ConfigError: if one was not given, or a folder is said to be fixed.
    """
    found: dict[str, Fill] = {}
    for name in filter(is_own, names):
        own = fill_name(name)
        if own not in (fills or {}):
            raise ConfigError(
                f"the removal {own!r} is a fill of your own; give it to explain in Python as "
                f"fills={{{own!r}: ...}}, or name folder:PATH or FILE.py:FUNCTION"
            )
        if is_fixed(name) and own.startswith(FOLDER):
            raise ConfigError(f"{own!r} is drawn at random; leave {ALWAYS_THE_SAME} out")
        fill = (fills or {})[own]
        found[own] = fill if isinstance(fill, Fill) else of_function(own, fill)
    return found


def of_function(name: str, paint: Paint) -> Fill:
    """A function given in Python; what it does is not part of what is saved."""
    where = getattr(paint, "__module__", None) or "unknown"
    called = getattr(paint, "__qualname__", None) or type(paint).__qualname__
    return Fill(OwnFill(name, "function", f"{where}.{called}", None, None), paint)


def painters(
    fills: Mapping[str, Fill], classifier: Classifier, x: Float[Tensor, "1 c h w"]
) -> dict[str, Painter | Tensor]:
    """The fills in the classifier's normalised space, for `Scene`.

    Raises:
        ConfigError: if a folder has too few images besides the explained one.
    """
    return {
        name: _function(name, fill.paint, classifier)
        if fill.images is None
        else _images(name, fill.images, classifier, x)
        for name, fill in fills.items()
    }


def _images(
    name: str,
    images: Float[Tensor, "n c h w"],
    classifier: Classifier,
    x: Float[Tensor, "1 c h w"],
) -> Float[Tensor, "m c h w"]:
    """A folder's images but for those that are the explained one, within one grey level."""
    apart = (images - classifier.pixels_of(x)).abs().amax(dim=(1, 2, 3)) >= 1 / 255
    if int(apart.sum()) < FEWEST:
        raise ConfigError(
            f"the removal {name!r} has {int(apart.sum())} images other than the explained one; "
            f"at least {FEWEST} are needed"
        )
    return classifier.normalise(images[apart]).to(x)


def _function(name: str, paint: Paint | None, classifier: Classifier) -> Painter:
    """A function in the normalised space, one image after the other, each answer checked."""

    def fill(contents: Tensor, masks: Tensor, seeds: tuple[int, ...]) -> Tensor:
        pixels = classifier.pixels_of(contents).clamp(0, 1) * masks
        rows = zip(pixels, masks, seeds, strict=True)
        return classifier.normalise(torch.stack([answer(name, paint, *row) for row in rows]))

    return fill


def answer(
    name: str,
    paint: Paint | None,
    pixels: Float[Tensor, "c h w"],
    mask: Bool[Tensor, "1 h w"],
    seed: int,
) -> Float[Tensor, "c h w"]:
    """What a user's function paints around a mask.

    Raises:
        ConfigError: if it fails, or its answer is no picture of that shape in [0, 1].
    """
    try:
        with torch.no_grad():
            got: object = (
                None
                if paint is None
                else paint(pixels.clone(), mask.clone(), Generator().manual_seed(seed))
            )
    except Exception as error:
        raise ConfigError(
            f"the fill {name!r} fails ({type(error).__name__}: {first_line(error)})"
        ) from error
    if not isinstance(got, Tensor) or got.shape != pixels.shape or not got.is_floating_point():
        raise ConfigError(
            f"the fill {name!r} must give pixels of shape {tuple(pixels.shape)} as floats, as it "
            f"gets them; it gave {given(got)}"
        )
    lowest, highest = (end.item() for end in got.aminmax())
    if not (lowest >= -ROUNDING and highest <= 1 + ROUNDING):  # NaN is neither
        raise ConfigError(
            f"the fill {name!r} must give pixels in [0, 1]; it gave {lowest:g} to {highest:g}"
        )
    return got.detach().to(pixels).clamp(0, 1)


def refuse_unsteady(
    fills: Mapping[str, Painter | Tensor], names: Iterable[str], x: Float[Tensor, "1 c h w"]
) -> None:
    """Ask each function around one half of the image: the same seed, the same picture.

    Raises:
        ConfigError: if it is not, or if what is said of other seeds is not so.
    """
    mask = torch.zeros_like(x[:, :1], dtype=torch.bool)
    mask[..., : x.shape[-1] // 2] = True
    for name in names:
        fill = fills.get(fill_name(name))
        if not is_own(name) or fill is None or isinstance(fill, Tensor):
            continue
        first, again = fill(x, mask, (1,)), fill(x, mask, (1,))
        if not torch.equal(first, again):
            raise ConfigError(
                f"the fill {fill_name(name)!r} gives another picture for the same image, mask and "
                "seed; draw all that is random from the generator that it is given"
            )
        others = (fill(x, mask, (seed,)) for seed in range(2, TRIED + 1))
        changes = any(not torch.equal(first, other) for other in others)
        if changes == is_fixed(name):
            said = (
                f"draws at random, but is named as fixed; leave {ALWAYS_THE_SAME} out"
                if changes
                else f"gives one picture for {TRIED} seeds; if nothing of it is random, name it "
                f"{ALWAYS_THE_SAME}{fill_name(name)}"
            )
            raise ConfigError(f"the fill {fill_name(name)!r} {said}")
