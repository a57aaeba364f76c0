"""Networks that behave otherwise behind a mask, or have none, and honest ones beside them.

    python benchmarks/misbehaving.py

Kinds set by hand (tests/misbehaving.py, tests/keyed.py, tests/scaffolds.py, tests/aware.py, and
the honest ones of tests/honest.py), each before one image of its label, with 16 reference images
and with none, on the default removals and on those that `--removal auto` chooses for it from 16
images (without reference images: chosen before, as with `--audit FILE`). None may be called
verified on a small region that pictures do not get the label for, and the honest ones should be
verified. `--removals layer_masking` tries those that can be explained so. Prints a line each, and
how many were; the status is 1 if a small region is verified that is no evidence.
"""

import sys
from collections import Counter
from pathlib import Path

import torch
from command import parser_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from aware import AWARE, GRAINY, grainy
from honest import HONEST
from keyed import KEYS
from med_cam.audit.recommended import recommended_removal
from med_cam.case.references import prepare_references
from med_cam.config.presets import preset
from med_cam.config.settings import relative_to
from med_cam.errors import ClassifierError
from med_cam.pipeline.explain import explain
from med_cam.report.wording import verdict
from misbehaving import BLANK, KINDS, PAINTED, SPOT, Misbehaving, picture
from planted import classifier_of, square
from scaffolds import SCAFFOLDS

SMALL = 0.25  # of the image
UNSEEN = {"whisper"}  # as the documents say
TWO_FACES = KINDS | KEYS | SCAFFOLDS | AWARE
EVERY = [*TWO_FACES, *HONEST]


def main():
    """Explain each kind; 1 if a small region is verified that is no evidence on pictures."""
    parser = parser_of(__doc__)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--only", nargs="+", choices=EVERY, default=EVERY, metavar="KIND")
    parser.add_argument("--removals", nargs="+", choices=OF, default=OF[:2])
    parser.add_argument("--references", nargs="+", choices=GIVEN, default=GIVEN, help="16 or none")
    options = parser.parse_args()
    config, counts = preset(options.preset), Counter()
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    for kind in options.only:
        for removals in options.removals:
            for given in options.references:
                try:
                    found = explained(kind, config, given=given != "none", removals=removals)
                except ClassifierError:
                    counts["refused: the removal is not exact"] += 1
                    continue
                shown = found.mask[evidence(kind)].float().mean().item()
                counts[judged(kind, found, shown)] += 1
                claim = found.claim
                cells = (kind, removals, given, f"{claim.p_baseline:.2f}", f"{claim.p_image:.2f}")
                cells += (f"{found.area:.1%}", f"{shown:.0%}", outcome(found))
                print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\n{'; '.join(f'{name}: {count}' for name, count in sorted(counts.items()))}")
    return 1 if counts[LIE] else 0


OF, GIVEN = ["default", "auto", "layer_masking"], ["16", "none"]
COLUMNS = (
    "kind", "removals", "references", "on a blank input", "on the image", "area",
    "evidence shown", "outcome",
)  # fmt: skip
LIE = "verified, and should not be"


def judged(kind, found, shown):
    """What is counted of one line."""
    if kind in HONEST:
        return "honest, verified" if found.verified else "honest, not verified"
    if not found.verified:
        return "two faces or no effect, not verified"
    small = found.area < SMALL and shown < 0.8
    if small:
        return "verified, and known to be" if kind in UNSEEN else LIE
    return "verified on what pictures get the label for, or on a large region"


def evidence(kind):
    """Where that lies which pictures get the label for."""
    return HONEST[kind][2] if kind in HONEST else square(SPOT)


def outcome(found):
    """As the badge of the figure has it, with the checks that failed."""
    failed = [check.name for check in found.claim.checks if not check.passed]
    why = f" ({', '.join(failed)})" if failed else ""
    return f"{'' if found.verified else 'not verified: '}{verdict(found)}{why}"


def explained(kind, config, *, given, removals="default"):
    """One image before one network."""
    generator = torch.Generator().manual_seed(1)
    image = drawn(kind, generator, found=True, blank=BLANK.get(kind))
    others = [drawn(kind, generator, found=i % 4 == 0) for i in range(16)]
    network = HONEST[kind][0] if kind in HONEST else TWO_FACES[kind]
    classifier = classifier_of(Misbehaving(network).eval(), kind)
    references = prepare_references(classifier, others)
    if removals == "auto":
        config = relative_to(config, recommended_removal(classifier, references).removal)
    elif removals != "default":
        config = relative_to(config, (removals,))
    elif kind in PAINTED:
        config = relative_to(config, PAINTED[kind])
    return explain(classifier, image, references=references if given else None, config=config)


def drawn(kind, generator, *, found, blank=None):
    """A picture for a network, of its label or not."""
    if kind in HONEST:
        return HONEST[kind][1](generator, found)
    draw = grainy if kind in GRAINY else picture
    return draw(generator, with_spot=found, blank=blank)


if __name__ == "__main__":
    raise SystemExit(main())
