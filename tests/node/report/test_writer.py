"""A model writes the summary: what it may cite, and what becomes of what it says."""

from __future__ import annotations

import pytest

from experiments.llm import Answer, AnswerError
from node.report.sentences import Refusal, read_sentence
from node.report.template import compose
from node.report.writer import write_summary


class Scripted:
    """A model that says what it is told to, through the schema and the check of a real question."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    async def ask(self, messages, schema, check):
        self.asked = messages
        return check(schema.check(self.answer)), Answer(1, 1, 1, 0.1)


async def test_what_a_model_may_cite_is_what_the_check_knows(case, book):
    model = Scripted({"sentences": []})
    assert await write_summary(model, book) == []
    rules, data = (message.content for message in model.asked)
    assert "Never write a number" in rules
    lines = [line.partition(":")[0].split() for line in data.splitlines()[1:-1]]
    assert len(lines) > 30
    for subject, key in lines:
        assert not isinstance(read_sentence(f"It is {{{key} {subject}}}.", book), Refusal)


async def test_its_sentences_are_checked_like_everybodys(case, book):
    said = [f"The winner gains\n{{effect {case.good[:10]}}}.", "It is ten times as good.", "  "]
    written = await write_summary(Scripted({"sentences": said}), book)
    document = compose(book, written)
    assert [item.text for item in document.refused] == ["It is ten times as good."]


@pytest.mark.parametrize("answer", [{}, {"sentences": "one"}, {"sentences": [1]}, {"sentences": ["x"] * 99}])
async def test_what_is_no_list_of_sentences_is_refused(book, answer):
    with pytest.raises(AnswerError):
        await write_summary(Scripted(answer), book)


async def test_strangers_words_cannot_leave_the_data(case, book):
    model = Scripted({"sentences": []})
    await write_summary(model, book)
    data = model.asked[1].content
    assert data.splitlines().count("END") == 1
    assert data.endswith("END")
    assert "\x1b" not in data
