"""A receiver of Passerelle's reports, to start from: PASSERELLE_SECRET=whsec_… python3 receiver.py 127.0.0.1 8099"""
import base64, hashlib, hmac, json, os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

KEY = base64.b64decode(os.environ["PASSERELLE_SECRET"].removeprefix("whsec_"), validate=True)
SEEN = set()  # in earnest a table with this key, committed before the answer


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(min(int(self.headers["Content-Length"]), 4 << 20))
        name, at = self.headers["Webhook-Id"], self.headers["Webhook-Timestamp"]
        mac = hmac.new(KEY, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
        want = "v1," + base64.b64encode(mac).decode()
        signed = any(hmac.compare_digest(one, want) for one in self.headers["Webhook-Signature"].split(" "))
        good = signed and abs(time.time() - int(at)) <= 300
        batch = json.loads(body) if good else {"entries": []}
        for e in batch["entries"]:
            if (batch["journal"], e["sequence"]) not in SEEN:  # the same entry may come twice
                SEEN.add((batch["journal"], e["sequence"]))
                print(json.dumps(e["entry"]), flush=True)
        self.send_response(204 if good else 401)  # 401 is sent again; 400 would park the entries
        self.end_headers()


HTTPServer((sys.argv[1], int(sys.argv[2])), Receiver).serve_forever()
