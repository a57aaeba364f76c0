"""What a forger does who knows of manifests."""

from med_cam.report.manifest import hashes_of, listed, write_run_manifest


def rewrite_manifests(folder):
    """Those of a result and of its run, as if its files had been written as they are now."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    files.pop("manifest.sha256", None)
    (folder / "manifest.sha256").write_bytes(listed(hashes_of(files)))
    write_run_manifest(folder.parent)
