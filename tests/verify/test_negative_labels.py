"""Labels that name the absence of a finding, as data sets write them, and others that look so."""

import pytest

from med_cam.verify.warnings import is_negative

ABSENT = (
    "notumor", "no tumor", "No_Tumor", "no-tumour", "No Finding", "no findings", "No DR",
    "normal", "Normal", "NORMAL", " normal ", "normal tissue", "healthy", "Healthy control",
    "control", "negative", "absent", "not present", "none", "clear", "unremarkable",
    "without finding", "non-tumor", "no", "normal brain", "Healthy skin",
)  # fmt: skip
PRESENT = (
    "glioma", "nodule", "nodular", "nonagenarian", "nodal metastasis", "Nothing but glioma",
    "abnormal", "normotensive?", "normocytic anaemia", "clear cell carcinoma", "unhealthy",
    "clearing", "controlled", "Benign", "nevus", "pituitary", "melanoma", "positive", "0", "",
    "HER2-negative carcinoma", "triple negative breast cancer", "absent septum",
)  # fmt: skip
LOOK_SO = (
    "non-small cell carcinoma", "Non-Small Cell Lung Cancer", "non-Hodgkin lymphoma",
    "non-specific interstitial pneumonia", "non-ST elevation infarction",
    "non-melanoma skin cancer", "normal pressure hydrocephalus",
)  # fmt: skip


@pytest.mark.parametrize("label", ABSENT)
def test_the_absence_of_a_finding_is_negative(label):
    assert is_negative(label)


@pytest.mark.parametrize("label", PRESENT)
def test_a_finding_is_not_negative(label):
    assert not is_negative(label)


@pytest.mark.parametrize("label", LOOK_SO)
def test_a_finding_whose_name_begins_like_an_absence_is_not_negative(label):
    assert not is_negative(label)
