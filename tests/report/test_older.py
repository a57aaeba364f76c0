"""A document of version 1.1 says the same in the names of 2.0."""

import json
from pathlib import Path

import pytest

from med_cam.errors import OutputError
from med_cam.report.older import CHANGED, RENAMED, upgraded
from med_cam.report.read import read_explanation

SAVED = Path(__file__).parents[1] / "recheck" / "saved-1.1"
RESULTS = sorted(path.name for path in SAVED.iterdir() if path.is_dir())

# The longest ending of an old path that is listed says what its last name has become.
ENDINGS = """
fallback -> restricted_claim
proof -> tests
stages -> timeline
taps -> hooked_layers
classifier.against -> contrast
sha256.references -> reference_images
claim.backgrounds -> baselines
claim.full -> p_image
claim.empty -> p_baseline
claim.required -> threshold
claim.references -> reference_images
claim.least_gap -> minimum_effect
backgrounds.[].draws -> samples
backgrounds.[].kept -> retained
backgrounds.[].kept_top1 -> retained_top1
backgrounds.[].alone_label -> baseline_label
backgrounds.[].alone_probability -> baseline_probability
backgrounds.[].alone_kept -> baseline_retained
certificate.draws -> samples
certificate.kept -> retained
certificate.fixed_kept -> fixed_retained
certificate.worst_kept -> worst_retained
proof.hidden -> reinsertion
proof.hidden_wanted -> reinsertion_wanted
proof.shape -> shape_leakage
proof.enlarged -> necessary_superset
proof.exhausted -> remainder_sufficient
minimality.cell -> patch
minimality.cells -> patches
minimality.draws -> samples
minimality.spare -> tolerance
cells.[].lost_by -> witness
necessity.draws -> samples
necessity.full -> p_image
verification.backgrounds -> baselines
verification.draws -> samples
verification.unseen_draws -> unseen_samples
verification.least_gap -> minimum_effect
verification.shape_trials -> leakage_trials
verification.shape_margin -> leakage_margin
verification.stable_rate -> stability_rate
refinement.draws -> samples
refinement.shape_trials -> leakage_trials
certification.cell -> patch
certification.most_cells -> most_patches
certification.cell_draws -> reduction_samples
certification.without -> deletion_samples
certification.hidden -> reinsertion_trials
certification.hidden_wanted -> reinsertion_wanted
certification.hidden_cell -> reinsertion_patch
certification.enlarge -> necessary_superset
"""
NAMES = dict(line.split(" -> ") for line in ENDINGS.split("\n") if line)
NEW = (  # fields of `classifier` that 1.1 did not have: null
    *("architecture", "arguments", "labels", "channels", "mean", "std", "value_range"),
    *("interpolation", "crop_share", "head", "thresholds", "hooked_layers", "weights"),
    *("source_files", "state", "outputs", "antialias", "channel_order", "standardise"),
)
WORDS = {"kept": "sufficiency", "shape": "shape_leakage", "stable": "shift_stability"}


def leaves(value, path=()):
    """Every value that holds no other, by its path."""
    if not isinstance(value, dict | list) or not value:
        yield path, value
        return
    for name, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(child, (*path, name))


def new_name(path):
    """What the last name of an old path is called."""
    words = ["[]" if isinstance(step, int) else step for step in path]
    for begin in range(len(words)):
        ending = ".".join(words[begin:])
        if ending in NAMES and ("." in ending or len(path) == 1):
            return NAMES[ending]
    return path[-1]


def new_value(path, value):
    if path[-1] == "name" and "checks" in path:
        return WORDS[value]
    if path[-1] == "exhausted" and value is True:
        return False
    return "sample" if path[-1] == "lost_by" and value == "draw" else value


def old(name):
    return json.loads((SAVED / name / "explanation.json").read_text("utf-8"))


EDGES = {  # a field that only such objects have: what they have had since
    "at_least": ("edge", "spare"),
    "retained_top1": ("edge",),
    "lost": ("edge",),
    "hits": ("edge",),
    "sufficient": ("edge",),
}


def translated(document):
    """The same as `upgraded` by another way: every leaf by itself, by its whole path."""
    by_path = {
        tuple(new_name(path[: end + 1]) for end in range(len(path))): new_value(path, value)
        for path, value in leaves(document)
    }
    restricted = document["fallback"] is not None  # its samples were those of the full claim
    seed = {("restricted_claim", "seed"): document["config"]["seed"]} if restricted else {}
    unknown = {("classifier", name): None for name in NEW}
    edges = {
        (*path[:-1], name): None
        for path in by_path
        for last, names in EDGES.items()
        if path[-1] == last
        for name in names
    }
    return by_path | {("schema_version",): "2.0"} | seed | unknown | edges


@pytest.mark.parametrize("name", RESULTS)
def test_every_value_is_found_under_its_new_name_and_nothing_else_is(name):
    document = old(name)
    assert dict(leaves(upgraded(document))) == translated(document)


@pytest.mark.parametrize("name", RESULTS)
def test_the_given_document_stays_as_it_is(name):
    document = old(name)
    upgraded(document)
    assert document == old(name)


