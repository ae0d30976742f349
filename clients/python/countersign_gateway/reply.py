"""What the gateway answers."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional


@dataclass(frozen=True)
class Reply:
    """A command that was done."""

    code: int
    message: str
    cmd: str
    request_id: str
    server_time: int
    """Unix seconds."""
    replayed: bool
    """True when an earlier attempt, of this call or another one with its idempotency key, did it."""
    dry_run: bool
    result: Dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP, with whether it was proven to come from the gateway."""

    status: int
    json: Optional[Dict[str, Any]]
    """None unless it is a JSON object with a code."""
    authentic: bool
    retry_after: Optional[int]
    """The header ``Retry-After``, where it names seconds."""

    def asked_wait(self) -> int:
        """Seconds that the gateway, or a proxy, asks to wait."""
        told = (self.json or {}).get('retry_after')
        return self.retry_after or (told if isinstance(told, int) and told > 0 else 0)


def reply_of(json: Dict[str, Any], cmd: str) -> Reply:
    return Reply(
        code=json['code'],
        message=json.get('message', ''),
        cmd=cmd,
        request_id=json.get('request_id', ''),
        server_time=json.get('server_time', 0),
        replayed=json.get('replayed') is True,
        dry_run=json.get('dry_run') is True,
        result=json.get('result', {}),
    )
