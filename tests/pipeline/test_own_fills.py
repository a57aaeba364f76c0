"""Fills of the user's own as removals: functions and folders, from search to re-check."""

from dataclasses import replace

import pytest
import torch
from PIL import Image as Picture
from torch import Generator

from lit import BOX, FEW, REFINEMENT, SEARCH, SIDE, Lit
from med_cam.case.fills import refuse_other_fills
from med_cam.case.load_fill import load_fill
from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Config, Verification
from med_cam.errors import ConfigError
from med_cam.images.image import Image
from med_cam.images.read import read_image
from med_cam.masking.samplers import baseline
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.pipeline.explain import explain
from med_cam.report.claims import claims


def config_of(*names, beside=()):
    return Config(
        search=SEARCH,
        refinement=REFINEMENT,
        verification=Verification(
            baselines=names, samples=3, unseen=(), certified=0.9, beside=beside
        ),
        certification=replace(FEW, contrast=False),
    )


@pytest.fixture(scope="module")
def classifier():
    return Classifier(
        Lit(), ("dark", "lit"), (SIDE, SIDE), 1, (0.5,), (0.5,), hooked_layers=("act",)
    )


def lit():
    image = torch.full((1, SIDE, SIDE), 0.25)
    image[:, BOX, BOX] = 1.0
    return Image(image)


def speckled(pixels, mask, generator):
    return torch.rand(pixels.shape, generator=generator) * 0.5


def dimmed(pixels, mask, generator):
    return torch.full_like(pixels, 0.2)


def explained(classifier, config, **fills):
    given = {name.replace("_", ":"): fill for name, fill in fills.items()}
    return explain(classifier, lit(), config=config, fills=given)


@pytest.mark.parametrize("name", ["my:fill", "feathered_my:fill"])
def test_a_function_is_searched_certified_and_tested(classifier, name):
    found = explained(classifier, config_of(name), my_fill=speckled)
    assert found.verified
    assert found.area < 0.5
    assert found.mask[BOX, BOX].float().mean() > 0.4
    assert found.claim.searched == (name,)
    assert found.claim.certificate.samples >= 22  # all of which retain it: at least 0.9
    (own,) = found.fills
    assert (own.name, own.kind, own.sha256) == ("my:fill", "function", None)
    assert own.source.endswith(".speckled")
    assert "samples of the fill my:fill" in claims(found)[0].text


def test_a_fill_that_is_declared_fixed_involves_no_chance(classifier):
    found = explained(classifier, config_of("fixed:my:fill"), my_fill=dimmed)
    assert found.verified
    assert found.claim.certificate.samples == 0


def test_a_fill_can_stand_beside(classifier):
    found = explained(classifier, config_of("grey", beside=("my:fill",)), my_fill=speckled)
    assert found.beside.claim.searched == ("my:fill",)
    assert found.beside.claim.holds
    assert [own.name for own in found.fills] == ["my:fill"]


def test_nothing_hidden_reaches_the_function_and_nothing_shown_is_replaced():
    """A function that gives back what it gets cannot give back what was hidden."""
    x = torch.rand(1, 1, 8, 8)
    mask = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    mask[..., :4] = True
    asked = []

    def echo(contents, masks, seeds):
        asked.append(seeds)
        return torch.full_like(contents, 0.75)

    everywhere = torch.ones_like(mask)
    level = torch.ones(1, 1, 1, 1)
    scene = Scene(x, everywhere, 0 * level, level, x[:0], fills={"my:fill": echo})
    view = View(lambda images: images, scene)
    generator = Generator().manual_seed(3)
    samples = [baseline("my:fill", scene, generator) for _ in range(2)]
    shown = view.over(mask, samples[0])
    assert torch.equal(shown[..., :4], x[..., :4])
    assert torch.equal(shown[..., 4:], torch.full_like(x[..., 4:], 0.75))
    assert samples[0].seeds != samples[1].seeds
    assert asked == [samples[0].seeds]


def test_what_is_hidden_is_black_to_the_function(classifier):
    hidden = []

    def watching(pixels, mask, generator):
        hidden.append(float(pixels[~mask].max()) if (~mask).any() else 0.0)
        assert pixels.shape == (1, SIDE, SIDE)
        assert mask.shape == (1, SIDE, SIDE)
        assert mask.dtype == torch.bool
        return speckled(pixels, mask, generator)

    explained(classifier, config_of("my:fill"), my_fill=watching)
    assert len(hidden) > 20
    assert max(hidden) == 0.0


def of_other_shape(pixels, mask, generator):
    return torch.rand(1, SIDE, SIDE - 1, generator=generator)


def bright(pixels, mask, generator):
    return 1.5 * torch.rand(pixels.shape, generator=generator)


def broken(pixels, mask, generator):
    return speckled(pixels, mask, generator) / torch.zeros(1)


def failing(pixels, mask, generator):
    raise ValueError("no weights\nat all")


def unsteady(pixels, mask, generator):
    return torch.rand(pixels.shape)


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (of_other_shape, r"must give pixels of shape \(1, 32, 32\).* of shape \(1, 32, 31\)"),
        (bright, r"must give pixels in \[0, 1\]; it gave 0.* to 1\.\d"),
        (broken, r"must give pixels in \[0, 1\]"),
        (failing, r"fails \(ValueError: no weights\)$"),
        (lambda *_: None, "it gave None"),
        (unsteady, "another picture for the same image, mask and seed"),
        (dimmed, "one picture for 8 seeds; .* name it fixed:my:fill"),
    ],
)
def test_a_bad_fill_is_told_in_a_sentence(classifier, fill, said):
    with pytest.raises(ConfigError, match=said):
        explained(classifier, config_of("my:fill"), my_fill=fill)


