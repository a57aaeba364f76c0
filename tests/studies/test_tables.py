"""Tables say what the rows say, in numbers that read back."""

import csv
import io
import statistics
from dataclasses import fields

from hypothesis import given, settings, strategies as st
from made_up import overlap, row

from med_cam.report.text_table import markdown
from med_cam_studies.evaluation.comparison import MEASURES, Summary
from med_cam_studies.evaluation.intervals import Interval
from med_cam_studies.evaluation.rows import OURS, Overlap, Row
from med_cam_studies.report.tables import (
    SHARES,
    ahead_table,
    comparison_table,
    rows_csv,
    summary,
)

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n,;\"'|"))
SHARE = st.floats(0, 1)


def read_back(rows):
    return list(csv.DictReader(io.StringIO(rows_csv(rows), newline="")))


def cells(table):
    """The lines of a Markdown table without bars that are escaped."""
    plain = table.replace("\\|", "\0")
    return [[c.strip() for c in line.strip("|").split("|")] for line in plain.splitlines()]


@settings(max_examples=40, deadline=None)
@given(image=TEXT, status=TEXT, before=SHARE, area=SHARE, seconds=st.floats(0, 1e6))
def test_the_csv_reads_back_to_the_same_values(image, status, before, area, seconds):
    one = row(image=image, status=status, before=before, area=area, seconds=seconds)
    (line,) = read_back([one])
    assert line["image"] == image
    assert line["status"] == status
    assert float(line["before"]) == before
    assert float(line["area"]) == area
    assert float(line["seconds"]) == seconds
    assert int(line["forward"]) == one.forward


def test_the_csv_has_a_column_for_every_field_and_every_overlap():
    plain = {field.name for field in fields(Row)} - {"overlaps"}
    flat = {f"{m}_{f.name}" for m in ("med_cam", "grad_cam") for f in fields(Overlap)}
    lines = read_back([row(0, overlaps={OURS: overlap(0), "grad_cam": overlap(1)}), row(1)])
    assert set(lines[0]) == plain | flat
    assert float(lines[0]["grad_cam_iou"]) == 1 / 3
    assert lines[0]["med_cam_pointing"] == "true"
    assert lines[0]["grad_cam_pointing"] == "false"
    assert {lines[1][name] for name in flat} == {""}


def test_the_csv_is_as_rfc_4180_has_it():
    text = rows_csv([row(status='so, "so"')])
    assert text.count("\r\n") == 2
    assert '"so, ""so"""' in text


def test_warnings_and_verdicts_are_words():
    first, second = read_back([row(warnings=("too dark", "too small")), row(2)])
    assert first["warnings"] == "too dark; too small"
    assert first["verified"] == "true"
    assert second["warnings"] == ""
    assert second["verified"] == "false"


def test_the_summary_counts_by_class_explained_and_over_all():
    rows = [row(n, label="mole" if n % 2 else "naevus") for n in range(7)]
    head, lines = summary(rows, ("naevus", "mole"))
    by_class = {line[0]: dict(zip(head, line, strict=True)) for line in lines}
    moles = [r for r in rows if r.label == "mole"]
    assert by_class["mole"]["images"] == "3"
    assert by_class["mole"]["predicted correctly"] == "0 of 3"
    assert by_class["naevus"]["predicted correctly"] == "4 of 4"
    assert by_class["all"]["predicted correctly"] == "4 of 7"
    held = sum(r.verified for r in moles)
    assert by_class["mole"]["verified"] == f"{held} of 3"
    area = sorted(r.area for r in rows)[3]
    assert by_class["all"]["median area"] == f"{100 * area:.1f}%"
    mean = sum(r.before for r in rows) / 7
    assert by_class["all"]["mean probability, image"] == f"{mean:.2f}"
    assert float(by_class["all"]["median forward"]) == statistics.median(r.forward for r in rows)
    assert float(by_class["all"]["median parts"]) == statistics.median(r.components for r in rows)


def test_a_claim_on_most_of_the_image_is_verified_and_not_counted_below_half():
    rows = [row(0, area=1.0), row(1, area=0.3), row(2, area=0.1)]  # the third is not verified
    head, lines = summary(rows, ("naevus",))
    all_of_them = dict(zip(head, lines[-1], strict=True))
    assert (all_of_them["verified"], all_of_them["below half"]) == ("2 of 3", "1 of 3")


def test_classes_keep_their_order_and_one_without_images_says_so():
    table = summary([row(label="b"), row(label="x")], ("a", "b"))
    assert [line[0] for line in table.rows] == ["a", "b", "x", "all"]
    assert table.rows[0][1] == "0"
    assert set(table.rows[0][2:]) == {"\u2013"}


def test_images_without_a_providers_class_are_not_counted_as_wrong():
    table = summary([row(truth=""), row(1)], ())
    assert dict(zip(table.head, table.rows[-1], strict=True))["predicted correctly"] == "1 of 1"
    none = summary([row(truth="")], ())
    assert dict(zip(none.head, none.rows[-1], strict=True))["predicted correctly"] == "\u2013"


def test_methods_are_compared_by_means_with_their_intervals():
    means = {m: Interval(0.5, 0.25, 0.75) for m in MEASURES}
    ahead = {m: Interval(0.1, -0.1, 0.3) for m in MEASURES}
    compared = (Summary(OURS, 3, means, {}), Summary("grad_cam", 2, means, ahead))
    head, lines = comparison_table(compared)
    assert head == ("method", "images", *SHARES.values())
    assert lines[0] == ("Med-CAM", "3", *["0.50 (0.25 to 0.75)"] * 4)
    assert lines[1][:2] == ("Grad-CAM", "2")
    assert ahead_table(compared).rows == (("Grad-CAM", *["0.10 (-0.10 to 0.30)"] * 4),)
    assert tuple(SHARES) == MEASURES


@given(st.lists(st.lists(TEXT, min_size=3, max_size=3), max_size=4))
def test_a_markdown_table_keeps_its_shape_whatever_is_in_it(body):
    lines = cells(markdown(("a", "b", "c"), body))
    assert len(lines) == 2 + len(body)
    assert {len(line) for line in lines} == {3}
    assert lines[1] == ["---"] * 3


def test_the_markdown_is_the_summary():
    rows = [row(n) for n in range(4)]
    lines = cells(markdown(*summary(rows, ("naevus",))))
    assert tuple(lines[0]) == summary(rows, ("naevus",)).head
    assert tuple(lines[-1]) == summary(rows, ("naevus",)).rows[-1]
