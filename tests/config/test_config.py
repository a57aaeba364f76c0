"""Settings: what a file may say, what is refused and in which words, and what the presets are."""

import tomllib
from dataclasses import asdict, replace

import pytest

from med_cam.config.presets import PRESETS, preset
from med_cam.config.settings import Config
from med_cam.config.toml import RENAMED, as_table, config_from_toml
from med_cam.errors import ConfigError


def read(folder, text, base=None):
    path = folder / "run.toml"
    path.write_text(text, encoding="utf-8")
    return config_from_toml(path, base or PRESETS["default"])


def refused(folder, text):
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    reported = str(caught.value)
    assert reported.startswith("run.toml: ")
    assert "\n" not in reported
    return reported


# -- files ----------------------------------------------------------------------------------------


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path):
    text = """
    seed = 7
    [objective]
    distance = "mse"
    [objective.weights]
    kl = 3
    [search]
    widths = [8, 16]
    """
    base = PRESETS["default"]
    before = asdict(base)
    found = read(tmp_path, text)
    assert asdict(base) == before
    wanted = asdict(base)
    wanted["seed"] = 7
    wanted["objective"]["distance"] = "mse"
    wanted["objective"]["weights"]["kl"] = 3.0
    wanted["search"]["widths"] = (8, 16)
    assert as_table(found) == wanted


def test_a_file_lies_over_the_preset_it_is_read_with(tmp_path):
    base = preset("paper-dermoscopy")
    found = read(tmp_path, "[search]\nsteps = 5\n", base)
    assert found == replace(base, search=replace(base.search, steps=5))


def test_an_empty_file_changes_nothing(tmp_path):
    assert read(tmp_path, "") == PRESETS["default"]


def flat_keys(section, prefix=()):
    for key, value in section.items():
        if isinstance(value, dict):
            yield from flat_keys(value, (*prefix, key))
        else:
            yield (*prefix, key)


def toml_of(value):
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml_of, value))}]"
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else repr(value)


@pytest.mark.parametrize("name", PRESETS)
def test_every_setting_of_a_preset_can_be_written_in_a_file_and_read_again(name, tmp_path):
    table = as_table(PRESETS[name])
    lines = []
    for *sections, key in flat_keys(table):
        value = table
        for part in (*sections, key):
            value = value[part]
        lines.append(f"{'.'.join([*sections, key])} = {toml_of(value)}")
    text = "\n".join(lines)
    tomllib.loads(text)
    assert read(tmp_path, text, Config()) == PRESETS[name]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sede = 1", ["'sede'", "'seed'"]),
        ("[serch]\nsteps = 1", ["'serch'", "'search'"]),
        ("[search]\nstep = 1", ["'step'", "[search]", "'steps'"]),
        ("[objective.weights]\nklm = 1.0", ["'klm'", "[objective.weights]", "'kl'"]),
        ("[refinement]\nzzzz = 1", ["'zzzz'", "[refinement]", "known are cut, share"]),
        ("[search]\nsteps = 1.5", ["search.steps", "whole number", "1.5"]),
        ("[search]\nsteps = true", ["search.steps", "True"]),
        ('[search]\nsteps = "9"', ["search.steps", "'9'"]),
        ("[search]\ntransposed = 1", ["search.transposed", "true or false", "got 1"]),
        ("[search]\nlearning_rate = true", ["search.learning_rate", "a number", "True"]),
        ("[search]\nwidths = 16", ["search.widths", "list", "16"]),
        ("[search]\nwidths = [16, 32.5]", ["search.widths", "32.5"]),
        ("[search]\nwidths = [true]", ["search.widths", "True"]),
        ('[search]\nradii = ["wide"]', ["search.radii", "'wide'"]),
        ("search = 3", ["search", "table", "3"]),
        ("[verification]\nbaselines = [1, 2]", ["verification.baselines", "name", "[1, 2]"]),
        ('[verification]\nbaselines = "grey"', ["verification.baselines", "list", "'grey'"]),
        (
            "[verification]\nbackgrounds = []",
            ["verification.baselines", "1 to 16", "[]"],
        ),  # its old name
        ("[verification]\nshifts = [1.0]", ["verification.shifts", "[1.0]"]),
        ("[verification]\nleakage_trials = 19", ["verification.leakage_trials", "20", "19"]),
        ("[objective]\nlayer_weights = [1, -1]", ["objective.layer_weights", "[1.0, -1.0]"]),
        ("[objective.weights]\nkl = nan", ["objective.weights.kl", "nan"]),
        (f"[objective.weights]\nkl = 1{'0' * 400}", ["objective.weights.kl", "inf"]),
        ("[search]\nsteps = -1", ["search.steps", "0 to 10000", "-1"]),
    ],
)
def test_what_a_file_may_not_say_is_refused_with_field_value_and_what_is_allowed(
    text, words, tmp_path
):
    reported = refused(tmp_path, text)
    assert [word for word in words if word not in reported] == []


