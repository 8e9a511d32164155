"""Texts by the real twilio client from the fake Twilio; webhooks are checked by its own validator."""

import sys
from urllib.parse import parse_qsl

from receiver import Fakes, Receiver, say
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator, get_signature_algorithm
from twilio.rest import Client

HOST = sys.argv[1]
SID, TOKEN = "AC" + "0" * 32, "token-of-the-account"
US = "+15005550006"


class ToTheFake(TwilioHttpClient):
    def request(self, method, url, *args, **kwargs):
        return super().request(method, url.replace("https://api.twilio.com", HOST + "/twilio"), *args, **kwargs)


def client(token=TOKEN):
    return Client(SID, token, http_client=ToTheFake())


def genuine(webhook, validator):
    fields = dict(parse_qsl(webhook["body"], keep_blank_values=True))
    signature = webhook["headers"].get("x-twilio-signature", "")
    return fields, validator(webhook, fields, signature)


def by_token(webhook, fields, signature):
    return RequestValidator(TOKEN).validate(webhook["url"], fields, signature)


def refused(case, send):
    try:
        send()
        say(case, error=None)
    except TwilioRestException as error:
        say(case, status=error.status, code=error.code)


fakes, receiver = Fakes(HOST), Receiver()
fakes.account("twilio", user=SID, key=TOKEN, webhookUrl=receiver.url("/texts"))
twilio = client()


def send(to, **more):
    return twilio.messages.create(to=to, from_=US, body="hi", status_callback=receiver.url("/status?msg=msg_1"), **more)


made = send("+14155550199")
say("create", sid=made.sid, status=made.status, segments=made.num_segments, error=made.error_code, created=made.date_created)
heard = [genuine(webhook, by_token) for webhook in receiver.take(2)]
say("status", statuses=[fields["MessageStatus"] for fields, _ in heard], genuine=[ok for _, ok in heard],
    same=all(fields["MessageSid"] == made.sid for fields, _ in heard))
got = twilio.messages(made.sid).fetch()
say("get", status=got.status, sent=got.date_sent, direction=got.direction)
listed = twilio.messages.list(to="+14155550199", limit=20)
say("list", found=[message.sid == made.sid for message in listed],
    others=len(twilio.messages.list(to="+14155550198", limit=20)),
    recent=len(twilio.messages.list(to="+14155550199", date_sent_after=made.date_created, limit=20)))

service = twilio.messages.create(to="+14155550120", messaging_service_sid="MG" + "1" * 32, body="hi",
                                 status_callback=receiver.url("/status"))
heard = [genuine(webhook, by_token) for webhook in receiver.take(2)]
say("undelivered", first=service.status, sender=service.from_, last=heard[1][0]["MessageStatus"],
    code=heard[1][0]["ErrorCode"], kept=twilio.messages(service.sid).fetch().error_code)

sid = fakes.text("twilio", "+14155550199", US, "STOP")
fields, ok = genuine(receiver.take(1)[0], by_token)
say("inbound", genuine=ok, same=fields["MessageSid"] == sid, body=fields["Body"], keyword=fields["OptOutType"])
refused("stopped", lambda: send("+14155550199"))
fakes.text("twilio", "+14155550199", US, "START")
receiver.take(1)
send("+14155550199")
receiver.take(2)

send("+14155550115")
say("forged", genuine=[genuine(webhook, by_token)[1] for webhook in receiver.take(2)])
refused("invalid", lambda: send("+14155550118"))
refused("opted out", lambda: send("+14155550119"))
refused("broken", lambda: send("+14155550109"))
refused("busy", lambda: send("+14155550117"))
say("busy no more", sid=send("+14155550117").sid[:2])
receiver.take(2)
refused("no sender", lambda: twilio.messages.create(to="+14155550199", body="hi"))
refused("bad callback", lambda: twilio.messages.create(to="+14155550199", from_=US, body="hi", status_callback="nowhere"))
refused("credentials", lambda: client("another").messages.create(to="+14155550199", from_=US, body="hi"))
refused("unknown", lambda: twilio.messages("SM" + "0" * 32).fetch())

fakes.account("twilio", user=SID, key=TOKEN, secret="shared-key", signingKeyId="KY1")
send("+14155550199")


def by_key(webhook, fields, signature):
    algorithm = get_signature_algorithm(webhook["headers"]["x-twilio-webhooks-signature-settings"])
    return RequestValidator("shared-key").validate(webhook["url"], fields, signature, algorithm)


say("sha256", genuine=[genuine(webhook, by_key)[1] for webhook in receiver.take(2)])
