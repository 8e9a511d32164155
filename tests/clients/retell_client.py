"""Calls by the real Retell client from the fake Retell; webhooks are checked by its own verifier."""

import json
import sys

from receiver import Fakes, Receiver, say
from retell import APIStatusError, Retell
from retell.lib.webhook_auth import verify

HOST = sys.argv[1]
KEY = "key_with_the_webhook_badge"
US = "+15005550006"


def client(key=KEY):
    return Retell(api_key=key, base_url=HOST + "/retell", max_retries=0, _strict_response_validation=True)


def refused(case, send):
    try:
        send()
        say(case, error=None)
    except APIStatusError as error:
        say(case, error=type(error).__name__, status=error.status_code, said=error.body["status"])


def create(to, using=None, **more):
    return (using or client()).call.create_phone_call(
        from_number=US,
        to_number=to,
        override_agent_id="agent_1",
        metadata={"leadrail": "int_1"},
        retell_llm_dynamic_variables={"name": "Ada"},
        **more,
    )


def hear(count):
    heard = []
    for webhook in receiver.take(count):
        genuine = verify(webhook["body"], KEY, webhook["headers"].get("x-retell-signature", ""))
        heard.append((json.loads(webhook["body"]), genuine, webhook["url"]))
    return heard


fakes, receiver = Fakes(HOST), Receiver()
fakes.account("retell", key=KEY, webhookUrl=receiver.url("/agent"))
retell = client()

made = create("+14155550100")
say("create", id=made.call_id[:5], status=made.call_status, agent=made.agent_id, metadata=made.metadata)
heard = hear(3)
say("webhooks", events=[body["event"] for body, _, _ in heard], genuine=[genuine for _, genuine, _ in heard],
    analysis=heard[2][0]["call"]["call_analysis"]["custom_analysis_data"], same=heard[1][0]["call"]["call_id"] == made.call_id)
got = retell.call.retrieve(made.call_id)
say("get", status=got.call_status, reason=got.disconnection_reason, seconds=got.duration_ms / 1000,
    lines=len(got.transcript_object), successful=got.call_analysis.call_successful, variables=got.retell_llm_dynamic_variables)
filters = {"to_number": {"type": "string", "op": "eq", "value": "+14155550100"}}
by_ours = {"metadata": [{"type": "string", "op": "eq", "key": "leadrail", "value": "int_1"}]}
others = {"metadata": [{"type": "string", "op": "eq", "key": "leadrail", "value": "int_2"}]}
say("list", found=[call.call_id == made.call_id for call in retell.call.list(filter_criteria=filters).items],
    ours=len(retell.call.list(filter_criteria=by_ours).items), others=len(retell.call.list(filter_criteria=others).items))

create("+14155550102")
heard = hear(2)
say("no answer", events=[body["event"] for body, _, _ in heard], status=heard[0][0]["call"]["call_status"],
    reason=heard[0][0]["call"]["disconnection_reason"])

create("+14155550103", agent_override={"agent": {"webhook_url": receiver.url("/of-the-call")}})
say("its own url", urls=[url == receiver.url("/of-the-call") for _, _, url in hear(2)])

first = create("+14155550105", idempotency_key="int_5")
again = create("+14155550105", idempotency_key="int_5")
say("idempotent", same=first.call_id == again.call_id, reason=hear(3)[1][0]["call"]["disconnection_reason"])

refused("broken", lambda: create("+14155550110", idempotency_key="int_6"))
say("broken, again", same=create("+14155550110", idempotency_key="int_6").call_id == hear(3)[0][0]["call"]["call_id"])

create("+14155550114")
say("backwards", events=[body["event"] for body, _, _ in hear(3)])
create("+14155550115")
say("forged", genuine=[genuine for _, genuine, _ in hear(3)])
refused("invalid", lambda: create("+14155550118"))
refused("busy", lambda: create("+14155550117"))
refused("no number", lambda: create("4155550100"))
refused("unknown field", lambda: create("+14155550100", extra_body={"webhook_url": "https://example.com"}))
refused("credentials", lambda: create("+14155550100", using=client("another")))
refused("unknown", lambda: retell.call.retrieve("call_0"))