def test_the_saved_results_have_all_that_is_renamed():
    """Else the tests above would be blind to a part of the names."""
    paths = {path for name in RESULTS for path, _ in leaves(old(name))}
    words = {step for path in paths for step in path}
    assert {name for names in RENAMED.values() for name in names} <= words
    assert {place for place in RENAMED if place} <= words


def test_words_that_changed_are_in_the_saved_results():
    found = [(path[-1], value) for name in RESULTS for path, value in leaves(old(name))]
    for (_, field), values in CHANGED.items():
        assert all((field, value) in found for value in values)


def test_a_label_or_a_program_that_has_the_name_of_a_field_keeps_it():
    document = old("fragile")
    document["probabilities"] = {"claim": 0.2, "draws": 0.3, "proof": 0.5}
    document["versions"] = {"taps": "1", "full": "2"}
    document["trace"][0]["terms"] = {"kept": 1.0, "hidden": 2.0}
    document["claim"]["backgrounds"][0]["alone_label"] = "draw"
    new = upgraded(document)
    assert new["probabilities"] == document["probabilities"]
    assert new["versions"] == document["versions"]
    assert new["trace"][0] == document["trace"][0]
    assert new["claim"]["baselines"][0]["baseline_label"] == "draw"


def test_a_result_of_which_nothing_was_tested_has_no_tests():
    document = old("fragile") | {"proof": None, "fallback": None}
    new = upgraded(document)
    assert new["tests"] is None
    assert new["restricted_claim"] is None


def test_what_was_not_looked_into_stays_unknown():
    document = old("either-patch")
    document["proof"]["exhausted"] = None
    assert upgraded(document)["tests"]["remainder_sufficient"] is None


def test_a_document_that_is_no_result_is_translated_without_an_error():
    assert upgraded({"schema_version": "1.1"}) == {"schema_version": "2.0"}
    assert upgraded({"classifier": "cut"})["classifier"] == "cut"


def regions_taken_out(found):
    """Of the test of random regions the result and the setting, which no older one has."""
    return [of.pop("random_regions") for of in (found["tests"], found["config"]["certification"])]


def draws_taken_out(document):
    """Of the claim and the restricted one: which draw of samples, and which mask."""
    claims = (document["claim"], document["restricted_claim"]["claim"])
    found = [claim["certificate"] for claim in claims]
    return [(certificate.pop("draw"), certificate["tried"]) for certificate in found]


def test_what_an_older_result_lacks_may_not_be_taken_out_of_a_newer_one(tmp_path):
    """Else a forger would have nothing compared but the weights."""
    for forge in (lambda known: dict.fromkeys(known), lambda _: {}):
        document = upgraded(old("fragile"))
        known = {name: document["classifier"].pop(name) for name in NEW}
        document["classifier"] |= forge(known)
        (tmp_path / "explanation.json").write_text(json.dumps(document))
        with pytest.raises(OutputError, match="does not say which classifier"):
            read_explanation(tmp_path)
        document["classifier"] |= {"labels": ["dark", "lit"]}
        (tmp_path / "explanation.json").write_text(json.dumps(document))
        if forge(known):
            found = read_explanation(tmp_path)
            assert (found["sha256"].pop("environment"), found["image"].pop("white")) == (
                None,
                "file",
            )
            new = ("window", "frame", "dicom", "slice", "nifti")
            new += ("region", "mpp", "slide_mpp", "slide")
            assert [found["image"].pop(n) for n in new] == [None] * 9
            assert found["image"].pop("notes") == []
            patches = found["tests"]["minimality"]
            assert (patches.pop("regions"), patches.pop("sha256")) == (None, None)
            since = {"references_left_out": 0, "cut_short": False, "fills": [], "compared": []}
            added = ("manifest", "created", "command", "platform", "baseline_colours")
            added += ("removal_choice", "contrast", "beside_claim", "ladder")
            assert draws_taken_out(found) + regions_taken_out(found) == [(1, 1), (1, 1), None, 0]
            notices = found["claim"].pop("notices")
            assert [one["text"] for one in notices] == document["claim"]["warnings"]
            assert all(one["warns"] and one["kind"] == "older" for one in notices)
            for claim in (
                (found["restricted_claim"] or {}).get("claim"),
                *(one["claim"] for one in found["tests"]["alternatives"]),
            ):
                assert claim is None or len(claim.pop("notices")) == len(claim["warnings"])
            assert found == document | dict.fromkeys(added) | since
        else:
            with pytest.raises(OutputError, match=r"lacks classifier\.architecture"):
                read_explanation(tmp_path)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("24 other images", "24 reference images"),
        ("1 other images", "1 reference image"),
        ("the image's own pixels, shuffled", "the image's own pixels, shuffled"),
    ],
)
def test_the_number_of_reference_images_is_said_in_the_words_of_today(then, now):
    """It is compared with the number that is counted now, in every claim of the result."""
    document = old("either-patch")
    document["claim"]["references"] = then
    document["proof"]["alternatives"][0]["claim"]["references"] = then
    new = upgraded(document)
    assert new["claim"]["reference_images"] == now
    assert new["tests"]["alternatives"][0]["claim"]["reference_images"] == now
