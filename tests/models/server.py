"""A server of the chat API for one test: real HTTP on this machine, and each request is answered as the test says."""

import json
import socket
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answering = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """One connection; `protocol_version` 1.1 keeps it open, as servers of models do."""

    protocol_version = "HTTP/1.1"
    server: "ChatServer"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        number = self.server.note(self.path, body, self.headers.get("authorization"))
        answers = self.server.answers
        answers[min(number, len(answers) - 1)](self)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the output belongs to pytest."""

    # -- what answers are made of ---------------------------------------------------

    def send_whole(self, status: int, body: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def send_piece(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def hang_up(self) -> None:
        """Breaks the connection, as a server does that dies."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


class ChatServer(ThreadingHTTPServer):
    """Answers the n-th request with the n-th of `answers`, the last of them again and again; notes what it is asked."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, answers: Iterable[Answering]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any], str | None]] = []
        self.released = threading.Event()
        self._noting = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def note(self, path: str, body: dict[str, Any], key: str | None) -> int:
        with self._noting:
            self.asked.append((path, body, key))
            return len(self.asked) - 1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, body, _ in self.asked]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing: a client that is gone is what some tests are about."""

    def end(self) -> None:
        self.released.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


# -- answers ------------------------------------------------------------------------


def message(text: str | None = "hello", calls: Any = None, reason: str | None = None, **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        said["tool_calls"] = [
            {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
            for id, name, arguments in calls
        ]
    return {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1,
        "model": "small-1",
        "choices": [{"index": 0, "message": said, "finish_reason": reason or ("tool_calls" if calls else "stop")}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
        **more,
    }


def whole(body: Any, status: int = 200, **headers: str) -> Answering:
    return lambda handler: handler.send_whole(status, json.dumps(body).encode(), **headers)


def raw(body: bytes, status: int = 200, kind: str = "application/json", **headers: str) -> Answering:
    return lambda handler: handler.send_whole(status, body, kind, **headers)


def refused(status: int, text: str = "no", code: str | None = None, **headers: str) -> Answering:
    return whole({"error": {"message": text, "type": "some_error", "code": code}}, status, **headers)


def chunk(delta: dict[str, Any] | None = None, reason: str | None = None, **more: Any) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": reason}]
    head = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": "small-1"}
    return f"data: {json.dumps({**head, 'choices': choices, **more})}\n\n"


USED = chunk(None, usage={"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10})
DONE = "data: [DONE]\n\n"


def streamed(*pieces: str, end: bool = True) -> Answering:
    """Sends these pieces; `end=False` breaks the connection after them."""

    def answer(handler: Handler) -> None:
        handler.begin_stream()
        for piece in pieces:
            handler.send_piece(piece)
        if end:
            handler.end_stream()
        else:
            handler.hang_up()

    return answer


def silent(*pieces: str) -> Answering:
    """Sends these pieces of a stream, if any, then nothing, until the test is over."""

    def answer(handler: Handler) -> None:
        if pieces:
            handler.begin_stream()
            for piece in pieces:
                handler.send_piece(piece)
        handler.server.released.wait()
        handler.close_connection = True

    return answer


def broken(handler: Handler) -> None:
    """Breaks the connection before a word is said."""
    handler.hang_up()


def text_chunks(*texts: str) -> tuple[str, ...]:
    return (*(chunk({"content": text}) for text in texts), chunk({}, "stop"), USED, DONE)
