"""What `--help` says. One line a paragraph: the terminal wraps them."""

from med_cam.config.presets import PRESETS

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

VERIFY = (
    "Put every claim of saved explanations again, from their files and the classifier.\n\n"
    "The same draws are drawn again from the seed that was saved, so that the same numbers come "
    "out; nothing that the explanation says of itself is believed but its settings. A mask or an "
    "image that was changed, and a classifier with other weights, are refused.\n\n"
    "--backgrounds, --draws, --confidence and --seed make a new certificate of the saved masks, "
    "on draws that nobody has seen.\n\n"
    "[bold]DIR[/bold]: a result, or a folder of results.\n\n"
    "Examples:\n"
    "  med-cam verify med-cam-out\n"
    "  med-cam verify results/ --model my-classifier/ --references others/\n"
    "  med-cam verify results/ --backgrounds gaussian,shuffled,others --draws 299 --seed 7\n\n"
    "Exit status: 0 if all that was claimed holds again; 3 if something does not; 2 if a result "
    "cannot be verified or something was asked for wrongly; 1 after a fault of med-cam."
)
VERIFY_REFERENCES = (
    "The other images that the explanations were made with, the same files. The bundled "
    "classifier brings its own."
)
VERIFY_BACKGROUNDS = "Certify over these instead of those of the explanation."
VERIFY_DRAWS = (
    "Draws of the random backgrounds together. 299, all of which keep the decision, certify 99% "
    "at 95% confidence."
)
CONFIDENCE = "Of the bounds, between 0 and 1; as it was if not said otherwise."
VERIFY_SEED = "Other draws than those of the explanation."
BATCH = "Composites through the classifier at a time. The verdicts do not depend on it."

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
BASELINES = (
    'What is put around the evidence, and what "verified" is relative to. Any of grey, black, '
    "white, mean, blur, gaussian, uniform, shuffled, others, inpainted; "
    f"{','.join(PRESETS['default'].verification.baselines)} if not said otherwise."
)
AGAINST = (
    "Explain only what separates the target from this one label. The classifier is then asked for "
    "nothing but which of the two it is."
)
ALTERNATIVES = (
    "Look for so many further masks, each sufficient and disjoint from all before it: other "
    "reasons for the same answer."
)
NECESSARY = (
    "Where the answer stays without the evidence, look for a second, larger mask without which it "
    "does not."
)
SEEDS = "Explain with so many seeds and compare the masks: agreement.png and how alike they are."
CELL = (
    "Side of the cells that are taken away from the mask until each that is left is needed, in "
    "pixels of the classifier's frame; 16 if not said otherwise, 0 for none. Smaller cells find "
    "smaller masks and take longer."
)
SEED = "Same seed, same machine: same mask. 0 if not said otherwise."
DEVICE = "Where to compute: auto, cpu, cuda or cuda:N. auto takes a GPU if there is one."
OUT = (
    "Gets a folder for each image, with mask.png (white = evidence), evidence.png, figure.png, "
    "explanation.json and a copy of the image, which med-cam verify needs. An earlier result of "
    "the same name is replaced."
)
DEBUG = "Show where an error comes from, and the warnings of other libraries."
VERSION = "Show the version."

AUDIT = (
    "Tell what a classifier answers when there is no evidence: the missingness audit.\n\n"
    "Asked are the backgrounds alone, shapes without content, and the images with more and more "
    "of their cells hidden. A label that is given where nothing is shown, or by a shape alone, "
    "proves little where an explanation rests on it; the last lines say over which backgrounds to "
    "explain instead.\n\n"
    "[bold]IMAGE|FOLDER[/bold]: as for med-cam explain. Without any, the samples that come with "
    "med-cam.\n\n"
    "Examples:\n"
    "  med-cam audit\n"
    "  med-cam audit scans/ --model my-classifier/ --references others/ --out audit\n\n"
    "Exit status: as of med-cam explain; 0 whatever the audit finds."
)
AUDIT_REFERENCES = (
    'Other images, for the background "others". The bundled classifier brings its own; without '
    "any, that background is left out."
)
DRAWS = "Draws of everything random, an image: noise, blobs, hidden cells."
AUDIT_SEED = "Same seed, same machine: same numbers."
AUDIT_OUT = (
    "Gets audit.json (every number, hashes of classifier and images, versions) and audit.md. "
    "Earlier ones are replaced. Without it, nothing is written."
)

