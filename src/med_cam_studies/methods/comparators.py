"""Other methods under the same protocol: each gives a score map, cut and tested as ours is."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.case.case import Case
from med_cam_studies.methods.controls import centre_disc, one_disc, smooth_random
from med_cam_studies.methods.extremal import extremal_perturbations
from med_cam_studies.methods.grad_cam import grad_cam
from med_cam_studies.methods.rise import rise

Method = Callable[[Case, Generator], Float[Tensor, "1 1 h w"]]

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "grad_cam": grad_cam,
        "rise": rise,
        "extremal_perturbations": extremal_perturbations,
        "centre_disc": centre_disc,
        "one_disc": one_disc,
        "smooth_random": smooth_random,
    }
)
