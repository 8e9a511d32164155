"""Signs and verifies webhooks with the real libraries: one JSON object on stdin, `{"sign": [case…], "verify": [case…]}`; one on stdout.

A case is an object with `scheme` and what that scheme needs. The answers stand in the same order: signatures, and true or false.
"""

import json
import sys
from datetime import datetime, timezone

import jwt
import vonage_jwt
from elevenlabs.errors import BadRequestError
from elevenlabs.webhooks_custom import WebhooksClient
from retell.lib.webhook_auth import symmetric
from standardwebhooks import Webhook, WebhookVerificationError
from twilio.request_validator import RequestValidator, get_signature_algorithm


class Form(dict):
    """A form whose names may come several times, as web frameworks give it."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.pairs = pairs

    def getlist(self, name):
        return [value for known, value in self.pairs if known == name]


def twilio_params(case):
    return Form(case["form"]) if "form" in case else case["body"]


def sign_twilio(case):
    params = Form(case.get("form", []))
    return RequestValidator(case["key"]).compute_signature(case["url"], params, get_signature_algorithm(case["settings"]))


def verify_twilio(case):
    algorithm = get_signature_algorithm(case["settings"])
    return RequestValidator(case["key"]).validate(case["url"], twilio_params(case), case["signature"], algorithm)


def sign_retell(case):
    return symmetric["sign"](case["body"], case["key"], case["at"] * 1000)


def verify_retell(case):
    return symmetric["verify"](case["body"], case["key"], case["signature"])


def sign_standard(case):
    at = datetime.fromtimestamp(case["at"], tz=timezone.utc)
    return Webhook(case["key"]).sign(case["id"], at, case["body"])


def verify_standard(case):
    headers = {"webhook-id": case["id"], "webhook-timestamp": str(case["at"]), "webhook-signature": case["signature"]}
    try:
        Webhook(case["key"]).verify(case["body"], headers, json_parse=False)
        return True
    except WebhookVerificationError:
        return False


def sign_vonage(case):
    return jwt.encode(case["claims"], case["key"], algorithm="HS256")


def verify_vonage(case):
    return vonage_jwt.verify_signature(case["signature"], case["key"])


def verify_elevenlabs(case):
    try:
        WebhooksClient.construct_event(None, case["body"], case["signature"], case["key"])
        return True
    except BadRequestError:
        return False


SIGN = {"twilio": sign_twilio, "retell": sign_retell, "standard": sign_standard, "vonage": sign_vonage}
VERIFY = {
    "twilio": verify_twilio,
    "retell": verify_retell,
    "standard": verify_standard,
    "vonage": verify_vonage,
    "elevenlabs": verify_elevenlabs,
}

ASKED = json.load(sys.stdin)
print(
    json.dumps(
        {
            "sign": [SIGN[case["scheme"]](case) for case in ASKED["sign"]],
            "verify": [VERIFY[case["scheme"]](case) for case in ASKED["verify"]],
        }
    )
)
