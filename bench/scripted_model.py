"""An OpenAI-compatible endpoint without a model, for benches: answers drawn from the schema, faults on request.

url = serve_model(faults=0.125)     one question in eight is answered badly, in one of five ways
"""

from __future__ import annotations

import json
import random
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["serve_model"]


def serve_model(faults: float = 0.0) -> str:
    """The base URL of an endpoint in a thread of this process, which ends with it."""
    handler = type("Handler", (_Model,), {"faults": faults})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/v1"


class _Model(BaseHTTPRequestHandler):
    """Enforces schemas and draws its answers."""

    protocol_version = "HTTP/1.1"
    draw = random.Random(1)
    faults = 0.0

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        self._whole(404, b"{}")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        schema = asked["response_format"]["json_schema"]["schema"]
        if "hypothesis" in schema["properties"] and self.draw.random() < self.faults:
            self._misbehave(self.draw.randrange(5))
            return
        self._stream(json.dumps(self._fill(schema)))

    def _misbehave(self, how: int) -> None:
        match how:
            case 0:
                self._whole(429, b"{}", ("Retry-After", "1"))
            case 1:
                self._whole(200, b"<html>maintenance</html>", ("Content-Type", "text/html"))
            case 2:
                self._stream('{"hypothesis": "cut of', finish="length")
            case 3:
                self._stream("")
            case _:
                self._head(200, ("Content-Type", "text/event-stream"))
                self.wfile.write(b'data: {"choices": [')
                self.close_connection = True

    def _fill(self, schema: dict[str, Any]) -> Any:
        if "enum" in schema:
            return self.draw.choice(schema["enum"])
        if schema["type"] == "object":
            return {name: self._fill(part) for name, part in schema["properties"].items()}
        return "".join(self.draw.choices("abcdefgh ", k=40))

    def _stream(self, text: str, finish: str = "stop") -> None:
        delta = {"choices": [{"delta": {"content": text}, "finish_reason": finish}]}
        usage = {"choices": [], "usage": {"prompt_tokens": 4000, "completion_tokens": 100}}
        self._head(200, ("Content-Type", "text/event-stream"))
        for event in (json.dumps(delta), json.dumps(usage), "[DONE]"):
            self.wfile.write(f"data: {event}\n\n".encode())
        self.close_connection = True

    def _whole(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self._head(status, ("Content-Length", str(len(body))), *headers)
        self.wfile.write(body)

    def _head(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
