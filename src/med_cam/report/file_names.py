"""The files of a result, by name."""

JSON_FILE = "explanation.json"
MASK_FILE = "mask.png"
EVIDENCE_FILE = "evidence.png"
FIGURE_FILE = "figure.png"
RESTRICTED_FILE = "restricted.png"
BESIDE_FILE = "beside.png"
RUNG_FILE = "rung.png"  # of the ladder of claims
ALTERNATIVE_FILE = "alternative-{}.png"  # numbered from 1
COMPARED_FILE = "compared-{}.png"  # numbered from 1
SUPERSET_FILE = "necessary-superset.png"
QUIET_FILE = "quiet-region.png"
RUNNER_UP_FILE = "runner-up.png"
AGREEMENT_FILE = "agreement.png"
REGIONS_FILE = "regions.png"  # the parts of the mask, by number
MANIFEST_FILE = "manifest.sha256"
ENVIRONMENT_FILE = "environment.txt"
RUN_FILE = "run-{}.json"  # beside the results: what became of every image
GEOJSON_FILE = "export.geojson"
COCO_FILE = "export.coco.json"
NIFTI_FILE = "export.nii.gz"
PDF_FILE = "explanation.pdf"
PHONE_FILE = "export.phone.png"
SEG_FILE, SR_FILE, SC_FILE = "export.seg.dcm", "export.sr.dcm", "export.sc.dcm"
PDF_OBJECT_FILE, PM_FILE = "export.pdf.dcm", "export.pm.dcm"
DICOM_FILES = frozenset({SEG_FILE, SR_FILE, SC_FILE, PDF_OBJECT_FILE, PM_FILE})
# For other programs and readers.
EXPORT_FILES = frozenset({GEOJSON_FILE, COCO_FILE, NIFTI_FILE, PDF_FILE, PHONE_FILE})
# Not part of a result's ID, which they may show.
DRAWN_FROM_REST = EXPORT_FILES | DICOM_FILES | {FIGURE_FILE}
LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})  # what file managers leave
OLDER_NAMES = {RESTRICTED_FILE: "fallback.png", SUPERSET_FILE: "enlarged.png"}  # in schema 1
OLDER_FILES = frozenset(OLDER_NAMES.values())
TABLE_FILE = "table.csv"  # beside the results: a line an image
INDEX_FILE = "index.html"  # the same to look at, with links to the results
LOG_FILE = "explain.log"  # how a run goes on, and how long it will take