def test_a_fill_that_is_random_cannot_be_declared_fixed(classifier):
    with pytest.raises(ConfigError, match="draws at random, but is named as fixed"):
        explained(classifier, config_of("fixed:my:fill"), my_fill=speckled)


def test_a_fill_that_goes_wrong_later_is_still_refused(classifier):
    """Every answer is looked at, not the first ones alone."""
    calls = []

    def tiring(pixels, mask, generator):
        calls.append(1)
        drawn = speckled(pixels, mask, generator)
        return drawn if len(calls) < 30 else drawn + 1

    with pytest.raises(ConfigError, match=r"must give pixels in \[0, 1\]"):
        explained(classifier, config_of("my:fill"), my_fill=tiring)


def test_a_name_that_was_not_given_is_refused(classifier):
    with pytest.raises(ConfigError, match="'my:fill' is a fill of your own; give it"):
        explain(classifier, lit(), config=config_of("my:fill"))


@pytest.mark.parametrize(
    ("fills", "said"),
    [
        ({"mine": speckled}, "has a colon"),
        ({"fixed:my:fill": speckled}, "has a colon"),
        ({"my:fill": 3}, "must be a function"),
        ([speckled], "fills must be a dict"),
    ],
)
def test_other_arguments_are_refused(fills, said):
    with pytest.raises(ConfigError, match=said):
        refuse_other_fills(fills)


def test_the_same_seed_gives_the_same_mask(classifier):
    one, two = (explained(classifier, config_of("my:fill"), my_fill=speckled) for _ in range(2))
    assert torch.equal(one.mask, two.mask)
    assert one.claim == two.claim
    other = replace(config_of("my:fill"), seed=7)
    assert explained(classifier, other, my_fill=speckled).claim != one.claim


@pytest.fixture
def folder(tmp_path):
    for level in range(9):
        Picture.new("L", (SIDE, SIDE), 10 * level).save(tmp_path / f"{level}.png")
    return tmp_path


def test_a_folder_s_images_are_drawn_each_as_likely(classifier, folder):
    name = f"folder:{folder}"
    fill = load_fill(name, classifier)
    found = explain(classifier, lit(), config=config_of(name), fills={name: fill})
    assert found.verified
    (own,) = found.fills
    assert (own.kind, own.images, own.source) == ("folder", 9, str(folder))
    x = classifier.prepare(lit())
    level = torch.ones(1, 1, 1, 1)
    images = classifier.normalise(fill.images)
    scene = Scene(x, x == x, -level, level, x[:0], fills={name: images})
    generator = Generator().manual_seed(0)
    drawn = torch.cat([baseline(name, scene, generator) for _ in range(200)])
    levels = (classifier.pixels_of(drawn)[:, 0, 0, 0] * 255 / 10).round().long()
    assert levels.bincount(minlength=9).tolist() == pytest.approx([22] * 9, abs=16)


def test_the_explained_image_is_left_out_of_its_folder(classifier, folder):
    name = f"folder:{folder}"
    (folder / "8.png").unlink()  # eight are left
    fill = load_fill(name, classifier)
    image = read_image(folder / "3.png")
    with pytest.raises(ConfigError, match="has 7 images other than the explained one"):
        explain(classifier, image, config=config_of(name), fills={name: fill})


def test_the_hash_of_a_folder_is_that_of_its_images_whatever_they_are_called(classifier, folder):
    name = f"folder:{folder}"
    first = load_fill(name, classifier).source.sha256
    (folder / "3.png").rename(folder / "z.png")
    assert load_fill(name, classifier).source.sha256 == first
    Picture.new("L", (SIDE, SIDE), 200).save(folder / "z.png")
    assert load_fill(name, classifier).source.sha256 != first


PYTHON = """
import torch
from level import LEVEL
def painted(pixels, mask, generator):
    return torch.rand(pixels.shape, generator=generator) * LEVEL
"""


def test_a_file_runs_only_where_it_is_trusted(classifier, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "net.py"
    file.write_text(PYTHON)
    (tmp_path / "level.py").write_text("LEVEL = 0.5\n")
    name = f"{file}:painted"
    with pytest.raises(ConfigError, match=f"give --trust {file} if you want that"):
        load_fill(name, classifier)
    fill = load_fill(name, classifier, trust=(file,))
    found = explain(classifier, lit(), config=config_of(name), fills={name: fill})
    assert found.verified
    assert found.fills[0].kind == "file"
    assert load_fill(name, classifier, folder=tmp_path).source == fill.source
    (tmp_path / "level.py").write_text("LEVEL = 0.4\n")
    assert load_fill(name, classifier, folder=tmp_path).source.sha256 != fill.source.sha256


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("folder:/nowhere", "there is no folder /nowhere"),
        ("/nowhere/net.py:painted", "there is no file /nowhere/net.py"),
        ("grey:scale", "is neither folder:PATH nor FILE.py:FUNCTION"),
        ("net.py:", "is neither"),
    ],
)
def test_a_name_of_nothing_is_told_in_a_sentence(classifier, name, said):
    with pytest.raises(ConfigError, match=said):
        load_fill(name, classifier)
