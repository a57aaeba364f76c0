"""Made-up copies of four data sets in their owners' layouts, with the traps that are in them."""

import shutil
from functools import cache

import numpy as np
from PIL import Image as Pillow

SIZE = (12, 16)  # h w


@cache
def noise(seed, size=SIZE):
    """Coarse coloured noise; h w 3."""
    coarse = np.random.default_rng(seed).integers(0, 256, (size[0] // 4, size[1] // 4, 3))
    return np.kron(coarse, np.ones((4, 4, 1), int)).astype(np.uint8)


def save_picture(path, seed, **options):
    """A picture of its own seed, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(noise(seed)).save(path, **options)
    return path


def save_text(path, text):
    """A table byte for byte, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


# IDRiD: grades by set and number. Numbers of one group are copies of each other.
IDRID_GRADES = {
    "Training": dict(enumerate([0, 0, 4, 2, 1, 0, 3, 3, 2, 4], start=1)) | {21: 2},
    "Testing": dict(enumerate([1, 0, 1, 4], start=1)) | {5: 3},
}
IDRID_SETS = {"Training": "a. Training Set", "Testing": "b. Testing Set"}
IDRID_MISSING = {"Training": 21, "Testing": 5}  # in the tables, not on disk
IDRID_COPIES = (  # the first is copied to the second
    (("Training", 2), ("Training", 6)),  # grade 0 both
    (("Training", 3), ("Training", 7)),  # grades 4 and 3
    (("Training", 4), ("Testing", 2)),  # grades 2 and 0
    (("Training", 5), ("Testing", 3)),  # grade 1 both
)
IDRID_HEADER = "Image name,Retinopathy grade,Risk of macular edema "
LESIONS = {
    "MA": "1. Microaneurysms",
    "HE": "2. Haemorrhages",
    "EX": "3. Hard Exudates",
    "SE": "4. Soft Exudates",
}
IDRID_EYES = {  # of part A, with their lesions
    "Training": {"01": ("MA", "HE", "EX"), "02": ("MA", "HE", "EX", "SE")},
    "Testing": {"55": ("MA", "HE", "EX", "SE")},
}


def idrid_image(root, word, number):
    """Where an image of part B lies."""
    folder = root / "B. Disease Grading" / "1. Original Images" / IDRID_SETS[word]
    return folder / f"IDRiD_{number:03}.jpg"


def tiny_idrid(root):
    """Parts A and B; the tables as the owner's, the training one with nine empty columns."""
    for word, grades in IDRID_GRADES.items():
        for number in grades:
            if number != IDRID_MISSING[word]:
                seed = number + 100 * (word == "Testing")
                save_picture(idrid_image(root, word, number), seed)
        save_text(idrid_table(root, word), idrid_lines(word, grades))
    for (word, number), (other, copy) in IDRID_COPIES:
        shutil.copy(idrid_image(root, word, number), idrid_image(root, other, copy))
    for word, eyes in IDRID_EYES.items():
        for name, lesions in eyes.items():
            tiny_eye(root / "A. Segmentation", IDRID_SETS[word], name, lesions)
    return root


def idrid_table(root, word):
    """Where a table of part B lies."""
    folder = root / "B. Disease Grading" / "2. Groundtruths"
    return folder / f"{IDRID_SETS[word][0]}. IDRiD_Disease Grading_{word} Labels.csv"


def idrid_lines(word, grades):
    """The owner's table: CRLF, a space at the end of the header, empty columns in Training."""
    empty = "," * 9 if word == "Training" else ""
    lines = [f"IDRiD_{number:03},{grade},0" for number, grade in grades.items()]
    return "".join(f"{line}{empty}\r\n" for line in (IDRID_HEADER, *lines))


def lesion_mask(letters):
    """One lesion of its own place and size for each kind; h w, bool."""
    mask = np.zeros(SIZE, dtype=bool)
    start = 2 * list(LESIONS).index(letters)
    mask[start : start + 3, start : start + 4] = True
    return mask


def tiny_eye(part, folder, name, lesions):
    """One eye of part A; its masks are palettes with the indices 0 and 1, of which 1 is red."""
    image = save_picture(part / "1. Original Images" / folder / f"IDRiD_{name}.jpg", int(name))
    for letters in lesions:
        path = part / "2. All Segmentation Groundtruths" / folder / LESIONS[letters]
        path.mkdir(parents=True, exist_ok=True)
        mask = Pillow.frombytes("P", SIZE[::-1], lesion_mask(letters).astype(np.uint8).tobytes())
        mask.putpalette([0, 0, 0, 255, 0, 0])
        mask.save(path / f"{image.stem}_{letters}.tif", compression="tiff_adobe_deflate")


# HAM10000: lesions of one or two images; the ids do not follow the lesions.
HAM_CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
HAM_LESIONS = 28
HAM_ROWS = [  # lesion, image, diagnosis
    (f"HAM_{lesion:07}", f"ISIC_{24306 + lesion + HAM_LESIONS * view:07}", HAM_CLASSES[lesion % 7])
    for view in range(2)
    for lesion in range(HAM_LESIONS)
    if lesion % 3 >= view
]
HAM_HEADER = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
HAM_MASKS = "HAM10000_segmentations_lesion_tschandl"
HAM_PARTS = ("HAM10000_images_part_1", "HAM10000_images_part_2")
MASK_MODES = ("1", "L", "P")


def ham_table(rows, separator=",", more=()):
    """The table with further columns, blank ages among them, separated as asked."""
    lines = [HAM_HEADER, *((*row, "histo", "" if i % 5 else "80.0", "unknown", "back")
                           for i, row in enumerate(rows))]  # fmt: skip
    return "".join(separator.join((*line, *more)) + "\n" for line in lines)


def ham_outline():
    """The outline of every lesion; h w, bool."""
    mask = np.zeros(SIZE, dtype=bool)
    mask[3:9, 4:11] = True
    return mask


def tiny_ham10000(root, parts=HAM_PARTS, table="HAM10000_metadata"):
    """Images in the folders `parts`, by the order of their ids; masks of three modes in turn."""
    names = sorted(image for _, image, _ in HAM_ROWS)
    each = -(-len(names) // len(parts))
    (root / HAM_MASKS).mkdir(parents=True)
    for index, name in enumerate(names):
        save_picture(root / parts[index // each] / f"{name}.jpg", index)
        mode = MASK_MODES[index % 3]
        mask = Pillow.fromarray(ham_outline()).convert(mode)
        mask.save(root / HAM_MASKS / f"{name}_segmentation.png")
    save_text(root / table, ham_table(HAM_ROWS))
    return root


# BACH: numbers that are there, by class; in the sorted 400 they have gaps between them.
BACH_NUMBERS = {
    "Benign": (1, 41, 42, 60, 90, 91, 100),
    "InSitu": (39, 40, 69, 70, 100),
    "Invasive": (1, 40, 41, 59, 100),
    "Normal": (1, 45, 46, 68, 69, 100),
}
BACH_PREFIXES = {"Benign": "b", "InSitu": "is", "Invasive": "iv", "Normal": "n"}
BACH_TABLE = "microscopy_ground_truth.csv"


def tiny_bach(root):
    """JPEG in TIFF in YCbCr, and the table: no header, CRLF, with names that are not there."""
    photos = root / "ICIAR2018_BACH_Challenge" / "Photos"
    seed = 0
    for name, numbers in BACH_NUMBERS.items():
        (photos / name).mkdir(parents=True)
        for number in numbers:
            seed += 1
            picture = Pillow.fromarray(noise(seed)).convert("YCbCr")
            path = photos / name / f"{BACH_PREFIXES[name]}{number:03}.tif"
            picture.save(path, compression="jpeg", quality=95)
    order = ("Normal", "Benign", "InSitu", "Invasive")
    lines = (f"{BACH_PREFIXES[c]}{n:03}.tif,{c}\r\n" for c in order for n in BACH_NUMBERS[c])
    save_text(photos / BACH_TABLE, "".join(lines))
    return photos


# LC25000: each source tile several times, turned and flipped, in files numbered across tiles.
LC_FOLDERS = {
    "lung_n": ("lung_image_sets", "lungn"),
    "lung_aca": ("lung_image_sets", "lungaca"),
    "lung_scc": ("lung_image_sets", "lungscc"),
    "colon_n": ("colon_image_sets", "colonn"),
    "colon_aca": ("colon_image_sets", "colonca"),
}
LC_TILES, LC_VIEWS = 8, 2
LC_GROUPS = "SOURCE-TILE-GROUPS.csv"


def tiny_lc25000(root):
    """Tile t is in the files t and t + 8 of its class."""
    top = root / "lung_colon_image_set"
    lines = ["path,class,source_tile"]
    for label, (name, (folder, stem)) in enumerate(LC_FOLDERS.items()):
        (top / folder / name).mkdir(parents=True)
        for number in range(LC_TILES * LC_VIEWS):
            view, tile = divmod(number, LC_TILES)
            path = top / folder / name / f"{stem}{number + 1}.jpeg"
            turned = np.rot90(noise(label * LC_TILES + tile, (16, 16)), view)
            Pillow.fromarray(np.ascontiguousarray(turned)).save(path)
            lines.append(f"{path.relative_to(root).as_posix()},{name},{name}-{tile}")
    save_text(root / LC_GROUPS, "\n".join(lines) + "\n")
    return root
