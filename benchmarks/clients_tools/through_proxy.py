"""openai-python against a proxy that stands before the server, once it is up; prints one JSON object."""

import json
import time

import openai
from checks import check, checks, mine

client = openai.OpenAI(max_retries=0, timeout=120)
messages = [{"role": "user", "content": "Spring"}]


def wait():
    ends = time.monotonic() + 400
    while time.monotonic() < ends:
        try:
            return "acme" in [one.id for one in client.models.list()]
        except openai.OpenAIError:
            time.sleep(1)
    return False


def refused():
    try:
        client.chat.completions.create(model="acme", messages=[{"role": "user", "content": "word " * 4000}], max_tokens=6)
    except openai.BadRequestError as error:
        return "context" in str(error)
    return False


check("models", wait)
check("chat", lambda: mine(client.chat.completions.create(model="acme", messages=messages, max_tokens=6).choices[0].message.content))
check("stream", lambda: mine("".join(one.choices[0].delta.content or "" for one in client.chat.completions.create(
    model="acme", messages=messages, max_tokens=6, stream=True) if one.choices)))
check("an error stays what it is", refused)
print(json.dumps({"version": None, "checks": checks}))
