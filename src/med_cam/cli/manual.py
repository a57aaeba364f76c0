"""What `--help` says. One line a paragraph: the terminal wraps them."""

from med_cam.config import PRESETS

PROGRAM = (
    "Shows the smallest part of a medical image on which an image classifier keeps its answer, "
    "and tests that claim.\n\n"
    "A tool to judge classifiers with. Not a medical device; its results are no diagnoses."
)

EXPLAIN = (
    "Find, for each image, the smallest part on which the classifier keeps its answer.\n\n"
    "The part is then tested on draws that the search has not seen: the answer must stay over "
    "other backgrounds, must not come from the mask's shape alone, and must survive small shifts. "
    '"Verified" means that all of it holds.\n\n'
    "[bold]IMAGE|FOLDER[/bold]: PNG, JPEG, TIFF, BMP, WebP or GIF, grey or RGB, 8 or 16 bit, or "
    "folders of them. Without any, the samples that come with med-cam are explained.\n\n"
    "Examples:\n"
    "  med-cam explain\n"
    "  med-cam explain scan.png --out results\n"
    "  med-cam explain scans/ --model my-classifier/ --references others/\n\n"
    "Exit status: 0 if all images were explained, verified or not; 2 if something was asked for "
    "wrongly or an image could not be read; 1 after a fault of med-cam; 130 after Ctrl-C. One bad "
    "image does not stop the others."
)

MODEL = (
    "A folder with classifier.toml and weights, a Hugging Face folder, or an ONNX, TorchScript or "
    "torch.export file. Without it, the bundled classifier brain-mri (MRI of the head)."
)
TARGET = "The label to explain. Without it, the classifier's own answer."
REFERENCES = (
    "Other images, also of other labels: the mask laid over them must not give the label. The "
    "bundled classifier brings its own. Without any, the image's own shuffled pixels stand in, "
    "a weaker test."
)
PRESET = f"The settings to start from: {', '.join(PRESETS)}."
CONFIG = "Settings of your own, over the preset's."
BACKGROUNDS = (
    'What is put around the evidence, and what "verified" is relative to. Any of grey, black, '
    "white, mean, blur, gaussian, uniform, shuffled, others; "
    f"{','.join(PRESETS['default'].verification.backgrounds)} if not said otherwise."
)
SEED = "Same seed, same machine: same mask. 0 if not said otherwise."
DEVICE = "Where to compute: auto, cpu, cuda or cuda:N. auto takes a GPU if there is one."
OUT = (
    "Gets a folder for each image, with mask.png (white = evidence), evidence.png, figure.png and "
    "explanation.json. An earlier result of the same name is replaced."
)
DEBUG = "Show where an error comes from, and the warnings of other libraries."
VERSION = "Show the version."