STUDIES = ("bach", "ham10000", "idrid", "brain-mri", "lc25000")
STUDY = f"The data set: {', '.join(STUDIES)}."
ROOT = "The folder into which the data set was unpacked, as its owner ships it."

DATA = "Look after data sets."
CHECK = (
    "Is this download whole, and what leaks between its parts?\n\n"
    "Reads every file once. Tells how many images of each class are there and in the owner's "
    "release, names files that are missing or broken and tables and folders that disagree, counts "
    "byte-identical copies within and across the parts, copies with different labels and near "
    "copies, and says whether a lesion or source tile is on both sides of the split that studies "
    "use.\n\n"
    "Exit status: 0 if it is whole; 2 if anything is missing, broken or contradictory."
)
TRAIN = (
    "Train a classifier of a data set, and measure it.\n\n"
    "Trained is on the owner's Training part, or on one that shares no lesion, patient block or "
    "source tile with the rest; a validation part of it decides when to stop; Testing is read "
    "once, at the end. The folder can be given to med-cam explain --model; its model-card.md says "
    "what was trained on and what was reached.\n\n"
    "After a kill the same command goes on from the last full epoch, to the same weights.\n\n"
    "Examples:\n"
    "  med-cam train ham10000 --root HAM10000 --out classifier\n"
    "  med-cam train idrid --root IDRiD --out classifier --recipe light --init "
    "mobilenetv2_100.safetensors\n\n"
    "Exit status: 0 if all was done; 2 after a mistake in what was asked for, or if a file of the "
    "data set was missing or broken (training goes on without it)."
)
TRAIN_OUT = (
    "Gets classifier.toml, model.safetensors, model-card.md, measured.json, training.csv and "
    "checkpoints/."
)
RECIPE = (
    "bach, ham10000 and idrid have paper (the paper's architecture), small (the same from "
    "scratch, small enough for a CPU) and light (DeiT-Tiny or MobileNetV2), ham10000 also start "
    "(a ResNet-18 to begin idrid's with); brain-mri has robust and plain; lc25000 has light. The "
    "first by default."
)
INIT = (
    "Weights to begin with: timm's pretrained ones (needs a network once), random, or a weights "
    "file with timm's names."
)
EMPTINESS = (
    "Train on masked images and on backgrounds alone too, so that the classifier has no opinion "
    "where nothing is visible. As the recipe has it if not said otherwise."
)
EPOCHS = "At most so many, of each stage."
REPRODUCE = (
    "Explain images of a data set's Testing part, and make the paper's figure, tables and a "
    "report of them.\n\n"
    "Written are figure.pdf and figure.png (image and evidence by class, with other methods' "
    "maps), table.csv (a line an image), table.md (summaries), report.html (one file, no "
    "network), and a result folder for each image. Where people have outlined a finding, the "
    "evidence is compared with it, beside Grad-CAM and a centre disc of equal area.\n\n"
    "Images are the first of each class by the SHA-256 of their file: nobody's choice. The same "
    "command goes on where an earlier one was stopped.\n\n"
    "Exit status: as of med-cam explain."
)
REPRODUCE_OUT = "Gets figure, tables, report.html, images/ and maps/."
STUDY_MODEL = (
    "A classifier of this data set, as med-cam train writes it. For brain-mri the bundled one if "
    "not given."
)
IMAGES = "How many of each class to explain."
TILES = (
    "Explain large images as tiles of about so many pixels a side, and stitch their evidence: for "
    "classifiers that were trained on such tiles."
)
TRAIN_SEED = "Added to the seed of each stage: other draws, other weights."
