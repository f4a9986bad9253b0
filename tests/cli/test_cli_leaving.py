"""What people see of the engines that can serve a result, and of the licence that it is bound by."""

from __future__ import annotations

import pytest

from adtune.cli import show_tune

ENGINES = [{"engine": "vllm", "servable": True, "needs": "--max-lora-rank 32", "reason": ""},
           {"engine": "gguf", "servable": False, "needs": "", "reason": "not for gemma2"},
           {"engine": "other", "servable": None, "needs": "", "reason": "not known for opt"}]


class Page:
    """Keeps what it is told to show."""

    def __init__(self):
        self.rows, self.said = [], {}

    def table(self, heads, rows):
        self.rows += rows

    def pairs(self, said):
        self.said |= said


@pytest.mark.parametrize("licence, shown", [("apache-2.0", "apache-2.0"), (None, "its card names none")])
def test_engines_and_licence_are_shown(licence, shown):
    page = Page()
    show_tune._leaving({"servable": ENGINES, "licence": licence}, page)
    assert page.rows == [("vllm", "yes", "--max-lora-rank 32"), ("gguf", "no", "not for gemma2"),
                         ("other", "not known", "not known for opt")]
    assert page.said == {"licence of the base": shown}


@pytest.mark.parametrize("answer", [{}, {"servable": None}, {"servable": []}])
def test_an_answer_without_engines_shows_none(answer):
    page = Page()
    show_tune._leaving(answer, page)
    assert not page.rows and not page.said
