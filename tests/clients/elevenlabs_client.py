"""Calls by the real ElevenLabs client from the fake ElevenLabs; webhooks are checked by its own verifier."""

import json
import sys

from elevenlabs import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.errors import BadRequestError
from elevenlabs.types import GetConversationResponseModel
from pydantic import TypeAdapter
from receiver import Fakes, Receiver, say

HOST = sys.argv[1]
KEY, SECRET = "api-key", "wsec_of_the_workspace"


def client(key=KEY):
    return ElevenLabs(api_key=key, base_url=HOST + "/elevenlabs")


def create(to, using=None, **more):
    data = {"user_id": "int_1", "dynamic_variables": {"name": "Ada"}, **more}
    return (using or client()).conversational_ai.twilio.outbound_call(
        agent_id="agent_1", agent_phone_number_id="phnum_1", to_number=to, conversation_initiation_client_data=data,
        request_options={"max_retries": 0})


def genuine(webhook):
    try:
        return client().webhooks.construct_event(webhook["body"], webhook["headers"].get("elevenlabs-signature"), SECRET)
    except BadRequestError:
        return None


def refused(case, send):
    try:
        send()
        say(case, error=None)
    except ApiError as error:
        detail = error.body["detail"]
        word = detail["status"] if isinstance(detail, dict) else detail[0]["type"]
        say(case, status=error.status_code, word=word)


fakes, receiver = Fakes(HOST), Receiver()
fakes.account("elevenlabs", key=KEY, secret=SECRET, webhookUrl=receiver.url("/workspace"))
conversations = client().conversational_ai.conversations

made = create("+14155550100")
say("create", success=made.success, id=made.conversation_id[:5], call=made.call_sid[:2])
event = genuine(receiver.take(1)[0])
told = TypeAdapter(GetConversationResponseModel).validate_python(event["data"])
say("webhook", type=event["type"], same=told.conversation_id == made.conversation_id, status=told.status,
    collected={name: result.value for name, result in told.analysis.data_collection_results.items()},
    ours=told.conversation_initiation_client_data.user_id)
got = conversations.get(made.conversation_id)
say("get", status=got.status, seconds=got.metadata.call_duration_secs, successful=got.analysis.call_successful,
    lines=[line.role for line in got.transcript], number=got.metadata.phone_call.external_number)
say("list", found=[c.conversation_id == made.conversation_id for c in conversations.list(user_id="int_1").conversations],
    others=len(conversations.list(user_id="int_2").conversations),
    by_variable=len(conversations.list(dynamic_variable_params="name:eq:Ada").conversations))

made = create("+14155550103")
event = genuine(receiver.take(1)[0])
say("busy line", type=event["type"], reason=event["data"]["failure_reason"],
    same=event["data"]["conversation_id"] == made.conversation_id, status=conversations.get(made.conversation_id).status)
create("+14155550115")
say("forged", event=genuine(receiver.take(1)[0]))
made = create("+14155550118")
say("invalid", success=made.success, id=made.conversation_id)
refused("nested variable", lambda: create("+14155550100", dynamic_variables={"lead": {"name": "Ada"}}))
refused("broken", lambda: create("+14155550109"))
refused("busy", lambda: create("+14155550117"))
refused("credentials", lambda: create("+14155550100", using=client("another")))
refused("unknown", lambda: conversations.get("conv_0"))
