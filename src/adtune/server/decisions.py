"""POST /v1/decisions: is a text as the client has it? OpenAI's shape of questions, answered by the client's own checks.

A question says by its `name` which check it asks: on_brand, format, terms or claims. What no check can tell is answered with a refusal, as
OpenAI's is; beside the answers, `checks` tells what speaks against the text, with places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ..records import Brief
from ..steps.brand_checks import CHECKS, BrandChecks, Checked
from ..steps.serving import read_brief, read_turns
from .auth import Caller, Reads, threaded
from .errors import ApiError, api_error, unknown_model
from .shapes import Body, Message, Words

router = APIRouter(tags=["decisions"])


class Asked(Body):
    """What every question has; the `name` says which check it asks."""

    instructions: Any = None
    name: str | None = Field(None, max_length=200)


class Predicate(Asked):
    """Is it so?"""

    type: Literal["predicate"]


class Choice(Body):
    value: bool | Annotated[str, Field(max_length=100_000)]
    description: str | None = None


class Choose(Asked):
    """Which of these? True and false for any check; with `on_brand`, texts of which the most on-brand is chosen."""

    type: Literal["choice"]
    choices: list[Choice] = Field(min_length=2, max_length=255)


class Level(Body):
    label: str = Field(max_length=1000)
    description: str | None = None


class Score(Asked):
    """How much, on ordered levels, the lowest first?"""

    type: Literal["score"]
    levels: list[Level] = Field(min_length=2, max_length=255)


Question = Annotated[Predicate | Choose | Score, Field(discriminator="type")]


class DecisionRequest(Body):
    """`input` is the text, or a conversation whose last answer is the text and whose request before it is the brief."""

    model: str
    input: Words | list[Message]
    questions: list[Question] = Field(min_length=1, max_length=400)
    prompt_cache_key: str | None = None
    prompt_cache_options: Any = None
    safety_identifier: str | None = None


class Answer(BaseModel):
    """One answer; which fields there are depends on its type."""

    type: Literal["predicate", "choice", "score", "refusal"]
    name: str | None = None
    probability: float | None = None
    choice: bool | str | None = None
    score: float | None = None
    confidence: float | None = None
    probabilities: list[dict[str, Any]] | None = None


class Told(BaseModel):
    """What a check says: the chance, what was found against the text, and the reason where there is no chance."""

    chance: float | None
    found: list[dict[str, Any]]
    reason: str


class Decision(BaseModel):
    """The answers in the order of the questions."""

    answers: list[Answer]
    model: str
    version: str
    checks: dict[str, Told]
    usage: dict[str, Any]


USAGE = {"input_tokens": 0, "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0}, "output_tokens": 0,
         "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 0}  # no model runs


def text_of(given: str | Sequence[Message]) -> tuple[str, Brief | None]:
    """The text and the brief that it answers. Raises ApiError, InputError."""
    if isinstance(given, str):
        return given, None
    turns = read_turns([_plain(message) for message in given])
    if turns[-1][0] != "assistant":
        raise ApiError(400, "Invalid 'input': the last message is the text, with the role assistant.", "invalid_value", "input")
    asked = read_brief(turns[:-1])
    return turns[-1][1], asked[0] if asked else None


def _plain(message: Message) -> dict[str, Any]:
    """A message of this interface, whose parts have types of their own, as one of a conversation."""
    content = message.content
    if isinstance(content, list):
        content = [{**part, "type": "text"} if isinstance(part, Mapping) and part.get("type") in ("input_text", "output_text") else part
                   for part in content]
    return {"role": message.role, "content": content}


def _answered(question: Predicate | Choose | Score, checked: Mapping[str, Checked], checks: BrandChecks) -> dict[str, Any]:
    """The answer to one question; a refusal where no check can tell."""
    one = checked.get(question.name or "")
    common = {"type": question.type, "name": question.name}
    if one is None or one.chance is None:
        return {**common, "type": "refusal"}
    if isinstance(question, Predicate):
        return {**common, "probability": one.chance}
    if isinstance(question, Score):
        return {**common, **_on_levels(one.chance, [level.label for level in question.levels])}
    chances = _chances(question, one.chance, checks)
    if chances is None:
        return {**common, "type": "refusal"}
    best = max(range(len(chances)), key=lambda n: chances[n])
    told = [{"value": choice.value, "probability": chance} for choice, chance in zip(question.choices, chances, strict=True)]
    return {**common, "choice": question.choices[best].value, "confidence": chances[best], "probabilities": told}


def _chances(question: Choose, chance: float, checks: BrandChecks) -> list[float] | None:
    """The probability of each choice; None for words that a check cannot choose between."""
    values = [choice.value for choice in question.choices]
    if {str(value).casefold() for value in values if isinstance(value, bool)} == {"true", "false"} and len(values) == 2:
        return [chance if value else 1 - chance for value in values]
    if question.name != "on_brand" or any(isinstance(value, bool) for value in values):
        return None
    scores = [score or 0.0 for score in checks.scores([str(value) for value in values])]
    odds = [min(score, 1 - 1e-6) / (1 - min(score, 1 - 1e-6)) for score in scores]
    return [one / (sum(odds) or 1.0) for one in odds] if sum(odds) else [1 / len(odds)] * len(odds)


def _on_levels(chance: float, labels: Sequence[str]) -> dict[str, Any]:
    """A chance on ordered levels that are counted from 0: shared out between the two levels that it lies between."""
    score = chance * (len(labels) - 1)
    shares = [max(0.0, 1 - abs(score - value)) for value in range(len(labels))]
    return {"score": score, "confidence": max(shares),
            "probabilities": [{"label": label, "value": value, "probability": share}
                              for value, (label, share) in enumerate(zip(labels, shares, strict=True))]}


def _decide(body: DecisionRequest, caller: Caller) -> dict[str, Any]:
    target = caller.service.target(caller.client, body.model)
    if target.kind == "base":
        raise unknown_model(body.model)  # a base has no client whose voice could be checked
    text, brief = text_of(body.input)
    checks = caller.service.checks(target)
    asked = [name for name in CHECKS if any(question.name == name for question in body.questions)]
    checked = checks.of(text, brief, asked)
    return {"answers": [_answered(question, checked, checks) for question in body.questions], "model": body.model, "version": target.id,
            "checks": {name: asdict(one) for name, one in checked.items()}, "usage": USAGE}


@router.post("/v1/decisions", response_model=Decision, response_model_exclude_unset=True)
async def decide(body: DecisionRequest, caller: Reads) -> Any:
    """Check a text against the client's voice, format, terms and claims."""
    try:
        return await threaded(_decide, body, caller)
    except Exception as error:
        raise api_error(error) from error
