"""The providers' tables in every dialect, against the rows that were written."""

import csv
import io

import pytest
from hypothesis import given, settings, strategies as st

from med_cam.errors import DataError
from med_cam_studies.data.provider_table import table_lines, table_rows

PLAIN = "name,grade\nx,1\ny,2\n"
ROWS = [{"name": "x", "grade": "1"}, {"name": "y", "grade": "2"}]


@pytest.fixture
def table(tmp_path):
    return tmp_path / "table.csv"


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", " , ").replace("\n", " \n"),
        PLAIN.replace("\n", ",,,\n"),
        PLAIN.replace("\n", "\n\n") + ",\n , \n",
        PLAIN.rstrip("\n"),
        'grade,"name"\n1,"x"\n2,y\n',
        "more,name,grade,dataset\n0,x,1,rosendahl\n0,y,2,vidir\n",
    ],
)
def test_every_dialect_gives_the_same_rows(table, text):
    table.write_bytes(text.encode())
    assert table_rows(table, ("name", "grade")) == ROWS


cells = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Z")), max_size=8)


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(st.tuples(cells, cells), max_size=6), tabs=st.booleans())
def test_what_a_csv_writer_writes_is_read_back(tmp_path_factory, rows, tabs):
    path = tmp_path_factory.mktemp("table") / "x"
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t" if tabs else ",")
    writer.writerows([("a", "b"), *rows])
    path.write_bytes(text.getvalue().encode())
    stripped = [{"a": a.strip(), "b": b.strip()} for a, b in rows]
    assert table_rows(path, ("a", "b")) == [row for row in stripped if any(row.values())]


def test_a_short_row_has_blanks_at_its_end(table):
    table.write_text("name,grade\nx\n")
    assert table_rows(table, ("name", "grade")) == [{"name": "x", "grade": ""}]


@pytest.mark.parametrize(
    ("text", "there"), [("a,name,\nx,y\n", "a, name"), ("", "none"), (",,\n", "none")]
)
def test_a_missing_column_is_reported_with_those_that_are_there(table, text, there):
    table.write_text(text)
    with pytest.raises(DataError, match=rf"lacks the column 'grade', it has {there};"):
        table_rows(table, ("grade", "name"))


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode("utf-16"),
        b"name,grade\n\xe4,1\n",
        b'name,grade\n"' + b"x,1\n" * 50_000,  # a quote that is never closed
    ],
)
def test_a_file_that_is_no_table_is_reported_by_its_name(table, content):
    table.write_bytes(content)
    with pytest.raises(DataError, match=r"table\.csv cannot be read as a table"):
        table_lines(table)


def test_a_table_that_is_not_there_is_reported_by_its_name(table):
    with pytest.raises(DataError, match=r"table\.csv cannot be read"):
        table_lines(table)
