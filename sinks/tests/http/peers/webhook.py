"""A webhook receiver: HTTPS, signatures checked by the PyPI package standardwebhooks.

Usage: webhook.py CERTIFICATE KEY SECRET LOG [PORT]. Prints its port, then writes a JSON line a request to
LOG. What it answers hangs on the path: /take, /busy-once (503 at first), /no-gzip (415), /blind-to-gzip (400).
"""

import gzip
import http.server
import json
import ssl
import sys

from standardwebhooks import Webhook, WebhookVerificationError

certificate, key, secret, log, *port = sys.argv[1:]
webhook = Webhook(secret)
seen = set()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        compressed = self.headers.get("content-encoding") == "gzip"
        headers = {name.lower(): value for name, value in self.headers.items()}
        record = {"path": self.path, "headers": headers, "bytes": len(body)}
        record["status"] = self.judge(body, compressed, headers, record)
        with open(log, "a") as lines:
            lines.write(json.dumps(record) + "\n")
        self.send_response(record["status"])
        if record["status"] == 503:
            self.send_header("retry-after", "7")
        self.send_header("content-length", "0")
        self.end_headers()

    def judge(self, body, compressed, headers, record):
        if compressed and self.path == "/no-gzip":
            return 415
        if compressed and self.path == "/blind-to-gzip":
            return 400
        text = gzip.decompress(body) if compressed else body
        try:
            record["events"] = webhook.verify(text, headers)
        except WebhookVerificationError as error:
            record["error"] = str(error)
            return 401
        if self.path == "/busy-once" and headers["webhook-id"] not in seen:
            seen.add(headers["webhook-id"])
            return 503
        return 204

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port[0]) if port else 0), Receiver)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
