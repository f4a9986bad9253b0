"""The requests of OpenAI's interface as pydantic records: unknown fields are refused as OpenAI refuses them.

Fields that change nothing here (user, metadata, store …) are taken and left; what would change the answer and is not built is refused by
name, unless it holds the value that changes nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .errors import ApiError

Words = Annotated[str, Field(max_length=4_000_000)]
NEUTRAL: dict[str, tuple[Any, ...]] = {  # of what is not built, the values that change nothing
    "frequency_penalty": (None, 0), "presence_penalty": (None, 0), "logit_bias": (None, {}), "tools": (None, []), "functions": (None, []),
    "tool_choice": (None, "none", "auto"), "function_call": (None, "none", "auto"), "modalities": (None, ["text"]), "audio": (None,),
    "prediction": (None,), "web_search_options": (None,), "echo": (None, False), "suffix": (None, "")}


class Body(BaseModel):
    """A request of ours: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid")


class StreamOptions(Body):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Sampled(Body):
    """What both kinds of completion share."""

    model: str
    max_tokens: int | None = Field(None, ge=1, le=1_000_000)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    n: int | None = Field(None, ge=1, le=16)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    user: str | None = None

    def stops(self) -> tuple[str, ...]:
        """The stop sequences. Raises ApiError for more than OpenAI takes."""
        found = tuple([self.stop] if isinstance(self.stop, str) else self.stop or ())
        if len(found) > 4:
            raise ApiError(400, "Invalid 'stop': at most 4 sequences.", "invalid_value", "stop")
        return found

    def check_built(self) -> None:
        """Raises ApiError for a field that would change the answer and is not built."""
        for name, values in NEUTRAL.items():
            if name in type(self).model_fields and getattr(self, name) not in values:
                raise ApiError(400, f"Unsupported parameter: '{name}' is not supported with this model.", "unsupported_parameter", name)


class Message(BaseModel):
    """One turn; fields that other roles have are let through here and refused where they would be read."""

    model_config = ConfigDict(extra="allow")
    role: str
    content: Any = None


class JsonSchema(Body):
    name: str
    description: str | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    strict: bool | None = None


class ResponseFormat(Body):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class ChatRequest(Sampled):
    """POST /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1, max_length=2000)
    max_completion_tokens: int | None = Field(None, ge=1, le=1_000_000)
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    tools: list[Any] | None = None
    tool_choice: Any = None
    functions: list[Any] | None = None
    function_call: Any = None
    parallel_tool_calls: bool | None = None
    modalities: list[str] | None = None
    audio: dict[str, Any] | None = None
    prediction: dict[str, Any] | None = None
    web_search_options: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    moderation: Any = None
    prompt_cache_key: str | None = None
    prompt_cache_options: Any = None
    prompt_cache_retention: str | None = None
    reasoning_effort: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    verbosity: str | None = None


class CompletionRequest(Sampled):
    """POST /v1/completions."""

    prompt: Words | list[Words] | list[int] | list[list[int]]
    best_of: int | None = None
    echo: bool | None = None
    logprobs: int | None = Field(None, ge=0, le=5)
    suffix: str | None = None


class EmbeddingRequest(Body):
    """POST /v1/embeddings."""

    model: str
    input: Words | list[Words] | list[int] | list[list[int]]
    dimensions: int | None = Field(None, ge=1)
    encoding_format: Literal["float", "base64"] | None = None
    user: str | None = None


class Supervised(Body):
    hyperparameters: dict[str, Any] | None = None


class Method(Body):
    type: str
    supervised: Supervised | None = None
    dpo: Any = None
    reinforcement: Any = None


class JobRequest(Body):
    """POST /v1/fine_tuning/jobs; `adtune` holds settings of `adtune tune` by name (the SDK's extra_body)."""

    model: str
    training_file: str
    validation_file: str | None = None
    suffix: str | None = Field(None, max_length=64)
    seed: int | None = None
    metadata: dict[str, Any] | None = None
    integrations: list[Any] | None = None
    hyperparameters: dict[str, Any] | None = None
    method: Method | None = None
    adtune: dict[str, Any] | None = None
