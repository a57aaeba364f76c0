"""`med-cam verify`: what an auditor sees, and the exit status that a script sees."""

import hashlib
import json
import shutil
import struct
import zlib

import pytest
import torch
from safetensors.torch import save_file

from forging import rewrite_manifests
from med_cam.images.mask_file import mask_from_png, mask_png
from med_cam.recheck.recheck import rechecked


def forge(folder, change):
    """A mask changed, and its hash with it."""
    path = folder / "mask.png"
    path.write_bytes(mask_png(change(mask_from_png(path.read_bytes()))))
    document = json.loads((folder / "explanation.json").read_text())
    document["sha256"]["mask"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "explanation.json").write_text(json.dumps(document))
    rewrite_manifests(folder)


def test_results_hold_again(verify, explained, model):
    status, out, err = verify(explained, "--model", model)
    assert (status, err) == (0, [])
    names = [line.split()[0] for line in out if line.startswith("scan")]
    assert names == ["scan-0", "scan-1", "scan-2"]
    assert any("all claims hold again in 3" in line for line in out)


def test_a_changed_mask_is_reported_and_the_others_are_still_verified(verify, explained, model):
    path = explained / "scan-1" / "mask.png"
    path.write_bytes(mask_png(~mask_from_png(path.read_bytes())))
    status, out, err = verify(explained, "--model", model)
    assert status == 2
    assert len(err) == 1
    assert "scan-1" in err[0]
    assert "mask.png" in err[0]
    assert sum(line.startswith("scan") for line in out) == 2


def test_the_id_is_that_of_the_manifest(verify, explained, model):
    _, out, _ = verify(explained / "scan-1", "--model", model)
    lines = (explained / "scan-1" / "manifest.sha256").read_text().splitlines(keepends=True)
    others = "".join(line for line in lines if not line.endswith("  figure.png\n"))
    (line,) = [line for line in out if line.startswith("scan-1")]
    assert line.endswith(f"result {hashlib.sha256(others.encode()).hexdigest()[:12]}")


def test_a_picture_of_another_patient_is_refused(verify, explained, model):
    other = (explained / "scan-0" / "figure.png").read_bytes()
    (explained / "scan-1" / "figure.png").write_bytes(other + b"other")
    status, out, err = verify(explained, "--model", model)
    assert status == 2
    assert len(err) == 1
    assert "figure.png was changed after it was written" in err[0]
    assert sum(line.startswith("scan") for line in out) == 2


def test_a_result_that_was_taken_away_is_noticed(verify, explained, model):
    shutil.rmtree(explained / "scan-1")
    status, out, err = verify(explained, "--model", model)
    assert status == 2
    assert len(err) == 1
    assert "lacks scan-1/manifest.sha256" in err[0]
    assert sum(line.startswith("scan") for line in out) == 2


def test_a_result_from_before_there_were_manifests_is_said_to_have_none(verify, explained, model):
    document = json.loads((explained / "scan-1" / "explanation.json").read_text())
    del document["manifest"]
    (explained / "scan-1" / "explanation.json").write_text(json.dumps(document))
    (explained / "scan-1" / "manifest.sha256").unlink()
    (explained / "manifest.sha256").unlink()
    status, out, err = verify(explained / "scan-1", "--model", model)
    assert (status, err) == (0, [])
    assert "    no manifest: pictures are not re-checked" in out


def test_a_result_without_the_manifest_that_it_names_is_refused(verify, explained, model):
    (explained / "scan-1" / "manifest.sha256").unlink()
    status, _, err = verify(explained / "scan-1", "--model", model)
    assert status == 2
    assert "lacks manifest.sha256, which explanation.json names" in err[0]


def test_a_mask_forged_with_its_hash_is_refuted(verify, explained, model):
    forge(explained / "scan-1", lambda mask: ~mask)
    status, _, err = verify(explained, "--model", model)
    assert status == 2  # of squares, which no file divides, it is refuted: recheck/test_recheck.py
    assert any("regions.png does not divide the mask" in line for line in err)


def test_a_classifier_with_other_weights_is_refused(verify, explained, model):
    save_file({"conv.weight": torch.full((2, 3, 1, 1), 0.4)}, model / "model.safetensors")
    status, _, err = verify(explained, "--model", model)
    assert status == 2
    assert len(err) == 3
    assert all("SHA-256" in line for line in err)


