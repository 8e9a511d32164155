"""Asks an OpenAI-compatible server with the real client, as our worker does, and prints what it got: one JSON line for each mode."""

import json
import sys

from openai import APIStatusError, APITimeoutError, OpenAI

HOST, REQUEST_FILE = sys.argv[1], sys.argv[2]
MODES = ["good", "say-House", "none", "refusal", "length", "busy", "broken", "unauthorized", "hang"]


def ask(mode, request):
    client = OpenAI(base_url=f"{HOST}/{mode}/v1", api_key="test", max_retries=0, timeout=2.0)
    try:
        answer = client.chat.completions.create(**request)
    except APITimeoutError:
        return {"error": "timeout"}
    except APIStatusError as error:
        retry_after = error.response.headers.get("retry-after")
        return {"error": type(error).__name__, "status": error.status_code, "retryAfter": retry_after}
    choice = answer.choices[0]
    got = {"finish": choice.finish_reason, "refusal": choice.message.refusal, "tokens": answer.usage.total_tokens}
    if choice.finish_reason == "stop" and choice.message.content is not None:
        got["reply"] = json.loads(choice.message.content)
    return got


with open(REQUEST_FILE, encoding="utf-8") as file:
    REQUEST = json.load(file)
for mode in MODES:
    print(json.dumps({"mode": mode, "got": ask(mode, REQUEST)}))
