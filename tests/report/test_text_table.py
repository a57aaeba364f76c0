"""Tables keep their columns whatever is in the cells."""

from hypothesis import given, strategies as st

from med_cam.report.text_table import MARKS, aligned, markdown

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n,;\"'|"))
ROWS = st.lists(st.lists(TEXT, min_size=3, max_size=3), max_size=4)


@given(ROWS)
def test_a_markdown_table_has_as_many_cells_in_every_line(body):
    lines = markdown(("a", "b", "c"), body).split("\n")
    assert len(lines) == 2 + len(body)
    for line in lines:
        assert line.replace("\\\\", "").replace("\\|", "").count("|") == 4


def test_columns_of_numbers_are_set_to_the_right():
    assert markdown(("a", "b"), [("x", "1")], right={1}) == (
        "| a | b |\n| --- | ---: |\n| x | 1 |"
    )
    assert aligned([("a", "b"), ("long", "100")]) == "a       b\nlong  100"
    assert aligned([("a", "b"), ("long", "100")], left={0, 1}) == "a     b\nlong  100"


def test_what_would_be_markup_is_taken_as_it_is():
    assert markdown((MARKS,), ()).startswith(r"| \\\|\<\*\_\`\[ |")
    assert markdown(("grad_cam*|",), (), escaped="|").startswith(r"| grad_cam*\| |")


@given(ROWS.filter(bool))
def test_an_aligned_line_is_no_wider_than_its_columns(body):
    plain = [["".join(cell.split()) for cell in line] for line in body]
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    assert max(map(len, aligned(plain).split("\n"))) <= sum(widths) + 4
