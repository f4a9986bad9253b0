"""LangChain's chat model and embeddings against the server; prints one JSON object."""

import json
from importlib.metadata import version

from checks import check, checks, mine
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

model = ChatOpenAI(model="live", max_tokens=6, timeout=300)
schema = {"title": "one", "type": "object", "properties": {"a": {"enum": [1]}}, "required": ["a"], "additionalProperties": False}
base = ChatOpenAI(model="starter", max_tokens=60, timeout=300)
check("invoke", lambda: mine(model.invoke("Spring").content))
check("invoke with a system message", lambda: mine(model.invoke([("system", "Be plain."), ("human", "Spring")]).content))
check("stream", lambda: mine("".join(one.content for one in model.stream("Spring"))))
check("batch", lambda: all(mine(one.content) for one in model.batch(["Spring", "Winter", "Rain"])))
check("usage", lambda: model.invoke("Spring").usage_metadata["output_tokens"] == 6)
check("structured output", lambda: base.with_structured_output(schema, method="json_schema").invoke("Give a") == {"a": 1})
check("embeddings", lambda: len(OpenAIEmbeddings(model="starter", check_embedding_ctx_length=False).embed_query("Spring")) > 8)
print(json.dumps({"version": version("langchain-openai"), "checks": checks}))
