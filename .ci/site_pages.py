"""The pages of the site that are not in docs/: README as its first page, and other documents.

In the repository documents link to each other by file; these links become the site's here.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {  # file in the repository: place in the site
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "src/med_cam/bundled/brain-mri/README.md": "bundled-classifier.md",
    "LICENSE": "license.txt",
    "NOTICE": "notice.txt",
    "CITATION.cff": "citation.cff.txt",
}
LINK = re.compile(r"\]\(([\w./-]+)(#[\w-]+)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents that lie elsewhere."""
    for name, place in PAGES.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of the repository into those of the site."""
    place = page.file.src_uri
    file = next((name for name, there in PAGES.items() if there == place), f"docs/{place}")
    return LINK.sub(lambda link: f"]({in_site(link[1], file, place)}{link[2] or ''})", markdown)


def in_site(link: str, file: str, place: str) -> str:
    """Where a link from this file leads from its place in the site.

    A link to a file that is not in the site stays as it is, and `--strict` refuses it.
    """
    target = posixpath.normpath(posixpath.join(posixpath.dirname(file), link))
    found = PAGES.get(target, target.removeprefix("docs/"))
    if found == target:
        return link
    return posixpath.relpath(found, posixpath.dirname(place) or ".")
