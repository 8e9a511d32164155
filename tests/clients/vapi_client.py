"""Calls by the real Vapi client from the fake Vapi; webhooks are read with its own types."""

import base64
import hashlib
import hmac
import json
import sys

from pydantic import TypeAdapter
from receiver import Fakes, Receiver, say
from standardwebhooks import Webhook
from vapi import Vapi
from vapi.core.api_error import ApiError
from vapi.types import ServerMessageEndOfCallReport, ServerMessageStatusUpdate

HOST = sys.argv[1]
KEY = "private-key"
ASSISTANT, NUMBER = "0193e1a0-0000-7000-8000-000000000001", "0193e1a0-0000-7000-8000-000000000002"


def client(key=KEY):
    return Vapi(token=key, base_url=HOST + "/vapi")


def create(to, using=None, **more):
    arguments = {
        "assistant_id": ASSISTANT,
        "phone_number_id": NUMBER,
        "customer": {"number": to},
        "assistant_overrides": {
            "variable_values": {"name": "Ada"},
            "metadata": {"leadrail": "int_1"},
            "server": {"url": receiver.url("/vapi"), "headers": {"X-Ours": "int_1"}},
        },
    }
    return (using or client()).calls.create(**{**arguments, **more}, request_options={"max_retries": 0})


def refused(case, send):
    try:
        send()
        say(case, error=None)
    except ApiError as error:
        say(case, status=error.status_code, error=error.body["error"])


fakes, receiver = Fakes(HOST), Receiver()
fakes.account("vapi", key=KEY, secret="s3cret")

made = create("+14155550100")
say("create", status=made.status, type=made.type, assistant=made.assistant_id == ASSISTANT, org=bool(made.org_id))
heard = receiver.take(3)
messages = [json.loads(webhook["body"])["message"] for webhook in heard]
update = TypeAdapter(ServerMessageStatusUpdate).validate_python(messages[1])
report = TypeAdapter(ServerMessageEndOfCallReport).validate_python(messages[2])
say("webhooks", types=[message["type"] for message in messages], statuses=[m.get("status") for m in messages],
    secrets=[webhook["headers"]["x-vapi-secret"] for webhook in heard], ours=heard[0]["headers"]["x-ours"],
    reason=update.ended_reason, structured=report.analysis.structured_data, same=report.call.id == made.id,
    spoken=[message.role for message in report.artifact.messages], recorded=bool(report.artifact.recording_url))
got = client().calls.get(made.id)
say("get", status=got.status, reason=got.ended_reason, evaluation=got.analysis.success_evaluation,
    seconds=(got.ended_at - got.started_at).total_seconds(), variables=got.assistant_overrides.variable_values)
say("list", found=[call.id == made.id for call in client().calls.list(phone_number_id=NUMBER, created_at_ge=made.created_at)],
    others=len(client().calls.list(assistant_id=NUMBER)))

create("+14155550101")
say("voicemail", reason=json.loads(receiver.take(3)[2]["body"])["message"]["endedReason"])
create("+14155550102")
messages = [json.loads(webhook["body"])["message"] for webhook in receiver.take(3)]
say("no answer", statuses=[m.get("status") for m in messages], reason=messages[2]["endedReason"])

fakes.account("vapi", key=KEY, secret="token", auth={"type": "bearer", "header": "authorization", "prefix": "Bearer "})
create("+14155550199")
say("bearer", headers=[webhook["headers"]["authorization"] for webhook in receiver.take(3)])


def by_hmac(webhook, secret=b"shared"):
    headers = webhook["headers"]
    signed = f"{headers['x-timestamp']}.{webhook['body']}".encode()
    return hmac.new(secret, signed, hashlib.sha256).hexdigest() == headers["x-signature"]


fakes.account("vapi", key=KEY, secret="shared", auth={"type": "hmac"})
create("+14155550199")
say("hmac", genuine=[by_hmac(webhook) for webhook in receiver.take(3)])
create("+14155550115")
say("forged", genuine=[by_hmac(webhook) for webhook in receiver.take(3)])

whsec = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
fakes.account("vapi", key=KEY, secret=whsec, auth={
    "type": "hmac", "payloadFormat": "{svix-id}.{timestamp}.{body}", "signatureEncoding": "base64",
    "signaturePrefix": "v1,", "secretIsBase64": True, "signatureHeader": "webhook-signature",
    "timestampHeader": "webhook-timestamp", "messageIdHeader": "webhook-id"})
create("+14155550199")
say("standard", read=[Webhook(whsec).verify(w["body"], w["headers"])["message"]["type"] for w in receiver.take(3)])

refused("invalid", lambda: create("+14155550118"))
refused("no e164", lambda: create("4155550100"))
refused("no uuid", lambda: create("+14155550100", assistant_id="assistant"))
refused("broken", lambda: create("+14155550109"))
refused("busy", lambda: create("+14155550117"))
refused("credentials", lambda: create("+14155550100", using=client("another")))
refused("unknown", lambda: client().calls.get("0193e1a0-0000-7000-8000-000000000009"))
