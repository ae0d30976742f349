"""Reads one answer as the protocol says: what is not signed proves nothing."""
from __future__ import annotations

from typing import NamedTuple

from .codes import RESENDABLE, UNDECIDED, UNPROVABLE, Code
from .reply import Answer

DONE, REFUSED, STALE, AGAIN, UNPROVEN = 'done', 'refused', 'stale', 'again', 'unproven'


class Verdict(NamedTuple):
    """What to do after an answer."""

    kind: str
    what: str = ''
    #: With AGAIN: that this attempt has done nothing.
    sure: bool = False
    #: With AGAIN: that the gateway itself, or a limit in front of it, has refused.
    refused: bool = False


def judge(answer: Answer) -> Verdict:
    return _judge_signed(answer) if answer.authentic else _judge_unsigned(answer)


def _judge_signed(answer: Answer) -> Verdict:
    json = answer.json
    if json is None:
        return Verdict(UNPROVEN, 'the reply is signed but is not a reply of a gateway')
    code = json['code']
    if json.get('status') == 'success':
        return Verdict(DONE)
    if code in RESENDABLE:
        return Verdict(AGAIN, str(json.get('message', '')), code not in UNDECIDED, True)
    if code == Code.STALE and isinstance(json.get('server_time'), int):
        return Verdict(STALE)
    return Verdict(REFUSED)


def _judge_unsigned(answer: Answer) -> Verdict:
    status, json = answer.status, answer.json
    page = f'HTTP {status}, ' + ('something that is no gateway' if json is None else 'an unsigned reply')
    if status >= 500:
        return Verdict(AGAIN, page)
    if 300 <= status < 400:
        what = f'HTTP {status}: redirects are not followed; give the URL of the gateway itself'
        return Verdict(UNPROVEN, what)
    refused = json is not None and json.get('status') != 'success' and json['code'] in UNPROVABLE
    if status == 429:
        return Verdict(AGAIN, page, refused=refused)
    if json is None:
        return Verdict(AGAIN if status < 300 else UNPROVEN, page)
    if refused:
        return Verdict(REFUSED)
    return Verdict(UNPROVEN, 'the signature of the reply is missing or wrong: do not believe it')
