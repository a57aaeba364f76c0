"""How a re-check asks the classifier: as many masked inputs per pass as said."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from med_cam.config.settings import Config
from med_cam.recheck.options import Options
from med_cam.recheck.outcome import Recheck
from med_cam.recheck.recheck import rechecked
from med_cam.report.saved import Saved
from med_cam.results.passes import Passes
from recheck.asked import IMAGE, SIDE, Halves, classifier_of, in_place, rows

# How the classifier is asked


@pytest.mark.parametrize(("batch", "passes"), [(None, [7]), (1, [1] * 7), (3, [3, 3, 1])])
def test_claims_are_asked_with_as_many_masked_inputs_per_pass_as_said(monkeypatch, batch, passes):
    module, given, refusals = Halves(), [], []
    results = {
        name: Recheck((), (), None, Passes(n, 0))
        for n, name in enumerate(("claims_rechecked", "anew", "nothing_rechecked"))
    }

    def stub(name):
        def run(case, *passed):
            given.append((name, case, passed))
            module.shown.clear()
            case.claims.hidden(torch.arange(7.0).view(7, 1, 1, 1).expand(-1, 1, SIDE, SIDE))
            return results[name]

        return run

    for name in results:
        in_place(monkeypatch, name, stub(name))
    in_place(monkeypatch, "refuse_other_classifier", lambda *asked: refusals.append(asked))
    document = {
        "config": {"seed": 9},
        "classifier": {"contrast": None},
        "label": "lower",
        "target": 1,
        "tests": {},
        "ladder": None,
        "contrast": None,
        "fills": [],
    }
    saved, options = Saved(Path(), document, IMAGE, rows(0)), Options(batch=batch)
    other, empty = replace(options, seed=3), {**document, "tests": None}
    for now, asked, name, passed in (
        (saved, options, "claims_rechecked", (saved,)),
        (saved, other, "anew", (saved, other)),
        (replace(saved, document=empty), options, "nothing_rechecked", None),
        (replace(saved, document=empty), other, "nothing_rechecked", None),
    ):
        model = classifier_of(module)
        refusals.clear()
        given.clear()
        assert rechecked(model, now, None, asked) is results[name]
        assert module.shown == passes
        ((called, case, was),) = given
        assert called == name
        assert all(a is b for a, b in zip(was, passed or (now, asked), strict=True))
        assert case.config == replace(Config(), seed=9)
        assert (case.target.index, case.target.label) == (1, "lower")
        assert torch.equal(case.source.pixels, IMAGE.pixels)
        assert case.claims.scene is case.scene
        # It is asked of the classifier that was explained.
        ((explained, of),) = refusals
        assert explained is model
        assert of is now.document