def test_a_whole_number_stands_for_a_float_in_a_list_too(tmp_path):
    text = "[objective]\nlayer_weights = [1, 2]\n[search]\nradii = [1, 0.5]\ntemperature = 1\n"
    found = read(tmp_path, text)
    values = (*found.objective.layer_weights, *found.search.radii, found.search.temperature)
    assert values == (1.0, 2.0, 1.0, 0.5, 1.0)
    assert {type(v) for v in values} == {float}


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml"):
        config_from_toml(tmp_path / "none.toml", Config())
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        config_from_toml(tmp_path / "bad.toml", Config())
    (tmp_path / "half.toml").write_text("seed =")
    with pytest.raises(ConfigError, match=r"half\.toml is not valid TOML"):
        config_from_toml(tmp_path / "half.toml", Config())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"seed = {'1' * 5000}", ["cannot read the settings", "4300 digits"]),
        (f"seed = 0x{'f' * 5000}", ["seed must be", "more than 60 digits"]),
        (f"[search]\nradii = [0x{'f' * 5000}]", ["search.radii", "inf"]),
        (f"[search]\nradii = {'[' * 9000}{']' * 9000}", ["too deep in each other"]),
        (f'[search]\nform = "{"x" * 900}"', ["search.form", "'xxx", "..."]),
        (f"[search]\nradii = [{'1.0,' * 900}]", ["search.radii", "900 in all"]),
        (f"{'k' * 900} = 1", ["unknown key 'kkk", "..."]),
        (f"seed = 1\n#{' ' * 2**20}", ["bytes, more than the 1,048,576 of settings"]),
        ("seed = 1979-05-27", ["seed must be a whole number", "1979"]),
        ("[verification]\nsamples = 4\ndraws = 5", ["verification.draws", "one setting"]),
    ],
)
def test_what_is_absurd_is_refused_in_a_short_sentence(text, words, tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        config_from_toml(path, PRESETS["default"])
    said = str(caught.value)
    assert [word for word in words if word not in said] == []
    assert len(said) < 400
    assert "\n" not in said


# -- presets --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "groups"),
    [("paper-histology", (10, 100, 10)), ("paper-dermoscopy", (10, 150, 20))],
)
def test_the_papers_presets_are_the_papers(name, groups):
    config = preset(name)
    w = config.objective.weights
    preserve, sparse, robust = groups
    assert {w.activation, w.kl, w.cross_entropy} == {preserve}
    assert {w.area, w.binarization, w.total_variation} == {sparse}
    assert w.robustness == robust
    assert w.failure == 0  # ours, not the paper's
    s = config.search
    assert s.widths == (32, 64, 128, 256, 512)
    assert (s.steps, s.masks, s.grid) == (300, 1, 0)
    assert s.form == "sigmoid"
    assert s.transposed
    assert (s.jitter, s.straight_from) == (0, 1.0)
    assert config.refinement.cut == "threshold"
    assert config.verification.baselines == ("grey", "gaussian")


def test_the_presets_are_judged_alike():
    assert len({config.verification for config in PRESETS.values()}) == 1


def test_an_unknown_preset_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="'paper-histolgy'; did you mean 'paper-histology'"):
        preset("paper-histolgy")
    with pytest.raises(ConfigError, match="known are default, paper-histology"):
        preset("zzz")


def test_an_earlier_name_of_a_setting_still_works_and_is_noted(tmp_path, caplog):
    path = tmp_path / "old.toml"
    path.write_text(
        '[verification]\nbackgrounds = ["black"]\nconfidence = 0.9\n[certification]\ncell = 8\n'
    )
    config = config_from_toml(path, Config())
    assert config.verification.baselines == ("black",)
    assert config.verification.confidence == 0.9
    assert config.certification.patch == 8
    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "verification.backgrounds is now verification.baselines",
        "certification.cell is now certification.patch",
    ]


def test_every_earlier_name_means_a_setting_of_today():
    for section, names in RENAMED.items():
        settings = getattr(Config(), section)
        assert all(hasattr(settings, new) for new in names.values())
        assert not any(hasattr(settings, old) for old in names)
