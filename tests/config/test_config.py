"""Settings: what a file may say, what is refused and in which words, and what the presets are."""

import math
import tomllib
from dataclasses import asdict, fields, replace

import pytest
from hypothesis import given, settings, strategies as st

from med_cam.config.presets import PRESETS, preset
from med_cam.config.rules import ranges
from med_cam.config.settings import (
    Certification,
    Config,
    Objective,
    Refinement,
    Search,
    Verification,
    Weights,
)
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


def test_every_number_has_two_ends():
    """A walk over every field: no setting accepts a number of 10**30, or a list of 10**5."""
    sections = (Weights, Objective, Search, Refinement, Verification, Certification, Config)
    for section in sections:
        for key, allowed in ranges(section):
            value = getattr(section(), key)
            absurd = [10**30, -(10**30), 1e30, math.nan, math.inf, -math.inf, (), None]
            if isinstance(value, tuple) and value:
                absurd = [(value[0],) * 10**5, value[0], None, *((v,) for v in absurd[:6])]
            fitting = [v for v in absurd if allowed.fits(v)]
            assert fitting in ([], [()]), key


# -- ranges ---------------------------------------------------------------------------------------

BAD = [
    (Weights, "area", 1.1e6),
    (Objective, "layer_weights", (1.0,) * 1001),
    (Search, "steps", 10_001),
    (Search, "learning_rate", 1e300),
    (Search, "learning_rate", 1e-300),
    (Search, "widths", (8,) * 9),
    (Search, "widths", (520,)),
    (Search, "grid", 129),
    (Search, "masks", 33),
    (Search, "smallest", 1e-300),
    (Search, "temperature", 1e-300),
    (Search, "temperature", 101.0),
    (Search, "jitter", 65),
    (Search, "places", 17),
    (Search, "radii", (0.5,) * 5),
    (Search, "radii", (2.1,)),
    (Search, "look_weight", 1001.0),
    (Search, "maps", 101),
    (Refinement, "samples", 1001),
    (Refinement, "leakage_trials", 1001),
    (Refinement, "shifts", (65,)),
    (Refinement, "shifts", (1,) * 17),
    (Refinement, "rounds", 33),
    (Refinement, "growth", 11.0),
    (Verification, "baselines", ("grey", "grey")),
    (Verification, "samples", 1001),
    (Verification, "unseen_samples", 1001),
    (Verification, "leakage_trials", 1001),
    (Verification, "certified", 0.9999),
    (Verification, "certified", 0.0),
    (Verification, "confidence", 0.9999999),
    (Verification, "confidence", math.nan),
    (Certification, "rounds", 33),
    (Certification, "grown", 33),
    (Certification, "patch", 1),
    (Certification, "patch", 1025),
    (Certification, "most_patches", 2**14 + 1),
    (Certification, "reduction_samples", 1001),
    (Certification, "pool", 1001),
    (Certification, "deletion_samples", 1001),
    (Certification, "reinsertion_trials", 1001),
    (Certification, "reinsertion_patch", 0),
    (Certification, "alternatives", 51),
    (Certification, "seeds", 51),
    (Objective, "distance", "euclid"),
    (Objective, "layer_weights", (1.0, math.inf)),
    (Search, "form", "hard"),
    (Search, "steps", -1),
    (Search, "learning_rate", 0.0),
    (Search, "learning_rate", math.inf),
    (Search, "widths", (16, 0)),
    (Search, "widths", (12,)),  # eight groups do not share twelve channels
    (Search, "grid", 3),
    (Search, "grid", -4),
    (Search, "masks", 0),
    (Search, "smallest", 0.0),
    (Search, "largest", 1.0),
    (Search, "smallest", 0.3),
    (Search, "smallest", 0.5),
    (Search, "temperature", 0.0),
    (Search, "temperature", math.nan),
    (Search, "straight_from", 1.01),
    (Search, "jitter", -1),
    (Search, "places", -1),
    (Search, "radii", ()),
    (Search, "radii", (0.5, 0.0)),
    (Search, "maps", 0),
    (Search, "look_weight", -0.5),
    (Refinement, "cut", "best"),
    (Refinement, "share", 1.5),
    (Refinement, "samples", 0),
    (Refinement, "leakage_trials", 0),
    (Refinement, "shifts", ()),
    (Refinement, "smallest", 1.0),
    (Refinement, "rounds", 0),
    (Refinement, "growth", 1.0),
    (Refinement, "attempts", -1),
    (Refinement, "attempts", 60),  # claims would use the samples of the next seed
    (Refinement, "large", 0.0),
    (Verification, "baselines", ()),
    (Verification, "baselines", ("grey", "")),
    (Verification, "samples", 0),
    (Verification, "unseen_samples", 0),
    (Verification, "share", -0.1),
    (Verification, "leakage_margin", 1.1),
    (Verification, "shifts", (0,)),
    (Verification, "stability_rate", math.nan),
    (Config, "seed", -1),
    (Config, "seed", 2**32),
]


@pytest.mark.parametrize(("section", "field", "value"), BAD)
def test_a_value_out_of_range_is_refused_and_named(section, field, value):
    word = "twice" if value == ("grey", "grey") else field
    with pytest.raises(ConfigError, match=rf"\b{word}\b") as caught:
        section(**{field: value})
    shown = repr(list(value) if isinstance(value, tuple) else value)
    assert (shown if len(shown) < 40 else shown[:30]) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", [f.name for f in fields(Weights)])
@given(st.one_of(st.floats(max_value=-1e-300), st.sampled_from([math.nan, math.inf])))
@settings(max_examples=10, deadline=None)
def test_no_term_has_a_weight_below_zero_or_none_at_all(field, value):
    with pytest.raises(ConfigError, match=field):
        Weights(**{field: value})


@given(st.floats(), st.floats())
@settings(max_examples=200, deadline=None)
def test_areas_are_accepted_exactly_where_they_are_in_order(smallest, largest):
    if 0.0001 <= smallest < largest <= 0.9999:
        Search(smallest=smallest, largest=largest)
    else:
        with pytest.raises(ConfigError, match=r"search\.(smallest|largest)"):
            Search(smallest=smallest, largest=largest)


def test_a_claim_has_at_least_twenty_leakage_trials_and_a_candidate_may_have_fewer():
    Config(refinement=Refinement(leakage_trials=1))
    Config(verification=Verification(leakage_trials=20))
    with pytest.raises(ConfigError, match=r"verification\.leakage_trials .* 20 to 1000, got 19"):
        Config(verification=Verification(leakage_trials=19))


def test_a_grid_that_is_halved_to_nothing_is_refused():
    Search(grid=4, widths=(8, 8, 8))
    Search(grid=4, widths=())  # free scores have no levels
    Search(grid=0, widths=(8,) * 8)  # as large as the image, which is not known here
    with pytest.raises(ConfigError, match=r"search\.widths has 4 levels"):
        Search(grid=4, widths=(8, 8, 8, 8))


def test_the_ends_of_ranges_are_allowed():
    Weights(activation=0.0, area=1e6)
    Search(steps=0, grid=4, masks=1, straight_from=0.0, jitter=0, places=0, look_weight=0.0)
    Search(straight_from=1.0, widths=(1, 7, 8), radii=(2.0,))
    Refinement(share=0.0, attempts=0, growth=1.01, large=1.0)
    Verification(share=1.0, leakage_margin=0.0, stability_rate=1.0, unseen=())
    Config(seed=2**32 - 1)


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
