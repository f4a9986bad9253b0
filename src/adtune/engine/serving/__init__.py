"""Tokens for many clients from one base: rows of different adapters in one batch (the gateway speaks HTTP, this does not)."""

from .engine import TokenEngine
from .requests import AdapterRef, Answer, Logprob, Ticket, TokenEvent, TokenRequest, Usage

__all__ = ["AdapterRef", "Answer", "Logprob", "Ticket", "TokenEngine", "TokenEvent", "TokenRequest", "Usage"]
