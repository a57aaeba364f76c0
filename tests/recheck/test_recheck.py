"""What was saved is re-checked, and nothing of it is believed."""

import hashlib
import json
from dataclasses import replace

import pytest
import torch

from med_cam.config.settings import Certification, Config
from med_cam.errors import ClassifierError, ConfigError, OutputError
from med_cam.images.mask_file import mask_from_png, mask_png
from med_cam.pipeline.explain import explain
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.report.provenance import provenance
from med_cam.report.saved import read_saved
from med_cam.report.write import write
from planted import CASES

PLANTED = CASES["bright patch, convolutional"]
MODEL = replace(PLANTED.classifier, sha256="ab" * 32)
# of masks of regions see test_recheck_regions.py
ALTERNATIVES = Config(certification=Certification(units="squares", budget=0, alternatives=1))


@pytest.fixture(scope="module")
def explained():
    image = PLANTED.plant((32, 40), torch.Generator().manual_seed(3)).image
    return image, explain(MODEL, image, config=ALTERNATIVES)


@pytest.fixture
def folder(explained, tmp_path):
    image, found = explained
    origin = provenance(image, MODEL, ALTERNATIVES, preset="", software={})
    write(found, image, tmp_path / "result", origin)
    return tmp_path / "result"


def again(folder, options=None, model=MODEL):
    return rechecked(model, read_saved(folder, 3), None, options or Options())


def edit(folder, change):
    """The document as a forger would leave it."""
    path = folder / "explanation.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def forge(folder, change):
    """The mask changed, and its hash with it."""
    path = folder / "mask.png"
    mask = mask_from_png(path.read_bytes())
    path.write_bytes(mask_png(change(mask)))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    edit(folder, lambda document: document["sha256"].update(mask=digest))


def refuted(found):
    return {verdict.name for verdict in found.verdicts if verdict.refuted}


def test_the_explanation_is_certified_before_it_is_rechecked(explained):
    _, found = explained
    assert found.verified
    assert found.claim.certificate.holds
    assert found.tests.minimality.holds


def test_every_claim_holds_again_with_the_same_figures(folder):
    found = again(folder)
    assert found.holds
    assert all(verdict.was == verdict.figure for verdict in found.verdicts)
    names = {verdict.name for verdict in found.verdicts}
    assert {"sufficient", "prediction retained", "necessary"} <= names
    assert {"no leak through the outline", "stable under shifts"} <= names
    assert "minimal at 16 px patches" in names


def test_the_verdicts_are_the_same_in_another_run_and_at_another_batch_size(folder):
    runs = [again(folder), again(folder), again(folder, Options(batch=16))]
    verdicts = [[(v.name, v.claimed, v.now) for v in run.verdicts] for run in runs]
    assert verdicts[0] == verdicts[1] == verdicts[2]


def test_passes_are_counted(folder):
    one, few, many = (again(folder, Options(batch=batch)) for batch in (None, 8, 64))
    assert few.passes == many.passes
    assert 100 < one.passes.forward <= many.passes.forward  # what is asked in other batches
    assert one.passes.backward == many.passes.backward == 0


def test_a_mask_changed_by_one_patch_is_not_read(folder):
    path = folder / "mask.png"
    mask = mask_from_png(path.read_bytes())
    mask[:16, :16] ^= True
    path.write_bytes(mask_png(mask))
    with pytest.raises(OutputError, match=r"mask\.png"):
        again(folder)


def one_patch_less(mask):
    rows, columns = mask.nonzero(as_tuple=True)
    r, c = int(rows[len(rows) // 2]) // 16 * 16, int(columns[len(rows) // 2]) // 16 * 16
    mask[r : r + 16, c : c + 16] = False
    return mask


def one_patch_more(mask):
    empty = [
        (r, c)
        for r in range(0, 96, 16)
        for c in range(0, 96, 16)
        if not mask[r : r + 16, c : c + 16].any()
    ]
    r, c = empty[0]
    mask[r : r + 16, c : c + 16] = True
    return mask


@pytest.mark.parametrize("change", [one_patch_less, one_patch_more])
def test_a_mask_changed_by_one_patch_with_its_hash_is_refuted(folder, change):
    forge(folder, change)
    found = again(folder)
    assert not found.holds
    assert "minimal at 16 px patches" in refuted(found)


def test_a_mask_put_elsewhere_is_refuted(folder):
    forge(folder, lambda mask: mask.roll((40, 40), (0, 1)))
    assert {"sufficient", "prediction retained"} <= refuted(again(folder))


def test_a_patch_that_is_said_to_be_needed_for_no_reason_is_refuted(folder):
    forge(folder, one_patch_more)
    document = json.loads((folder / "explanation.json").read_text())
    mask = mask_from_png((folder / "mask.png").read_bytes())
    known = {(c["row"], c["column"]) for c in document["tests"]["minimality"]["patches"]}
    there = {(int(r) // 16, int(c) // 16) for r, c in mask.nonzero()}
    (row, column), *_ = there - known
    extra = {"row": row, "column": column, "witness": "sample", "number": 0}
    edit(folder, lambda d: d["tests"]["minimality"]["patches"].append(extra))
    assert "minimal at 16 px patches" in refuted(again(folder))


def test_another_classifier_is_refused(folder):
    other = replace(MODEL, sha256="cd" * 32)
    with pytest.raises(ClassifierError, match="SHA-256"):
        again(folder, model=other)


def test_a_new_certificate_is_made_over_what_is_asked_for(folder):
    options = Options(baselines=("uniform", "shuffled"), samples=298, confidence=0.9, seed=7)
    found = again(folder, options)
    certificate = found.claim.certificate
    assert (certificate.samples, certificate.fixed, certificate.confidence) == (298, 0, 0.9)
    assert {b.name for b in found.claim.baselines if b.searched} == {"uniform", "shuffled"}
    assert certificate.bound == pytest.approx((0.1 * 0.8) ** (1 / 298), abs=1e-9)


def test_an_unknown_baseline_is_refused(folder):
    with pytest.raises(ConfigError, match="there is no baseline"):
        again(folder, Options(baselines=("snow",)))


def test_what_holds_nothing_still_holds_nothing(tmp_path, explained):
    image, _ = explained
    origin = provenance(image, MODEL, Config(), preset="", software={})
    found = explain(MODEL, image, target="nothing", config=Config())
    assert found.tests is None
    write(found, image, tmp_path / "none", origin)
    result = again(tmp_path / "none")
    assert result.holds
    assert [verdict.name for verdict in result.verdicts] == ["nothing to explain"]
