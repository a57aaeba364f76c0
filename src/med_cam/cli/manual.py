"""What `--help` says of each command. One line a paragraph: the terminal wraps them.

The help of an option stands at its field, in `med_cam.cli.options`.
"""

PROGRAM = (
    "Shows which region of a medical image is sufficient, by itself, for an image classifier's "
    "prediction, and tests that claim.\n\n"
    "A tool to examine classifiers. Not a medical device; its results are not diagnoses."
)

EXPLAIN = (
    "Find a small region of each image that is sufficient for the classifier's prediction.\n\n"
    "The region is then tested on random samples that the search did not use. The prediction must "
    "be retained when the rest of the image is replaced by each baseline (grey, random noise, "
    "...), must not come from the outline of the mask alone, and must survive small shifts. "
    '"Sufficiency test passed" means that the region passed all of these tests and is at most '
    "half of the image.\n\n"
    "[bold]IMAGE|FOLDER[/bold]: PNG, JPEG, TIFF, BMP, WebP or GIF files, grey or RGB, "
    "or folders of them. Without any, the samples that come with med-cam are explained.\n\n"
    "Examples:\n"
    "  med-cam explain\n"
    "  med-cam explain scan.png --out results\n"
    "  med-cam explain scans/ --model my-classifier/ --references reference-images/\n\n"
    "Exit status: 0 if all images were explained, whatever the tests showed; 2 if an option was "
    "wrong or an image could not be read; 1 after an internal error; 130 after Ctrl-C. One bad "
    "image does not stop the others."
)

VERIFY = (
    "Re-check every claim of saved explanations, from their files and the classifier.\n\n"
    "The random samples are repeated from the saved seed, so the same numbers must come out. Of "
    "the saved explanation only its settings are trusted; all numbers are computed again. A mask "
    "or an image that was changed is refused, and so is a classifier with other weights.\n\n"
    "--removal, --samples, --confidence and --seed make a new certificate of the saved masks, "
    "on random samples that were never used before.\n\n"
    "[bold]DIR[/bold]: a result, or a folder of results.\n\n"
    "Examples:\n"
    "  med-cam verify med-cam-out\n"
    "  med-cam verify results/ --model my-classifier/ --references reference-images/\n"
    "  med-cam verify results/ --removal gaussian,shuffled --samples 299 --seed 7\n\n"
    "Exit status: 0 if all claims hold again; 3 if a claim was not reproduced; 2 if a result "
    "could not be re-checked or an option was wrong; 1 after an internal error; 130 after Ctrl-C."
)

REPORT = (
    "Make one page of all results in a folder, with every picture, sorted by what to look at "
    "first.\n\n"
    "First come images that are predicted otherwise than is known, then those without a small "
    "sufficient region, then warnings by how much they say, confidence that rises where the rest "
    "is hidden, evidence on the border. The page is one file that loads nothing from elsewhere: "
    "it can be sorted, searched, printed and read on a phone. It shows the images: treat it as "
    "you treat them.\n\n"
    "[bold]DIR[/bold]: a folder of results.\n\n"
    "Examples:\n"
    "  med-cam report med-cam-out\n"
    "  med-cam report results/ --labels labels.csv --audit audit/audit.json --out page.html\n\n"
    "Exit status: 0 if all results are on the page; 2 if one is not as it was written, or an "
    "option was wrong; 1 after an internal error."
)

DOSSIER = (
    "Make one printable page about a classifier, from its saved results.\n\n"
    "What it is and what it is for, how often it is right, how often a small region is sufficient "
    "for its prediction, its warnings, its missingness audit, the cases that it gets wrong, "
    "whether the evidence tells them, and what is not stated or not done. Every number has its "
    "denominator. The page is one file that loads nothing from elsewhere. It shows images: treat "
    "it as you treat them.\n\n"
    "[bold]DIR[/bold]: a folder of results of one classifier.\n\n"
    "Examples:\n"
    "  med-cam dossier results/ --labels labels.csv --meta intended-use.toml\n"
    "  med-cam verify results/ --model my-classifier/ > verify.txt\n"
    "  med-cam dossier results/ --audit audit/audit.json --verify verify.txt\n"
    "  med-cam dossier results/ --sanity 4 --model my-classifier/\n\n"
    "Exit status: 0 if all results are in it; 2 if one is not as it was written, if there are "
    "several classifiers, or an option was wrong; 1 after an internal error."
)

