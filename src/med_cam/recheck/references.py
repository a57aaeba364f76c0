"""Whether the reference images are those that a result was made with."""

from med_cam.case.references import References
from med_cam.errors import OutputError
from med_cam.report.saved import Saved


def same_references(saved: Saved, given: References | None, how: str) -> References | None:
    """The reference images given, if they are those of the explanation; None if it had none.

    Args:
        saved: the result.
        given: reference images, prepared as they were then.
        how: how they are given, as in "with --references".

    Raises:
        OutputError: if they are others, or missing.
    """
    digest = saved.document["sha256"]["reference_images"]
    if digest is None:
        return None
    if given is None:
        raise OutputError(
            f"{saved.folder} was explained with reference images; give the same ones {how}"
        )
    if digest != given.sha256:
        raise OutputError(
            f"{saved.folder} was explained with other reference images (SHA-256 of all "
            f"{digest[:12]}) than those given ({given.sha256[:12]}); give the same ones {how}"
        )
    return given