def test_other_baselines_and_samples_make_a_new_certificate(verify, explained, model):
    status, out, _ = verify(
        explained / "scan-0", "--model", model, "--removal", "uniform", "--samples", 298,
        "--seed", 3,
    )  # fmt: skip
    assert status in (0, 3)
    assert any("retention rate at least" in line for line in out)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--confidence", "1.5"), "0.01 to 0.999"),
        (("--removal", "snow"), "snow"),
        (("--references", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(verify, explained, model, arguments, said):
    status, _, err = verify(explained / "scan-0", "--model", model, *arguments)
    assert status == 2
    assert said in err[0]
    assert "Traceback" not in "\n".join(err)


def test_a_folder_without_results_is_reported(verify, here, model):
    status, _, err = verify(here, "--model", model)
    assert status == 2
    assert "holds no result" in err[0]


def test_all_that_can_be_tested_is_saved_and_holds_again(run, verify, scans, model, quick):
    out = scans.parent / "r"
    status, *_ = run(
        scans / "scan-0.png", "--model", model, "--config", quick, "--out", out, "--contrast",
        "dark", "--seeds", 2, "--alternatives", 1, "--necessary-superset", "--patch", 4,
    )  # fmt: skip
    assert status == 0
    document = json.loads((out / "scan-0" / "explanation.json").read_text())
    assert document["classifier"]["contrast"] == "dark"
    assert document["labels"] == ["dark", "bright"]
    assert document["tests"]["agreement"]["seeds"] == [0, 1]
    assert document["tests"]["minimality"]["patch"] == 4
    assert (
        document["tests"]["remainder_sufficient"] is False
    )  # the corner is looked at, and nothing else
    assert {"search", "reduction", "certificate", "tests", "alternatives", "seeds"} <= {
        stage["name"] for stage in document["timeline"]
    }
    assert (out / "scan-0" / "agreement.png").is_file()
    status, lines, err = verify(out, "--model", model)
    assert (status, err) == (0, [])
    assert any("all claims hold again in 1" in line for line in lines)


def test_a_label_cannot_be_told_from_itself(run, scans, model, quick):
    status, _, err = run(
        scans / "scan-0.png", "--model", model, "--config", quick, "--contrast", "bright"
    )
    assert status == 2
    assert "bright itself" in err[0]


def test_a_forged_figure_is_named_with_both_values(verify, explained, model):
    path = explained / "scan-1" / "explanation.json"
    document = json.loads(path.read_text())
    document["probabilities"]["bright"] = 0.123
    path.write_text(json.dumps(document))
    rewrite_manifests(path.parent)
    status, out, _ = verify(explained, "--model", model)
    assert status == 3
    (line,) = [line for line in out if "probabilities.bright" in line]
    assert "NOT REPRODUCED: probabilities.bright: saved 0.123, now 0.977" in line
    assert any("with the same software" in line for line in out)


def test_a_result_without_tests_is_no_success(verify, explained, model):
    path = explained / "scan-1" / "explanation.json"
    document = json.loads(path.read_text()) | {"tests": None}
    path.write_text(json.dumps(document))
    rewrite_manifests(path.parent)
    status, out, _ = verify(explained / "scan-1", "--model", model)
    assert status == 3
    assert any("verified: saved true, now false" in line for line in out)


def test_an_error_of_the_re_check_itself_is_internal_and_does_not_stop_the_others(
    verify, explained, model, monkeypatch
):
    real = rechecked

    def unlucky(classifier, saved, *rest):
        if saved.folder.name == "scan-1":
            raise KeyError("luck\nor not")
        return real(classifier, saved, *rest)

    monkeypatch.setattr("med_cam.cli.verify.rechecked", unlucky)
    status, out, err = verify(explained, "--model", model)
    assert status == 1
    (line,) = err
    assert "scan-1" in line
    assert "internal error, KeyError" in line
    assert sum("all hold again" in line for line in out) == 2


def test_other_software_is_named_as_the_cause(verify, explained, model):
    path = explained / "scan-1" / "explanation.json"
    document = json.loads(path.read_text())
    document["versions"]["torch"] = "1.0"
    document["kl"] += 1
    path.write_text(json.dumps(document))
    rewrite_manifests(path.parent)
    status, out, _ = verify(explained / "scan-1", "--model", model)
    assert status == 3
    assert any("saved with torch 1.0, now " in line for line in out)


def test_by_rules_below_the_floor_nothing_is_called_verified(run, verify, scans, model, quick):
    quick.write_text(quick.read_text() + "share = 0.1\n")
    status, out, _ = run(scans / "scan-0.png", "--model", model, "--config", quick, "--out", "r")
    assert status == 0
    assert any("rules weak" in line for line in out)
    path = scans.parent / "r" / "scan-0" / "explanation.json"
    document = json.loads(path.read_text())
    assert document["verified"] is False
    assert "not called verified: verification.share is 0.1" in document["status"]
    assert verify(path.parent, "--model", model).status == 0
    path.write_text(json.dumps(document | {"verified": True}))
    rewrite_manifests(path.parent)
    assert verify(path.parent, "--model", model).status == 3


def test_the_map_of_several_seeds_is_looked_at(run, verify, scans, model, quick):
    run(scans / "scan-0.png", "--model", model, "--config", quick, "--out", "r", "--seeds", 2)
    folder = scans.parent / "r" / "scan-0"
    honest = (folder / "agreement.png").read_bytes()
    for other in (mask_png(~mask_from_png((folder / "mask.png").read_bytes())), wide(60_000)):
        (folder / "agreement.png").write_bytes(other)
        rewrite_manifests(folder)
        status, out, err = verify(folder, "--model", model)
        assert (status, err) == (3, [])
        assert any("tests.agreement" in line for line in out)
    (folder / "agreement.png").write_bytes(honest)
    rewrite_manifests(folder)
    assert verify(folder, "--model", model).status == 0


def wide(side):
    """A picture that says it has so many pixels each way, and has none."""
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + head
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", len(head))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
    )


@pytest.mark.parametrize("name", ["restricted.png", "alternative-1.png", "necessary-superset.png"])
def test_a_mask_of_which_nothing_is_said_is_noticed(verify, explained, model, name):
    folder = explained / "scan-1"
    shutil.copy(folder / "mask.png", folder / name)
    rewrite_manifests(folder)
    status, out, _ = verify(folder, "--model", model)
    assert status == 3
    assert any(f"now 'the file {name}'" in line for line in out)
