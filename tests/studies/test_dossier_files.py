"""What a dossier takes besides the results: statements, audit, re-check, seeds."""

import json
import re

import pytest
from by_hand import counted, facts, made, one, tables
from made_up import generator

from med_cam.errors import ConfigError, OutputError
from med_cam_studies.dossier.intended_use import (
    KEYS,
    IntendedUse,
    intended_use,
    read_intended_use,
)
from med_cam_studies.dossier.missingness import missingness
from med_cam_studies.dossier.rechecked import outcomes, rechecked
from med_cam_studies.dossier.repeated import repeated
from med_cam_studies.report.explained import Seeds


def test_every_key_of_the_intended_use_is_read_and_the_rest_is_not_stated(tmp_path):
    path = tmp_path / "use.toml"
    path.write_text("\n".join(f'{key} = "of {key}"' for key in KEYS))
    section = intended_use(read_intended_use(path), path.name)
    assert (section.missing, len(facts(section))) == ((), len(KEYS))
    path.write_text('purpose = "to\\n  sort"')
    section = intended_use(read_intended_use(path), path.name)
    assert facts(section)["Purpose"] == "to sort"
    assert [*facts(section).values()].count("not stated") == len(KEYS) - 1
    assert "purpose" not in section.missing[0]
    assert intended_use(IntendedUse(), "").missing[0].count(",") == len(KEYS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('porpose = "x"', "unknown key 'porpose'; did you mean 'purpose'"),
        ("purpose = 3", "purpose is a text in quotes, got 3"),
        ("[purpose]\nx = 1", "purpose is a text in quotes, got a table"),
        ("purpose =", "is not valid TOML"),
    ],
)
def test_what_is_no_intended_use_is_refused(tmp_path, text, said):
    (tmp_path / "use.toml").write_text(text)
    with pytest.raises(ConfigError, match=re.escape(said)):
        read_intended_use(tmp_path / "use.toml")


def audit(**changed):
    identity = {k: v for k, v in made().classifier.items() if k not in ("name", "contrast")}
    found = {"predicted": "a", "mean": {"a": 0.91}, "confident": 5, "inputs": 6}
    return {
        "identity": identity, "images": [{}] * 3, "reference_images": 8, "samples": 2,
        "classifier": {"sha256": "b" * 64},
        "verdict": {"sentences": ["Blank is <a>."]}, "baselines": {"grey": found}, "choice": None,
    } | changed  # fmt: skip


def test_an_audit_is_taken_of_this_classifier_only(tmp_path):
    path = tmp_path / "audit.json"
    path.write_text(json.dumps(audit()))
    section = missingness(path, made())
    assert tables(section)["Predictions on baselines alone"]["grey"] == ("a", "0.91", "5 of 6")
    assert section.missing == ()
    assert missingness(None, made()).missing[0].startswith("The missingness audit was not done")
    with pytest.raises(OutputError, match="another classifier than the results are of"):
        missingness(path, made(weights={"model.safetensors": "c" * 64}))
    path.write_text(json.dumps(audit(identity=None, classifier={"sha256": "c" * 64})))
    with pytest.raises(OutputError, match=r"another classifier .* \(other weights\)"):
        missingness(path, made())


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"identity": {}}', "[" * 99999])
def test_what_is_no_audit_is_refused(tmp_path, text):
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(OutputError, match=r"is no audit\.json"):
        missingness(tmp_path / "audit.json", made())


def output(*lines, weights="b" * 64):
    return "\n".join([f"Classifier: net, SHA-256 {weights}.", *lines])


def test_a_recheck_counts_for_the_results_that_it_names(tmp_path):
    every = [one(n, "a", result=f"{n:012x}" + "0" * 52) for n in range(4)]
    text = output(
        f"0  3 claims re-checked, all hold again; result {0:012x}",
        f"1  NOT REPRODUCED: 1 of 3 claims, 0 saved values; result {1:012x}",
        f"2  3 claims re-checked, all hold again; result {2:012x}",
        f"2  NOT REPRODUCED: 1 of 3 claims, 0 saved values; result {2:012x}",
        f"9  3 claims re-checked, all hold again; result {9:012x}",
    )
    assert outcomes(text).failed == {f"{1:012x}", f"{2:012x}"}
    path = tmp_path / "verify.txt"
    path.write_text(text)
    section = rechecked(every, path, made())
    found = facts(section)
    assert counted(found["All claims hold again"]) == (1, 4)
    assert found["A claim was not reproduced"] == "2 of 4"
    assert found["Not in this output"] == "1 of 4"
    assert section.missing == (
        "2 of 4 results were not reproduced.",
        "1 of 4 results were not re-checked.",
    )
    assert "No re-check" in rechecked(every, None, made()).missing[0]


def test_a_recheck_of_another_classifier_or_another_text_is_refused(tmp_path):
    path = tmp_path / "verify.txt"
    path.write_text(output(weights="c" * 64))
    with pytest.raises(OutputError, match="the re-check of another classifier"):
        rechecked([one(0, "a")], path, made())
    path.write_text("hello")
    with pytest.raises(OutputError, match="is not what med-cam verify prints"):
        rechecked([one(0, "a")], path, made())
    with pytest.raises(OutputError, match="cannot be read"):
        rechecked([one(0, "a")], tmp_path / "none", made())


def test_seeds_are_averaged_over_the_results_that_have_them():
    every = [
        one(0, "a", seeds=Seeds(3, 2, 0.6, 0.1)), one(1, "a", seeds=Seeds(3, 3, 0.4, 0.2)),
        one(2, "a"),
    ]  # fmt: skip
    found = facts(repeated(every, generator=generator()))
    assert found["Results with several seeds"] == "2 of 3"
    assert found["Mean IoU of masks of one image"].startswith("0.50 (")
    assert found["The same of random masks"] == "0.15"
    assert counted(found["Masks that are sufficient"]) == (5, 6)
    assert "--seeds 3" in repeated([one(0, "a")], generator=generator()).missing[0]
