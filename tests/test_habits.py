"""The files around the code say the same as the code and as each other."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import med_cam

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def read(name):
    return yaml.safe_load((ROOT / name).read_text())


def leaves(tree):
    """The strings at the ends of a tree of lists and mappings."""
    if isinstance(tree, str):
        return [tree]
    branches = tree.values() if isinstance(tree, dict) else tree
    return [leaf for branch in branches for leaf in leaves(branch)]


def pages_from_elsewhere():
    """PAGES of the hook, read without importing it: that would need mkdocs."""
    tree = ast.parse((ROOT / ".ci/site_pages.py").read_text())
    (pages,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "PAGES"
    )
    return ast.literal_eval(pages)


def test_what_is_to_be_cited_is_what_is_installed():
    cited = read("CITATION.cff")
    assert cited["version"] == PROJECT["version"]
    assert cited["title"] == PROJECT["name"]
    assert cited["license"] == PROJECT["license"]
    assert cited["authors"] == PROJECT["authors"]


def test_the_paper_is_cited_as_the_readme_names_it():
    (paper,) = read("CITATION.cff")["references"]
    names = ", ".join(author["family-names"] for author in paper["authors"])
    number = paper["identifiers"][0]["value"].removeprefix("arXiv:")
    assert f"*{paper['title']}* ({names}, arXiv {number})" in (ROOT / "README.md").read_text()
    assert paper["url"] == PROJECT["urls"]["Paper"] == f"https://arxiv.org/abs/{number}"


def test_every_document_is_listed_in_the_site_once():
    elsewhere = pages_from_elsewhere()
    assert [name for name in elsewhere if not (ROOT / name).is_file()] == []
    pages = [path.name for path in (ROOT / "docs").glob("*.md")]
    pages += [place for place in elsewhere.values() if place.endswith(".md")]
    assert sorted(leaves(read("mkdocs.yml")["nav"])) == sorted(pages)


def test_every_public_name_is_on_the_page_of_the_api_once():
    text = (ROOT / "docs/api.md").read_text()
    assert sorted(re.findall(r"^::: med_cam\.(\w+)$", text, re.MULTILINE)) == sorted(
        med_cam.__all__
    )


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_the_checks_and_may_write_nothing(path):
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"].values()
    assert ".ci/run" in [step.get("run") for job in jobs for step in job["steps"]]
    granted = [job["permissions"] for job in jobs if "permissions" in job]
    assert granted in ([], [{"id-token": "write"}])  # how a release is trusted without a password


def test_there_are_workflows():
    assert [path.stem for path in WORKFLOWS] == ["release", "tests"]


def test_the_oldest_python_is_tested():
    (job,) = read(".github/workflows/tests.yml")["jobs"].values()
    assert f">={job['strategy']['matrix']['python'][0]}" == PROJECT["requires-python"]


def test_the_checks_before_a_commit_are_those_of_the_document():
    """And those of .ci/run, which calls them by their place in its environment."""
    (repo,) = read(".pre-commit-config.yaml")["repos"]
    hooks = [hook["entry"] for hook in repo["hooks"]]
    wanted = [f".venv/bin/{entry}" for entry in hooks]
    assert " && ".join(wanted) in (ROOT / "CONTRIBUTING.md").read_text().splitlines()
    lines = (ROOT / ".ci/run").read_text().splitlines()
    called = [line.replace('"$venv/bin/', "").replace('"', "", 1) for line in lines]
    assert [entry for entry in hooks if entry not in called] == []


def test_the_bug_form_warns_of_patient_data_before_it_asks():
    form = read(".github/ISSUE_TEMPLATE/bug.yml")
    first = form["body"][0]
    assert first["type"] == "markdown"
    assert "Remove patient data" in first["attributes"]["value"]
