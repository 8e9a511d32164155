"""Texts by the real Vonage client from the fake Vonage; webhooks are checked by its own verifier."""

import hashlib
import json
import sys

import jwt
from receiver import Fakes, Receiver, say
from requests.adapters import HTTPAdapter
from vonage_http_client import Auth, HttpClient
from vonage_http_client.errors import HttpRequestError
from vonage_jwt import verify_signature
from vonage_messages import Messages, Sms

HOST = sys.argv[1]
KEY, SECRET, SIGNS = "a1b2c3d4", "api-secret-of-ours", "signature secret of thirty-two bytes"
US = "15005550006"


class ToTheFake(HTTPAdapter):
    def send(self, request, **arguments):
        request.url = request.url.replace("https://api.nexmo.com", HOST + "/vonage")
        return super().send(request, **arguments)

    def get_connection_with_tls_context(self, request, verify, proxies=None, cert=None):
        return self.poolmanager.connection_from_url(HOST)


def client(secret=SECRET):
    http = HttpClient(Auth(api_key=KEY, api_secret=secret))
    http._session.mount("https://", ToTheFake())
    return Messages(http)


def send(to, using=None, **more):
    return (using or client()).send(Sms(to=to, from_=US, text="hi", client_ref="msg_1", **more)).message_uuid


def refused(case, act):
    try:
        act()
        say(case, error=None)
    except HttpRequestError as error:
        body = error.response.json()
        say(case, error=type(error).__name__, status=error.response.status_code, title=body["title"])


def hear(count):
    heard = []
    for webhook in receiver.take(count):
        token = webhook["headers"].get("authorization", "").removeprefix("Bearer ")
        genuine = verify_signature(token, SIGNS)
        claims = jwt.decode(token, options={"verify_signature": False})
        whole = claims["payload_hash"] == hashlib.sha256(webhook["body"].encode()).hexdigest()
        heard.append((json.loads(webhook["body"]), genuine, whole))
    return heard


fakes, receiver = Fakes(HOST), Receiver()
fakes.account("vonage", user=KEY, key=SECRET, secret=SIGNS, webhookUrl=receiver.url("/account"))

made = send("14155550199")
heard = hear(2)
say("send", statuses=[body["status"] for body, _, _ in heard], genuine=[genuine for _, genuine, _ in heard],
    whole=[whole for _, _, whole in heard], same=heard[1][0]["message_uuid"] == made, ours=heard[1][0]["client_ref"],
    to=heard[1][0]["to"])
send("14155550120")
body = hear(2)[1][0]
say("undelivered", status=body["status"], error=body["error"]["type"].rsplit("#", 1)[1])
send("14155550121", webhook_url=receiver.url("/of-the-text"))
body = hear(3)[2][0]
say("answer", text=body["text"], sender=body["from"], keyword=body["sms"]["keyword"])
send("14155550115")
say("forged", genuine=[genuine for _, genuine, _ in hear(2)])
refused("invalid", lambda: send("14155550118"))
refused("broken", lambda: send("14155550109"))
refused("busy", lambda: send("14155550117"))
refused("credentials", lambda: send("14155550199", using=client("another")))
