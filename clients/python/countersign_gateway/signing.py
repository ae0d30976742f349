"""HMAC-SHA256 of messages and replies."""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, Mapping, NamedTuple, Optional


class SignedMessage(NamedTuple):
    """A message as it is sent, and the MAC (lower-case hex) that its reply must be signed over."""

    body: bytes
    mac: str


def write(message: Mapping[str, Any]) -> bytes:
    """The JSON of a message; ValueError for what JSON has no text for, such as NaN."""
    return json.dumps(message, allow_nan=False, separators=(',', ':')).encode('ascii')


def sign(text: bytes, secret: str) -> SignedMessage:
    """Signs a JSON object that has members and no signature: it becomes the last member, over the text without it."""
    mac = hmac.new(secret.encode('utf-8'), text, hashlib.sha256).digest()
    return SignedMessage(text[:-1] + b',"signature":"' + base64.b64encode(mac) + b'"}', mac.hex())


def is_authentic(header: Optional[str], request_mac: str, status: int, body: bytes, secret: str) -> bool:
    """Whether the gateway's holder of the same secret wrote this reply to this request (``Countersign-Reply``)."""
    if header is None:
        return False
    covered = b'countersign-reply\n%s\n%d\n%s' % (request_mac.encode('ascii'), status, body)
    expected = base64.b64encode(hmac.new(secret.encode('utf-8'), covered, hashlib.sha256).digest())
    return hmac.compare_digest(expected, header.encode('utf-8', 'replace'))
