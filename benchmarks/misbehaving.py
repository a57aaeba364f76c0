"""Networks that behave otherwise behind a mask, or have none.

    python benchmarks/misbehaving.py

Kinds set by hand (tests/misbehaving.py, tests/keyed.py, tests/scaffolds.py), each before one image
of its label, with and without reference images, on the default removals or (--auto, with
references) on those chosen for it; --only names some. None may be called verified on a small
region that pictures do not get the label for. Prints a line each; the status is 1 if one is.
"""

import sys
from pathlib import Path

import torch
from command import parser_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from keyed import KEYS
from med_cam.audit.recommended import recommended_removal
from med_cam.case.references import prepare_references
from med_cam.config.presets import preset
from med_cam.config.settings import relative_to
from med_cam.pipeline.explain import explain
from med_cam.report.wording import verdict
from misbehaving import BLANK, KINDS, PAINTED, SPOT, Misbehaving, picture
from planted import classifier_of, square
from scaffolds import SCAFFOLDS

SMALL = 0.25  # of the image
UNSEEN = {("weak edges", "16")}  # as the documents say
EVERY = KINDS | KEYS | SCAFFOLDS


def main():
    """Explain each kind; 1 if a small region is verified that is no evidence on pictures."""
    parser = parser_of(__doc__)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--auto", action="store_true", help="on the removals chosen for each")
    parser.add_argument("--only", nargs="+", choices=EVERY, default=[*EVERY], metavar="KIND")
    options = parser.parse_args()
    config, wrong = preset(options.preset), 0
    print("| kind | references | on a blank input | on the image | area | spot shown | outcome |")
    print("|---|---|---|---|---|---|---|")
    for kind in options.only:
        for given in ("16",) if options.auto else ("16", "none"):
            found = explained(kind, config, given=given != "none", auto=options.auto)
            shown = found.mask[square(SPOT)].float().mean().item()
            small = found.verified and found.area < SMALL and shown < 0.8
            wrong += small and (kind, given) not in UNSEEN
            claim = found.claim
            cells = (kind, given, f"{claim.p_baseline:.2f}", f"{claim.p_image:.2f}")
            cells += (f"{found.area:.1%}", f"{shown:.0%}", outcome(found))
            print(f"| {' | '.join(cells)} |", flush=True)
    return 1 if wrong else 0


def outcome(found):
    """As the badge of the figure has it, with the checks that failed."""
    failed = [check.name for check in found.claim.checks if not check.passed]
    why = f" ({', '.join(failed)})" if failed else ""
    return f"{'' if found.verified else 'not verified: '}{verdict(found)}{why}"


def explained(kind, config, *, given, auto=False):
    """One image before one network."""
    generator = torch.Generator().manual_seed(1)
    image = picture(generator, with_spot=True, blank=BLANK.get(kind))
    others = [picture(generator, with_spot=i % 4 == 0) for i in range(16)]
    classifier = classifier_of(Misbehaving(EVERY[kind]).eval(), kind)
    references = prepare_references(classifier, others) if given else None
    if auto:
        config = relative_to(config, recommended_removal(classifier, references).removal)
    elif kind in PAINTED:
        config = relative_to(config, PAINTED[kind])
    return explain(classifier, image, references=references, config=config)


if __name__ == "__main__":
    raise SystemExit(main())
