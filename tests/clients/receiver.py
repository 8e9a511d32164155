"""A small HTTP server that keeps the webhooks it is sent, and a hand for driving the fakes."""

import json
import queue
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 10.0


class Receiver:
    def __init__(self):
        self.queue = queue.Queue()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                # Before the answer: the sender posts the next one when it has it, and that runs in another thread.
                outer.queue.put({"url": outer.base + self.path, "headers": headers, "body": body})
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{server.server_port}"

    def url(self, path):
        return self.base + path

    def take(self, count):
        """The next webhooks, in the order in which they came."""
        return [self.queue.get(timeout=PATIENCE) for _ in range(count)]


class Fakes:
    """The fakes' own side door."""

    def __init__(self, host):
        self.host = host

    def send(self, method, path, body):
        request = urllib.request.Request(
            self.host + path,
            method=method,
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def account(self, provider, **account):
        return self.send("PUT", f"/_fake/accounts/{provider}", account)

    def text(self, provider, sender, to, body):
        text = {"provider": provider, "from": sender, "to": to, "body": body}
        return self.send("POST", "/_fake/texts", text)["id"]


def say(case, **got):
    print(json.dumps({"case": case, "got": got}, default=str))
