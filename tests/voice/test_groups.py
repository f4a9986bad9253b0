"""The file of groups: one comparison a line, and a clear word on what is none."""

import pytest

from adtune.errors import InputError
from adtune.records import Brief
from adtune.voice.groups import brief_for, load_groups


def test_lines_become_comparisons_in_their_order(tmp_path):
    path = tmp_path / "groups.txt"
    path.write_text("\ufeff# asked for by the client\ngender: women, men\n\nage : students, parents , people over 60\n", encoding="utf-8")
    assert [(one.name, one.groups) for one in load_groups(path)] == [("gender", ("women", "men")),
                                                                     ("age", ("students", "parents", "people over 60"))]


@pytest.mark.parametrize(("content", "where"), [
    ("women, men\n", "line 1"), ("gender: women\n", "line 1"), ("gender: women, Women\n", "line 1"), (": women, men\n", "line 1"),
    ("age: a, b\ngender: women,, men\n", "line 2"), ("n: a, b, c, d, e, f, g\n", "line 1"), ("", "--groups"), ("# none\n", "--groups"),
    ("a: x, y\na: u, v\n", "--groups"), ("".join(f"n{n}: a, b\n" for n in range(6)), "--groups")])
def test_what_is_no_comparison_is_refused_with_its_place(tmp_path, content, where):
    path = tmp_path / "groups.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as error:
        load_groups(path)
    assert where in error.value.where and error.value.expected


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="unreadable"):
        load_groups(tmp_path / "none.txt")


def test_a_brief_names_the_group_behind_its_title_and_keeps_the_rest():
    brief = brief_for(Brief("Autumn coats", "shop", summary="New."), "women")
    assert (brief.title, brief.category, brief.summary) == ("Autumn coats (for women)", "shop", "New.")
