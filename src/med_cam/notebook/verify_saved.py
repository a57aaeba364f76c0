"""`med_cam.verify_saved`: the claims of a saved result tested again, with a classifier of Python.

The command `med-cam verify` loads the classifier from its files. A module in memory has none: it
is given again, and has to have the state that it had.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from med_cam.case.fills import Fill, Paint, of_function, refuse_other_fills
from med_cam.case.references import References
from med_cam.classifiers.ordinary_torch import ordinary_torch
from med_cam.config.given import refuse_other
from med_cam.errors import ImageError, OutputError
from med_cam.images.file import sha256_of
from med_cam.notebook.explain import Model, classifier_of
from med_cam.recheck.cause import likely_cause
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.recheck.references import same_references
from med_cam.recheck.words import Rechecked
from med_cam.report.found_results import found_results
from med_cam.report.manifest import checked_id
from med_cam.report.saved import read_saved


@ordinary_torch()
def verify_saved(
    folder: str | Path,
    model: Model,
    *,
    labels: Sequence[str] | None = None,
    references: References | None = None,
    fills: Mapping[str, Fill | Paint] | None = None,
    image: str | Path | None = None,
) -> Rechecked:
    """Test every claim of a saved result again, from its files and the classifier.

    The same samples are drawn again, and every figure has to come out as it was saved. The
    classifier has to be the one that was explained, by everything that decides its answers; of a
    module in memory these are what `from_module` was told and the SHA-256 of its parameters and
    buffers.

    Args:
        folder: of one result, from `Explanation.save` or `med-cam explain`.
        model: the classifier, as `explain` takes it.
        labels: names of the outputs of a module.
        references: the reference images of the explanation, if it had any.
        fills: its fills of your own, by name. What a function does is not saved: another one is
            noticed by what comes out.
        image: the file that was explained, for a result that was saved without it.

    Returns:
        What came out: at the prompt the lines of `med-cam verify`; `.holds` says whether every
        claim holds and every figure is as it was saved.

    Raises:
        ClassifierError: if it is another classifier.
        ConfigError: if the saved settings are invalid.
        ImageError: if the image cannot be read.
        OutputError: if the folder holds no result or several, its files are not those that were
            written, or reference images or fills are not those of the explanation.
    """
    refuse_other("folder", folder, (str, Path), "the path of a folder", OutputError)
    refuse_other("references", references, (References, type(None)), "from prepare_references")
    refuse_other("image", image, (str, Path, type(None)), "the path of a file", ImageError)
    refuse_other_fills(fills)
    place = the_result_in(Path(folder))
    classifier = classifier_of(model, labels)
    result_id = checked_id(place)
    images = {} if image is None else {sha256_of(Path(image)): Path(image)}
    saved = read_saved(place, classifier.channels, images)
    others = same_references(saved, references, "as references=")
    own = {n: f if isinstance(f, Fill) else of_function(n, f) for n, f in (fills or {}).items()}
    found = rechecked(classifier, saved, others, Options(), own)
    return Rechecked(saved, found, likely_cause(saved, found, classifier), result_id)


def the_result_in(folder: Path) -> Path:
    """The folder of the one result that lies there.

    Raises:
        OutputError: there is none, or more than one.
    """
    first, *others = found_results([folder])
    if others:
        raise OutputError(
            f"{folder} holds {len(others) + 1} results; give the folder of one, as {first}"
        )
    return first
