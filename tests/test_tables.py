"""Tables say in Markdown what they were given."""

import pytest

from uand.tables import table


def test_rows_follow_the_header_and_words_stand_to_the_left():
    shown = table(["pair", "kind", "n"], [("a", "b", 1), ("c", "d", None)], left=2)
    assert shown._repr_markdown_().splitlines() == [
        "| pair | kind | n |",
        "| --- | --- | --: |",
        "| a | b | 1 |",
        "| c | d | – |",
    ]


def test_a_bar_in_a_cell_does_not_end_it():
    assert table(["x"], [["|e|"]])._repr_markdown_().splitlines()[-1] == r"| \|e\| |"


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"row = \(1,\): must have 2 cells"):
        table(["a", "b"], [(1,)])
