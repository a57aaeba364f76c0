"""Layer masking: a convolutional net that looks only at what is shown, in each of its layers.

Balasubramanian and Feizi, "Towards Improved Input Masking for Convolutional Neural Networks"
(ICCV 2023, arXiv 2211.14646). The mask goes along with the activations, by their size. Here it
acts only where places are read together, whatever kind of module does that:

- a convolution or a maximum reads a map whose hidden places next to shown ones have the mean of
  their shown neighbours (3 x 3, as many rounds as it reaches), and zero beyond;
- an average, over windows or over everything, is one over what is shown; so are the statistics of
  a group or an instance normalisation, and a Euclidean norm over everything;
- all that works place by place (activations, batch normalisation, 1 x 1 convolutions, sums of
  branches) is left alone: what it makes of hidden places is never read.

With everything shown each of these is what the net does by itself. Nothing here knows a net by its
name: what reads places together in another way is found out by `exactness.py`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor
from torch.overrides import TorchFunctionMode

from med_cam.errors import ClassifierError
from med_cam.removal.channels_last import CHANNELS_LAST
from med_cam.removal.functions import argument, looked_up, name_of
from med_cam.removal.hidden import marked
from med_cam.removal.layer_rules import (
    READING,
    RULES,
    Function,
    Levels,
    Rule,
    flattened,
    squeezed,
)
from med_cam.removal.level import Level, is_map, shown_at, size_of


class LayerMasking(TorchFunctionMode):
    """Hidden places are left out of every sum of a convolutional network; nothing is painted.

    Within this `with`, one pass is made under a mask.

    Args:
        mask: 1 = shown.
        intruder: see `Hidden`.

    Raises:
        ClassifierError: from the pass, if a map comes from nowhere that the mask can be followed.
    """

    def __init__(self, mask: Float[Tensor, "b 1 h w"], intruder: float = 0.0) -> None:
        super().__init__()
        self.intruder = intruder
        self.followed = False  # whether any layer was
        self.channels_last = False  # whether the last map that was turned is b h w c
        self.levels: Levels = {size_of(mask): Level(mask)}

    def __torch_function__(
        self,
        func: Function,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function gives
        """Any function of torch, of whatever the net is made: a module, a method, an operator."""
        rule, args, given = looked_up(RULES, func, args, kwargs)
        if rule is None or not is_map(args[0]):
            self._turned(func, args, given)
            return func(*args, **given)
        level = self.levels.get(size_of(args[0]))
        # a map that has as many channels as places on a side may be either
        if rule in CHANNELS_LAST and (level is None or self.channels_last):
            last = self.levels.get((int(args[0].shape[1]), int(args[0].shape[2])))
            if last is not None:
                return self._channels_last(CHANNELS_LAST[rule], last, func, args, given)
        if level is None:
            return self._unknown(func, args, given)
        self.followed = True
        out = rule(self.levels, level, func, args, given)
        if rule not in (flattened, squeezed):  # whose map, if it is one, has other places
            self._known_as(first_of(out), level)
        return self._marked(out)

    def refuse_unused(self) -> None:
        """Check, after the pass, that the mask had anything to work on.

        Raises:
            ClassifierError: if no layer read a map.
        """
        if not self.followed:
            raise ClassifierError(
                "layer_masking does not fit this classifier: none of its layers reads a map of "
                "the image; it is for convolutional networks"
            )

    def _channels_last(
        self,
        rule: Rule,
        level: Level,
        func: Function,
        args: tuple[Any, ...],
        given: dict[str, Any],
    ) -> Any:  # noqa: ANN401
        """A function of a map b h w c."""
        out = rule(self.levels, level, func, args, given)
        map_made = first_of(out)
        if is_map(map_made):
            self._known_as(map_made.permute(0, 3, 1, 2), level)
        return out

    def _turned(self, func: Function, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        """Note the order of sides that a map is given, which some sizes do not tell."""
        if name_of(func) == "permute" and is_map(args[0]):
            dims = argument(args, given, 1, "dims", ())
            order = dims if isinstance(dims, Iterable) else args[1:]
            self.channels_last = [d % 4 for d in order] == [0, 2, 3, 1]

    def _unknown(self, func: Function, args: tuple[Any, ...], given: dict[str, Any]) -> Any:  # noqa: ANN401
        """A map of a size that no layer before had: single values, or the mask was lost."""
        name, (h, w) = name_of(func), size_of(args[0])
        if h * w > 1 and name in READING:
            raise ClassifierError(
                f"layer_masking does not fit this classifier: a {name} reads a map of {h} x {w}, "
                "which comes from no layer that it knows"
            )
        return func(*args, **given)

    def _known_as(self, out: object, level: Level) -> None:
        """Note what is shown of a map that was made of another."""
        if is_map(out) and size_of(out) not in self.levels:
            self.levels[size_of(out)] = Level(shown_at(level.shown, size_of(out)))

    def _marked(self, out: Any) -> Any:  # noqa: ANN401
        """What a rule made, with the intruder in its hidden places."""
        if not self.intruder or not is_map(out) or size_of(out) not in self.levels:
            return out
        return marked(out, self.levels[size_of(out)].hidden, self.intruder)


def first_of(out: object) -> object:
    """The values, of a function that gives their places too."""
    return out[0] if isinstance(out, tuple) else out
