"""The benchmarks are commands of their own; what they need of the package and of each other is."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from med_cam.case.case import observed
from med_cam.classifiers.bundled import bundled_classifier, bundled_samples
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.load import load_classifier
from med_cam.config.presets import preset
from med_cam.errors import MedCamError
from med_cam.results.check import BaselineResult
from med_cam.verify.claim import CHECKS
from med_cam_studies.data.collection import Item
from med_cam_studies.data.copies import sha256_of
from planted import CASES, POSITIONS

FOLDER = Path(__file__).parents[1] / "benchmarks"
COMMANDS = [p.stem for p in sorted(FOLDER.glob("*.py")) if "\ndef main(" in p.read_text()]
RESUMED = ("evidence", "fragile", "methods", "sanity", "seeds")


@pytest.fixture
def loaded(monkeypatch):
    """A benchmark's module as its command has it."""
    parts = [path.stem for path in FOLDER.glob("*.py") if path.stem != "planted"]
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])

    def load(name, *arguments):
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        spec = importlib.util.spec_from_file_location("benchmark", FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    yield load
    for part in parts:
        sys.modules.pop(part, None)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_benchmark_says_how_it_is_called(name, loaded, capsys):
    module = loaded(name, "--help")
    assert f"python benchmarks/{name}.py" in module.__doc__
    with pytest.raises(SystemExit) as end:
        module.main()
    assert end.value.code == 0
    assert module.__doc__.splitlines()[0] in capsys.readouterr().out


@pytest.mark.parametrize("name", RESUMED)
def test_a_benchmark_without_results_says_so_and_asks_for_a_data_set(
    name, loaded, capsys, tmp_path
):
    study = ["brain-mri"] if name == "evidence" else []
    assert loaded(name, *study, "--table-only", "--out", tmp_path / "none.jsonl").main() == 0
    assert capsys.readouterr().out == "no results yet\n"
    with pytest.raises(SystemExit):
        loaded(name, *study).main()
    assert "--root" in capsys.readouterr().err


@pytest.mark.parametrize("name", RESUMED)
def test_lines_of_an_earlier_version_are_refused_in_a_sentence(name, loaded, capsys, tmp_path):
    study, out = ["brain-mri"] if name == "evidence" else [], tmp_path / "old.jsonl"
    out.write_text('{"sha256": "0", "classifier": "x", "label": "a", "answer": "a"}\n')
    assert loaded(name, *study, "--table-only", "--out", out).main() == 2
    assert "has lines of an earlier version, without '" in capsys.readouterr().out


def test_every_check_of_a_claim_has_a_column(loaded):
    columns = loaded("methods").COLUMNS
    for passed, share in ((True, "100%"), (False, "0%")):
        line = {"checks": {name: {"passed": passed} for name in CHECKS}}
        for name in ("retained", "no shape leakage", "shift-stable"):
            assert columns[name]([line]) == share


def test_what_is_retained_over_a_baseline_is_in_the_table(loaded):
    fragile = loaded("fragile")
    result = BaselineResult("grey", True, 4, 3, 4, 0.1, 0.4, "b", 0.2, 0.0)
    line = fragile.of_baseline(result)
    row = [column([line]) for column in fragile.RETAINED_COLUMNS.values()]
    assert row == ["1", "100%", "75%", "0%"]


def test_a_column_is_of_the_results_that_have_the_number(loaded):
    rows = loaded("rows")
    columns = {"n": rows.count, "middle": rows.middle("a"), "right": rows.share(lambda x: x["b"])}
    found = rows.table(columns, {"x": [{"a": 1, "b": 0}, {"a": None, "b": 1}], "y|": []})
    assert found.splitlines()[2:] == ["| x | 2 | 1 | 50% |", "| y\\| | 0 | - | - |"]


def test_what_has_a_line_is_not_done_again_and_other_settings_are_refused(loaded, tmp_path):
    pool, out = loaded("pool"), tmp_path / "out.jsonl"
    with bundled_classifier() as folder, bundled_samples() as samples:
        classifier = load_classifier(folder, device="cpu")
        items = [Item(path, 0, path.name) for path in samples[:2]]
        configs = dict.fromkeys(("a", "b"), preset("default"))
        settings = pool.settings_of(configs["a"], classifier)
        line = {"sha256": sha256_of(items[0].path), "settings": settings, "method": "a"}
        out.write_text(json.dumps(line) + '\n{"sha256": "cut o')
        left = pool.missing(out, items, classifier, configs, "method")
        wanted = [(item.name, variant) for item in items for variant in "ab"]
        assert [(task.item.name, task.variant) for task in left] == wanted[1:]
        with pytest.raises(MedCamError, match="other settings"):
            pool.missing(out, items, classifier, {"a": preset("paper-histology")}, "method")


def test_every_method_gives_a_mask_of_regions_with_a_certificate(loaded):
    methods = loaded("methods")
    planted = CASES["bright patch, convolutional"]
    plant = planted.plant(POSITIONS[12], torch.Generator().manual_seed(0))
    area = plant.needed.float().mean().item()
    for name in ("default", "grad_cam"):
        config = methods.config_of(name, 0)
        search = replace(config.search, steps=4, widths=(8,), maps=1)
        with hooks_attached(planted.classifier) as forward:
            case = observed(
                forward, planted.classifier, plant.image, replace(config, search=search)
            )
            found = methods.measured(case, name)
        assert found["holds"]
        assert area <= found["area"] <= 4 * area
        assert found["map_backward"] == (1 if name == "grad_cam" else 4 * 4)
        assert found["forward"] > found["map_forward"]


def test_an_outline_on_edges_is_told_from_one_that_is_not(loaded):
    boundary = loaded("boundary")
    grey, mask = np.zeros((96, 96)), np.zeros((96, 96), dtype=bool)
    grey[30:60, 20:60] = 1
    mask[30:60, 20:60] = True
    found = boundary.of_mask(mask, boundary.near_edges(grey), np.random.default_rng(0))
    assert found["on_edges"] == 1
    assert found["moved"] < 0.5
    assert 0 < found["anywhere"] < 0.2
    cut = mask.copy()
    cut[:, :40] = False  # one side of four is off the edges
    assert boundary.on_edges(cut, boundary.near_edges(grey)) == pytest.approx(68 / 96, abs=0.06)


def test_a_mask_that_is_moved_stays_whole(loaded):
    boundary, generator = loaded("boundary"), np.random.default_rng(1)
    mask = np.zeros((20, 30), dtype=bool)
    mask[2:9, 5:11] = mask[4, 11] = True
    for _ in range(30):
        where = np.argwhere(boundary.moved(mask, generator))
        assert ((where - where[0]) == (np.argwhere(mask) - np.argwhere(mask)[0])).all()


def test_the_outline_ends_at_the_border_of_the_image(loaded):
    mask = np.zeros((6, 6), dtype=bool)
    mask[:3] = True
    assert np.argwhere(loaded("boundary").outline(mask))[:, 0].tolist() == [2] * 6


def corners(mask, arm):
    """By walking: where exactly one straight arm goes along a row and one along a column."""
    h, w = mask.shape

    def arms(i, j, di, dj):  # of the outline from the corner of four pixels on, this way
        length = 0
        while True:
            i2, j2 = i + length * di, j + length * dj
            a, b = ((i2, j2 + 1 - (dj < 0)), (i2 + 1, j2 + 1 - (dj < 0)))
            if di:
                a, b = ((i2 + 1 - (di < 0), j2), (i2 + 1 - (di < 0), j2 + 1))
            inside = all(0 <= r < h and 0 <= c < w for r, c in (a, b))
            if not inside or mask[a] == mask[b]:
                return length
            length += 1

    found = np.zeros(mask.shape, bool)
    for i in range(h - 1):
        for j in range(w - 1):
            right, left = arms(i, j, 0, 1), arms(i, j, 0, -1)
            down, up = arms(i, j, 1, 0), arms(i, j, -1, 0)
            bends = (min(left, right) == 0) and (min(up, down) == 0)
            found[i, j] = bends and max(left, right) >= arm and max(up, down) >= arm
    return found


@pytest.mark.parametrize("big", [1, 2, 4])
@pytest.mark.parametrize("arm", [1, 2, 5, 40])
def test_right_angles_of_an_outline_are_those_that_a_walk_finds(loaded, arm, big):
    boundary = loaded("boundary")
    for seed in range(10):
        blocks = np.random.default_rng(seed).random((5, 6)) < 0.5
        mask = np.kron(blocks, np.ones((big, big + 1), bool))
        assert (boundary.right_angles(mask, arm) == corners(mask, arm)).all()


def test_a_right_angle_counts_only_off_the_edges_of_the_image(loaded):
    boundary = loaded("boundary")
    grey, mask = np.zeros((112, 112)), np.zeros((112, 112), dtype=bool)
    grey[30:60, 20:60] = 1
    mask[30:60, 20:60] = True
    generator = np.random.default_rng(0)
    assert boundary.right_angles(mask, 4).sum() == 4
    assert boundary.of_mask(mask, boundary.near_edges(grey), generator)["right_angles"] <= 1
    assert boundary.of_mask(mask, boundary.near_edges(0 * grey), generator)["right_angles"] == 4
    i, j = np.mgrid[:112, :112]
    disc = (i - 50) ** 2 + (j - 40) ** 2 < 25**2
    assert not boundary.right_angles(disc, 4).any()


def test_base_rates_are_shares_of_images_and_what_nine_of_ten_have(loaded, monkeypatch):
    module = loaded("notices")
    known = {"outline": module.KINDS["outline"], "border": module.KINDS["border"]}
    monkeypatch.setattr(module, "KINDS", known)
    monkeypatch.setattr(module, "warns", lambda _, figure: figure > 0.2)
    images = [{}] * 6 + [{"outline": 0.05}] * 2 + [{"outline": 0.1, "border": 0.3}]
    text = module.report([*images, {"outline": 0.4}])
    assert "| outline | 4 of 10 | 0.40 | 0.100 | 0.400 | 1 |" in text
    assert "| border | 1 of 10 | 0.10 | 0.000 | 0.300 | 1 |" in text
    assert text.endswith("| 0 | 8 |\n| 1 | 2 |")
