"""Numbers of seeds and purposes: none is met twice, and saved claims find theirs again."""

import hashlib
from dataclasses import replace

import pytest
import torch
from torch import nn

from med_cam.case import seeds
from med_cam.case.case import observed
from med_cam.case.seeds import beside, fresh, generator_of, reseeded, restricted_to, under_seed
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config
from med_cam.images.image import Image

LAST = 2**32 - 1


class Halves(nn.Module):
    """Whether the upper half is brighter than the lower one."""

    def forward(self, x):
        upper, lower = x.mean(dim=(1, 3)).chunk(2, dim=1)
        return torch.stack([upper.sum(dim=1), lower.sum(dim=1)], dim=1)


@pytest.fixture(scope="module")
def case():
    model = Classifier(Halves(), ("upper", "lower"), (8, 8), 1, (0.5,), (0.5,))
    with hooks_attached(model) as forward:
        return observed(forward, model, Image(torch.rand(1, 8, 8)), Config())


def under(case, seed):
    return replace(case, config=replace(Config(), seed=seed))


def hashed(seed, purpose):
    """The first four bytes of the hash of both, the lowest first."""
    digest = hashlib.sha256(b"%d %d" % (seed, purpose)).digest()
    return sum(byte * 256**i for i, byte in enumerate(digest[:4]))


@pytest.mark.parametrize(
    ("seed", "purpose", "number"),
    [
        (0, 0, 0),
        (0, 63, 63),
        (3, 5, 3 * 64 + 5),
        (2**26 - 1, 63, LAST),
        (0, 64, hashed(0, 64)),
        (7, 128, hashed(7, 128)),
        (2**26, 0, hashed(2**26, 0)),
        (LAST, 69, hashed(LAST, 69)),
    ],
)
def test_a_seed_and_a_purpose_have_the_number_that_saved_claims_are_sampled_from(
    case, seed, purpose, number
):
    assert generator_of(seed, purpose).initial_seed() == number
    assert fresh(under(case, seed), purpose).initial_seed() == number
    assert generator_of(seed, purpose).device == torch.device("cpu")


def test_no_seed_has_a_number_of_another_one_or_of_another_purpose():
    some = (0, 1, 2, 3, 2**26 - 1, 2**26, 2**26 + 1, LAST)
    numbers = [
        generator_of(seed, purpose).initial_seed() for seed in some for purpose in range(192)
    ]
    assert len(set(numbers)) == len(numbers)
    assert all(0 <= number < 2**32 for number in numbers)  # torch reads no more


def test_purposes_have_numbers_of_their_own_and_room_for_attempts_and_certificates():
    named = {name: value for name, value in vars(seeds).items() if name.isupper()}
    apart = ("SEEDS", "FEW", "NEXT", "RESTRICTED", "BESIDE")
    others = {name: named.pop(name) for name in apart}
    assert len(set(named.values())) == len(named) == 31
    assert max(named.values()) == seeds.CERTIFY
    assert sorted(named.values())[:5] == [0, 1, 2, 3, seeds.CLAIM]
    # Claims are attempted 59 times and more at most, and fill the first numbers.
    assert seeds.FEW == 64 <= min(v for v in named.values() if v > seeds.CLAIM)
    assert others["SEEDS"] == 2**32


def over(case, *names):
    """The case with a second claim over these."""
    rules = replace(case.config.verification, beside=names)
    return replace(case, config=replace(case.config, verification=rules))


@pytest.mark.parametrize("seed", [0, 12, LAST])
def test_a_further_mask_and_a_restricted_claim_have_seeds_apart_from_each_other(case, seed):
    own = under(case, seed)
    further = [reseeded(own, number).config.seed for number in range(1, 20)]
    restricted = restricted_to(own, ("grey",)).config.seed
    assert further[0] == (seed + 1_000_003) % 2**32
    assert further[4] == (seed + 5 * 1_000_003) % 2**32
    assert restricted == (seed + 500_009) % 2**32
    second = beside(over(own, "uniform"))
    assert second.config.seed == (seed + 700_001) % 2**32
    assert second.config.verification.baselines == ("uniform",)
    assert len({seed, restricted, second.config.seed, *further}) == 22


def test_a_restricted_claim_is_on_the_baselines_named_and_has_the_others_unseen(case):
    rules = restricted_to(under(case, 0), ("gaussian",)).config.verification
    assert rules.baselines == ("gaussian",)
    assert rules.unseen[0] == "grey"


@pytest.mark.parametrize(("seed", "wrapped"), [(0, 0), (LAST, LAST), (2**32, 0), (2**32 + 5, 5)])
def test_seeds_beyond_the_last_begin_again(case, seed, wrapped):
    before = under(case, 4)
    found = under_seed(before, seed)
    assert found.config == replace(before.config, seed=wrapped)
    assert before.config.seed == 4