COMPARE = (
    "Compare two versions of a classifier on the same images, from their saved results.\n\n"
    "Which images are predicted otherwise, how the tests ended, how large the evidence is and "
    "whether it lies elsewhere, what differs between the classifiers and the settings, and where "
    "right labels are known McNemar's exact test. Images are matched by the SHA-256 of their "
    "files; those that changed most come first.\n\n"
    "[bold]DIR_A, DIR_B[/bold]: folders of results, before and after.\n\n"
    "Example:\n"
    "  med-cam compare results-1.0/ results-1.1/ --labels labels.csv --out compare.html\n\n"
    "Exit status: 0 if all results were compared; 2 if one is not as it was written, if no image "
    "is in both, or an option was wrong; 1 after an internal error."
)

EXPORT = (
    "Write saved explanations as files for other programs.\n\n"
    "The files lie beside the explanation and stand in its manifest; its other files and its ID "
    "stay as they are. They are made from what is saved: no classifier is needed, and no claim is "
    "tested again (med-cam verify does that).\n\n"
    "[bold]DIR[/bold]: a result, or a folder of results.\n\n"
    "Examples:\n"
    "  med-cam export med-cam-out --geojson\n"
    "  med-cam export results/scan --geojson --coco\n"
    "  med-cam export results --dicom --image CD/ --keep-identity\n\n"
    "Exit status: 0 if all was written; 2 if a result is not as it was written, a package is "
    "missing or an option was wrong; 1 after an internal error; 130 after Ctrl-C."
)

AUDIT = (
    "Missingness audit: what does a classifier predict for inputs without information?\n\n"
    "The inputs are baselines alone, shapes without content, and images with more and more "
    "patches hidden. If a label is predicted where nothing is shown, or for a shape alone, an "
    "explanation of that label proves little. The last lines say which baselines to explain with "
    "instead.\n\n"
    "[bold]IMAGE|FOLDER[/bold]: as for med-cam explain. Without any, the samples that come with "
    "med-cam are used.\n\n"
    "Examples:\n"
    "  med-cam audit\n"
    "  med-cam audit scans/ --model my-classifier/ --references reference-images/ --out audit\n\n"
    "Exit status: as for med-cam explain; 0 whatever the audit finds."
)

DATA = "Check data sets."
CHECK = (
    "Is this download complete, and do its parts leak into each other?\n\n"
    "Reads every file once. Compares the number of images of each class with the data provider's "
    "release. Lists files that are missing or broken, and contradictions between tables and "
    "folders. Counts byte-identical copies within and across the parts, copies with different "
    "labels and near copies. Says whether a lesion or source tile is on both sides of the split "
    "that studies use.\n\n"
    "Exit status: 0 if it is complete; 2 if anything is missing, broken or contradictory."
)
TRAIN = (
    "Train a classifier on a data set, and measure it.\n\n"
    "It is trained on the provider's training set, or on a part that shares no lesion, patient "
    "block or source tile with the rest. A validation part of it decides when to stop. The test "
    "set is read once, at the end. The folder can be given to med-cam explain --model; its "
    "model-card.md says what the classifier was trained on and how good it is.\n\n"
    "After an interruption the same command continues from the last full epoch, and ends with the "
    "same weights.\n\n"
    "Examples:\n"
    "  med-cam train ham10000 --root HAM10000 --out classifier\n"
    "  med-cam train idrid --root IDRiD --out classifier --recipe light --init "
    "mobilenetv2_100.safetensors\n\n"
    "Exit status: 0 if all was done; 2 if an option was wrong, or if a file of the data set was "
    "missing or broken (training continues without it); 1 after an internal error; 130 after "
    "Ctrl-C."
)
REPRODUCE = (
    "Explain test images of a data set; make the paper's figure, its tables and a report.\n\n"
    "Writes figure.pdf and figure.png (image and evidence by class, with the maps of other "
    "methods), table.csv (one line per image), table.md (summaries), report.html (one file, needs "
    "no network), and a result folder for each image. Where people have outlined a finding, the "
    "evidence is compared with it, beside Grad-CAM and a centre disc of equal area.\n\n"
    "The images are the first of each class by the SHA-256 of their file, so nobody has chosen "
    "them. After an interruption the same command continues.\n\n"
    "Exit status: as for med-cam explain."
)
