"""Which images are explained and what is reported of them, apart from the explaining."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from made_up import overlap, row
from PIL import Image as Pillow

from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Config
from med_cam.errors import OutputError
from med_cam_studies.data.collection import Item
from med_cam_studies.evaluation.item_result import Setting, map_from_png, map_png
from med_cam_studies.evaluation.json_lines import append_line
from med_cam_studies.evaluation.reproduce import ROWS, begin, chosen, known_rows, seen_before
from med_cam_studies.report.shrunk import anywhere, most, pooled


def saved(path, seed, size=(48, 64)):
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8), dtype=np.uint8)
    Pillow.fromarray(coarse).resize(size[::-1], Pillow.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def items(tmp_path):
    return [
        Item(saved(tmp_path / f"{label}-{n}.png", 10 * label + n), label, f"{label}-{n}")
        for label in (2, 0, 1)
        for n in range(4)
    ]


def test_the_first_of_each_class_are_chosen_whatever_the_files_are_called(items, tmp_path):
    wanted = [item.path.read_bytes() for item in chosen(items, 2)]
    renamed = []
    for number, item in enumerate(reversed(items)):
        path = item.path.rename(tmp_path / f"renamed-{number:02}.png")
        renamed.append(Item(path, item.label, path.stem))
    found = chosen(renamed, 2)
    assert [item.path.read_bytes() for item in found] == wanted
    assert [item.label for item in found] == [0, 0, 1, 1, 2, 2]


def test_more_than_there_are_is_all_of_them(items):
    assert {item.name for item in chosen(items, 99)} == {item.name for item in items}


def test_an_image_that_was_trained_on_at_another_size_is_known_again(items, tmp_path):
    again = Item(saved(tmp_path / "again.jpg", 1, size=(96, 128)), -1, "again")
    other = Item(saved(tmp_path / "other.jpg", 99, size=(96, 128)), -1, "other")
    assert seen_before([again, other], items) == (again,)


def test_rows_are_read_back_as_they_were_and_a_line_cut_off_is_none(tmp_path):
    rows = [row(n, warnings=("dark",), overlaps={"grad_cam": overlap(n)}) for n in range(3)]
    append_line(tmp_path / ROWS, asdict(rows[0]))
    with (tmp_path / ROWS).open("a") as file:
        file.write('{"image": "killed')
    assert list(known_rows(tmp_path).values()) == rows[:1]
    append_line(tmp_path / ROWS, asdict(rows[1]))
    append_line(tmp_path / ROWS, asdict(rows[2]))
    assert list(known_rows(tmp_path).values()) == rows


def test_a_map_reads_back_in_its_order_from_0_to_1(tmp_path):
    scores = torch.randn(9, 11, generator=torch.Generator().manual_seed(0))
    path = tmp_path / "map.png"
    path.write_bytes(map_png(scores))
    found = map_from_png(path)
    assert (found.min(), found.max()) == (0, 1)
    assert torch.equal(found.flatten().argsort(), scores.flatten().argsort())
    path.write_bytes(map_png(torch.zeros(3, 3)))
    assert torch.equal(map_from_png(path), torch.zeros(3, 3))


def test_shrinking_keeps_means_most_of_a_mask_and_any_of_a_finding():
    x = torch.arange(24.0).view(1, 4, 6)
    assert pooled(x, 2)[0, 0, 0] == (0 + 1 + 6 + 7) / 4
    dot = torch.zeros(4, 6, dtype=torch.bool)
    dot[3, 5] = True
    assert anywhere(dot, 2).sum() == 1
    assert anywhere(dot, 2)[1, 2]
    assert not most(dot, 2).any()
    half = torch.zeros(4, 6, dtype=torch.bool)
    half[:, ::2] = True
    assert most(half, 2).all()


def test_a_run_goes_on_with_the_same_classifier_only(tmp_path):
    module = torch.nn.Linear(2, 2)
    classifier = Classifier(module, ("a", "b"), (8, 8), sha256="ab" * 32)
    setting = Setting(classifier, Config(), "", None, 0, ("a", "b"), tmp_path, {})
    begin(setting)
    begin(setting)
    for change in ({"labels": ("b", "a")}, {"mean": (0.5,) * 3}):
        with pytest.raises(OutputError, match="another classifier"):
            begin(replace(setting, classifier=replace(classifier, **change)))
