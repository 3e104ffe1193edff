"""A small origin that keeps docs/origin-contract.md, with Python's standard library alone. To be read, and to begin one's own with.

It has one tool, `hello`, and keeps claims in its memory: an origin that is one of several keeps them in the database that all share.
"""

import hashlib
import hmac
import json
import os
import re
import signal
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KID_MESSAGE = b"mcpist/gateway-secret/kid/v1"
PUBLISHED = bytes(range(32))
SECRET = re.compile(r"[0-9a-f]{64}")
TOMBSTONE = re.compile(r"revoked:[0-9a-f]{16}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
UUID_V7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MARK = re.compile(r"[0-9a-f]{16}")
MAX_BODY = 4 * 1024 * 1024
NAME = os.environ.get("ORIGIN_NAME", "python")
TOOLS = [{"name": "hello", "description": "Greets.", "inputSchema": {"type": "object"}}]


def read_slot(name):
    """What a slot reports, and the digest that a caller's secret must have; the process ends on anything that is no slot."""
    text = os.environ.get(name)
    if text is None:
        return None, None
    if TOMBSTONE.fullmatch(text):
        return text, None
    secret = bytes.fromhex(text) if SECRET.fullmatch(text) else b""
    if len(set(secret)) < 16 or secret == PUBLISHED:
        sys.exit(f"{name} is neither a secret nor a tombstone")
    kid = hmac.new(secret, KID_MESSAGE, hashlib.sha256).hexdigest()[:16]
    return kid, hashlib.sha256(text.encode()).digest()


KIDS, DIGESTS = {}, {}
for slot in ("a", "b"):
    KIDS[slot], digest = read_slot(f"GATEWAY_SECRET_{slot.upper()}")
    if digest:
        DIGESTS[KIDS[slot]] = digest
if not DIGESTS:
    sys.exit("no gateway secret in GATEWAY_SECRET_A or GATEWAY_SECRET_B")
MARKS = {
    name[: -len("_MARK")]: text if MARK.fullmatch(text) and text != "0" * 16 else None
    for name, text in os.environ.items()
    if re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}_MARK", name)
}
last_accepted = dict.fromkeys(DIGESTS)
claims, claims_lock = {}, threading.Lock()
draining = threading.Event()


def accepted_kid(values):
    """The kid of the one value that was sent, or None. Every slot is compared, always, in constant time."""
    digest = hashlib.sha256((values[0] if len(values) == 1 else "").encode("latin-1")).digest()
    found = [kid for kid, known in DIGESTS.items() if hmac.compare_digest(digest, known)]
    return found[0] if found else None


def claim(request_id, user):
    """Takes a request id: ("owned", None), ("done", result), ("busy", None) or ("foreign", None)."""
    with claims_lock:
        now = time.monotonic()
        for old in [key for key, entry in claims.items() if now - entry["at"] > 600]:
            del claims[old]
        entry = claims.setdefault(request_id, {"user": user, "at": now, "result": None, "fresh": True})
        if entry["user"] != user:
            return "foreign", None
        if entry.pop("fresh", False):
            return "owned", None
        return ("done", entry["result"]) if entry["result"] else ("busy", None)


class Origin(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def answer(self, status, body=None, headers=()):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("X-Mcpist-Origin", NAME)
        self.send_header("Content-Length", str(len(data)))
        if body is not None:
            self.send_header("Content-Type", "application/json")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def deny(self, status, reason):
        # The body was not read, so nothing that follows on this connection can be trusted.
        self.close_connection = True
        self.answer(status, headers=[("X-Mcpist-Deny", reason), ("Connection", "close")])

    def log_message(self, *_):
        """Headers hold the secret; nothing of a request is written down."""

    def observation(self):
        ages = {kid: None if at is None else int(time.monotonic() - at) for kid, at in last_accepted.items()}
        seen = {"role": "origin", "instanceId": INSTANCE, "deployment": os.environ.get("FLY_MACHINE_VERSION", "local")}
        seen |= {"kids": KIDS, "lastAccepted": ages, "marks": MARKS}
        values = self.headers.get_all("X-Gateway-Secret")
        if values is not None:
            seen["accepted"] = accepted_kid(values) is not None
        self.answer(200, seen, [("Cache-Control", "no-store")])

    def handle_request(self):
        path = self.path.split("?")[0]
        if self.command == "GET" and path == "/health":
            return self.answer(200, {"status": "ok"})
        if self.command == "GET" and path == "/.well-known/mcpist/gateway":
            return self.observation()
        kid = accepted_kid(self.headers.get_all("X-Gateway-Secret") or [])
        if kid is None:
            return self.deny(403, "gateway_secret")
        if self.command == "GET" and path == "/health/ready":
            return self.deny(503, "draining") if draining.is_set() else self.answer(200, {"status": "ready"})
        if path != "/mcp":
            return self.deny(404, "path")
        last_accepted[kid] = time.monotonic()
        if self.command != "POST":
            return self.answer(405, headers=[("Allow", "POST")])
        if draining.is_set():
            return self.deny(503, "draining")
        users, ids = self.headers.get_all("X-User-ID") or [], self.headers.get_all("X-Request-ID") or []
        if not (len(users) == len(ids) == 1 and UUID.fullmatch(users[0]) and UUID_V7.fullmatch(ids[0])):
            return self.deny(500, "identity")
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY:
            return self.deny(413, "size")
        try:
            message = json.loads(self.rfile.read(int(length)))
        except ValueError:
            return self.answer(400, {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}})
        if not isinstance(message, dict):
            return self.answer(400, {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "No batches"}})
        return self.serve_mcp(message, users[0], ids[0])

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = do_PATCH = handle_request

    def serve_mcp(self, message, user, request_id):
        method, params, headers = message.get("method"), message.get("params") or {}, []
        if message.get("id") is None:
            return self.answer(202)
        error = None
        if method == "initialize":
            result = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": NAME, "version": "1.0.0"},
            }
        elif method == "ping":
            result = {}
        elif method == "tools/list":
            result = {"tools": TOOLS}
        elif method == "tools/call" and params.get("name") == "hello":
            # Before anything is done: the gateway sends a request again when it does not know whether it arrived.
            state, result = claim(request_id, user)
            if state == "busy":
                return self.answer(409, headers=[("X-Mcpist-Claim", "in_progress")])
            if state == "done":
                headers = [("X-Mcpist-Claim", "replayed")]
            elif state == "foreign":
                result = {"content": [{"type": "text", "text": "not available"}], "isError": True}
            else:
                result = {"content": [{"type": "text", "text": f"Hello, {user}: {uuid.uuid4()}"}]}
                claims[request_id]["result"] = result
        else:
            error = {"code": -32601, "message": "Method not found"}
        answer = {"error": error} if error else {"result": result}
        self.answer(200, {"jsonrpc": "2.0", "id": message["id"], **answer}, headers)


INSTANCE = os.environ.get("FLY_MACHINE_ID") or os.environ.get("KOYEB_INSTANCE_ID") or f"local-{uuid.uuid4()}"
server = ThreadingHTTPServer((os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080"))), Origin)
# Requests under way are finished before the process ends.
server.daemon_threads = False


def drain(*_):
    draining.set()
    # A little while for what comes on kept connections: it is told to go elsewhere.
    threading.Timer(4, server.shutdown).start()


signal.signal(signal.SIGTERM, drain)
print(json.dumps({"event": "listening", "port": server.server_address[1], "origin": NAME}), flush=True)
server.serve_forever()
server.server_close()
