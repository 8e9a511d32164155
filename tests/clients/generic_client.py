"""Orders of our own protocol, signed and checked by the real standardwebhooks package."""

import base64
import json
import sys
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

from receiver import Fakes, Receiver, say
from standardwebhooks import Webhook, WebhookVerificationError

HOST = sys.argv[1]
SECRET = "whsec_" + base64.b64encode(b"a secret of 24 bytes or so").decode()


def order(body, secret=SECRET, at=None):
    data, at = json.dumps(body), at or datetime.now(timezone.utc)
    headers = {
        "content-type": "application/json", "webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, data),
    }
    return urllib.request.Request(HOST + "/generic/orders", data=data.encode(), headers=headers)


def ask(request):
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def of(to, **more):
    return {"orderId": "int_1", "to": to, "instructions": "Be kind.", "variables": {"name": "Ada"},
            "callbackUrl": receiver.url("/orders"), **more}


def genuine(webhook):
    try:
        return Webhook(SECRET).verify(webhook["body"], webhook["headers"])
    except WebhookVerificationError:
        return None


fakes, receiver = Fakes(HOST), Receiver()
say("no secret", status=ask(order(of("+14155550100")))[0])
fakes.account("generic", secret=SECRET)
status, made = ask(order(of("+14155550100")))
heard = [genuine(webhook) for webhook in receiver.take(3)]
say("order", status=status, types=[event["type"] for event in heard], outcomes=[event["data"]["outcome"] for event in heard],
    answers=heard[2]["data"]["answers"], same=heard[2]["data"]["reference"] == made["reference"])
state = ask(HOST + "/generic/orders/" + made["reference"])[1]["data"]
say("get", state=state["state"], told=all(state[name] == value for name, value in heard[2]["data"].items()))
ask(order(of("+14155550104")))
ended = genuine(receiver.take(3)[1])
wait = datetime.fromisoformat(ended["data"]["callbackAt"]) - datetime.fromisoformat(ended["timestamp"])
say("callback", outcome=ended["data"]["outcome"], minutes=round(wait.total_seconds() / 60))
ask(order(of("+14155550115")))
say("forged", events=[genuine(webhook) for webhook in receiver.take(3)])
another = "whsec_" + base64.b64encode(b"another secret, as long").decode()
say("credentials", status=ask(order(of("+14155550100"), secret=another))[0])
say("stale", status=ask(order(of("+14155550100"), at=datetime.now(timezone.utc) - timedelta(minutes=6)))[0])
say("unknown field", status=ask(order(of("+14155550100", lead="lead_1")))[0])
say("unknown", status=ask(HOST + "/generic/orders/order_0")[0])
