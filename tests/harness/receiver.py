"""An HTTP receiver of webhooks: answers as it is told, and writes down what it got.

receiver.py PORT LOG STATUS... : the statuses are given out one after the other, the last for ever;
"slow" waits for longer than a sender does, "cut" closes the connection without an answer.
"""

import base64
import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, log, statuses = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        entry = {
            "path": self.path,
            "status": status,
            "id": self.headers["webhook-id"],
            "signed": self.headers["webhook-signature"] == expected,
            "fresh": abs(time.time() - int(self.headers["webhook-timestamp"] or 0)) < 60,
            "body": json.loads(body),
        }
        with open(log, "a") as out:
            out.write(json.dumps(entry) + "\n")
        if status == "slow":
            time.sleep(20)
        if status in ("slow", "cut"):
            self.close_connection = True
            return
        self.send_response(int(status))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
