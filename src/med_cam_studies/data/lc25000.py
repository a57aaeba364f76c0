"""LC25000, lung and colon histology (Borkowski et al. 2019, arXiv 1912.12142).

Its 25,000 files are 1,250 source tiles, each turned and flipped about 20 times, so that a random
split leaks nearly every tile. Which file is of which tile was worked out by Batchkala et al. 2024
(doi:10.1007/978-3-031-73748-0_2); without a table of that the set cannot be split.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from med_cam.errors import DataError
from med_cam_studies.data.collection import Collection, Item, found_below, images_in, located
from med_cam_studies.data.provider_table import table_rows

CLASSES = ("lung_n", "lung_aca", "lung_scc", "colon_n", "colon_aca")
RELEASED = {"": (5000,) * 5}
FOLDERS = ("lung_image_sets", "colon_image_sets")
GROUPS = "SOURCE-TILE-GROUPS.csv"
TILE = "source tile"


def lc25000(root: Path) -> Collection:
    """Every image with its source tile.

    Args:
        root: a folder that holds `lung_image_sets/` and `colon_image_sets/`, at most three
            folders down, and `SOURCE-TILE-GROUPS.csv` (columns path, class, source_tile).

    Raises:
        DataError: if a class folder is missing or empty, or a file's source tile is not known.
    """
    top = located(root, FOLDERS)
    tiles = source_tiles(root)
    found = tuple(items(top, tiles))
    there = {key(item.path) for item in found}
    missing = tuple(name for name in tiles if name not in there)
    return Collection(CLASSES, found, missing, RELEASED, grouped_by=TILE)


def items(top: Path, tiles: Mapping[str, str]) -> Iterator[Item]:
    """Every image, class by class.

    Raises:
        DataError: if a file's source tile is not known.
    """
    for label, name in enumerate(CLASSES):
        folder = top / FOLDERS[name.startswith("colon")] / name
        for path in images_in(folder, (".jpeg", ".jpg")):
            if not tiles.get(key(path)):
                raise DataError(
                    f"{GROUPS} does not say which source tile {key(path)} is of; without it the "
                    "set cannot be split."
                )
            yield Item(path, label, f"{name}/{path.name}", group=tiles[key(path)])


def source_tiles(root: Path) -> Mapping[str, str]:
    """Source tile of each file, by class folder and name.

    Raises:
        DataError: if there is no table.
    """
    found = found_below(root, GROUPS)
    if not found:
        raise DataError(
            f"no {GROUPS} below {root}; its files are turned copies of 1,250 source tiles, and "
            "without a table path,class,source_tile every split leaks (groups: "
            "doi:10.1007/978-3-031-73748-0_2)."
        )
    rows = table_rows(found[0], ("path", "source_tile"))
    return {key(Path(row["path"])): row["source_tile"] for row in rows}


def key(path: Path) -> str:
    """Class folder and file name, which name a file wherever the set lies."""
    return f"{path.parent.name}/{path.name}"
