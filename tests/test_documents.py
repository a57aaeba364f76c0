"""What the documents say can be done can be done, and their tables are those of the code."""

import re
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest
from torch import nn

from med_cam.classifiers.compat import import_timm
from med_cam.classifiers.description import FILE, KINDS, READERS
from med_cam.classifiers.load import load_classifier
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.options.pages import CompareOptions, DossierOptions
from med_cam.cli.options.studies import CheckOptions, ReproduceOptions, TrainOptions
from med_cam.config.baselines import FIXED, HARD
from med_cam.config.presets import PRESETS
from med_cam.config.toml import config_from_toml
from med_cam.report.layout import attributes
from med_cam_studies.dossier.intended_use import KEYS
from med_cam_studies.training.catalogue import STUDIES
from med_cam_studies.versions.listed import Line

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("src/**/*.md")]
EXAMPLES = re.findall(  # a Python block, perhaps, and a TOML block behind it
    r"(?:^```python\n(.*?)^```\n\s*)?^```toml\n(.*?)^```",
    (ROOT / "docs/classifiers.md").read_text(),
    re.MULTILINE | re.DOTALL,
)
MODULE = nn.Sequential(
    nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
)


def rows(document):
    """Cells of every table row of a document, without their marks."""
    lines = (ROOT / document).read_text().splitlines()
    return [
        [cell.strip().replace("`", "") for cell in line.strip("|").split(" | ")]
        for line in lines
        if line.startswith("| ")
    ]


def flat(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@pytest.mark.filterwarnings("ignore")  # of exporters that are growing old
@pytest.mark.parametrize(("code", "toml"), EXAMPLES)
def test_every_example_of_a_classifier_loads(code, toml, tmp_path, monkeypatch):
    import_timm()  # before the example does: the CPU build of torch needs it so
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-classifier").mkdir()
    exec(code, {"model": MODULE})
    (tmp_path / "my-classifier" / FILE).write_text(toml)
    classifier = load_classifier("my-classifier", device="cpu")
    said = tomllib.loads(toml)
    assert list(classifier.labels) == said.get("classes", ["benign", "malignant"])
    assert bool(classifier.hooked_layers) == (said["architecture"] != "torchscript")


def test_there_is_an_example_of_every_kind_of_classifier():
    architectures = {tomllib.loads(toml)["architecture"] for _, toml in EXAMPLES}
    assert {name.partition(":")[0] for name in architectures} == set(KINDS)


def test_every_key_of_a_classifier_is_described():
    text = (ROOT / "docs/classifiers.md").read_text().partition("## Every key")[2]
    keys = re.findall(r"^\| (`[^|]*`) \|", text, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(keys))) == set(READERS)


def test_every_setting_is_listed_with_its_values():
    ours, *others = (dict(flat(asdict(config))) for config in PRESETS.values())
    told = {key: cells for key, *cells in rows("docs/method.md") if len(cells) == 4}
    told.pop("key")
    assert list(told) == list(ours)
    for key, (value, allowed, *changed) in told.items():
        assert re.search(r"\d to \d| or |each a name|true or false", allowed), key
        wanted = [as_toml(table[key]) for table in others]
        assert value == as_toml(ours[key]), key
        assert [text or value for text in changed] == wanted, key


def as_toml(value):
    if isinstance(value, tuple):
        return f"[{', '.join(map(as_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def test_every_background_is_described():
    listed = {cells[0]: cells[-1] for cells in rows("docs/method.md") if cells[0] in HARD}
    assert set(listed) == set(HARD)
    assert {name for name, same in listed.items() if same == "yes"} == FIXED & set(HARD)


def test_the_example_of_settings_is_read(tmp_path):
    text = (ROOT / "docs/method.md").read_text()
    path = tmp_path / "settings.toml"
    path.write_text(re.search(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1])
    config = config_from_toml(path, PRESETS["default"])
    assert (config.seed, config.search.steps, config.verification.samples) == (1, 96, 16)


def test_the_readme_names_every_option():
    text = (ROOT / "README.md").read_text()
    for option in ExplainOptions.__annotations__:
        if option not in ("images", "debug", "return"):
            assert f"--{option.replace('_', '-')}" in text


def test_the_studies_document_names_every_option():
    text = (ROOT / "docs/studies.md").read_text()
    for command in (CheckOptions, TrainOptions, ReproduceOptions):
        for option in command.__annotations__:
            if option not in ("study", "debug", "return"):
                assert f"--{option.replace('_', '-')}" in text


def test_every_study_and_recipe_is_described():
    text = (ROOT / "docs/studies.md").read_text()
    for name, study in STUDIES.items():
        assert f"| `{name}` |" in text
        assert all(f"`{recipe}`" in text for recipe in study.recipes)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_to_one(document):
    links = re.findall(r"\]\(([\w./:-]+)\)", document.read_text())
    inside = [link for link in links if "://" not in link]
    assert [link for link in inside if not (document.parent / link).exists()] == []


def test_the_names_of_the_readme_are_there():
    code = "\n".join(re.findall(r"^from .*$", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert "from med_cam import explain" in code
    exec(code, {})


def test_the_document_of_the_dossier_names_every_option_key_and_column():
    text = (ROOT / "docs/dossier.md").read_text() + (ROOT / "README.md").read_text()
    for command in (DossierOptions, CompareOptions):
        for option in command.__annotations__:
            if option not in ("results", "before", "after", "debug"):
                assert f"--{option}" in text
    meanings = {cells[0]: cells[1] for cells in rows("docs/dossier.md") if len(cells) == 2}
    for name, meaning in {**KEYS, **attributes(Line)}.items():
        assert meanings[name] == f"{meaning[:1].lower()}{meaning[1:].rstrip('.')}".replace("`", "")
    example = re.search(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]
    assert set(tomllib.loads(example)) <= set(KEYS)
