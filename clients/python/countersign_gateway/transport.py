"""HTTP by the standard library: one connection an attempt, nothing followed, certificates always checked."""
from __future__ import annotations

import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from typing import Mapping, NamedTuple, Optional

_LARGEST = 64 * 1024 * 1024
# No connection, or one whose certificate was refused: nothing was sent.
_UNCONNECTED = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)


class Response(NamedTuple):
    """What came back over HTTP; the names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Unanswered(Exception):
    """Nothing came back. ``sent`` is false when there was no connection, so that nothing can have happened."""

    def __init__(self, what: str, sent: bool) -> None:
        super().__init__(what)
        self.sent = sent


class Transport:
    """Sends one message over HTTP. Another one may be given to the client: it needs this one method."""

    def __init__(self, ca_file: Optional[str] = None) -> None:
        """``ca_file`` names certificates to trust instead of the system's. There is no way to trust none."""
        opener = urllib.request.OpenerDirector()
        # Only these: no redirects, no other schemes, no exceptions for what the gateway answers.
        opener.add_handler(urllib.request.ProxyHandler(urllib.request.getproxies()))
        opener.add_handler(urllib.request.HTTPHandler())
        opener.add_handler(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_file)))
        self._opener = opener

    def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Response:
        """Raises :class:`Unanswered` without an answer after ``timeout`` seconds."""
        request = urllib.request.Request(url, data=body, headers=dict(headers), method='POST')
        try:
            return self._open(request, timeout)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            raise Unanswered(_said(reason), not isinstance(reason, _UNCONNECTED)) from error

    def _open(self, request: urllib.request.Request, timeout: float) -> Response:
        end = time.monotonic() + timeout
        with self._opener.open(request, timeout=timeout) as response:
            body = b''
            while True:
                # The time limit of a socket is that of one read: a peer that drips would hold us forever.
                if time.monotonic() > end:
                    raise TimeoutError('it took too long')
                chunk = response.read1(65536)
                if not chunk:
                    break
                body += chunk
                if len(body) > _LARGEST:
                    raise ValueError('the answer is too large')
            length = response.headers.get('Content-Length')
            if length is not None and len(body) != int(length):
                raise http.client.IncompleteRead(body)
            return Response(response.status, {name.lower(): value for name, value in response.headers.items()}, body)


def _said(reason: object) -> str:
    if isinstance(reason, (socket.timeout, TimeoutError)):
        return 'it took too long'
    if isinstance(reason, http.client.IncompleteRead):
        return 'the answer broke off'
    return str(reason) or type(reason).__name__
