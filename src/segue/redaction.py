"""API keys and tokens in text: recognised by what their makers gave them to be recognised by.

Only what has a fixed beginning, or a fixed word before it, is looked for: a string that is merely random may be a
checksum. That beginning is searched for as plain text, and only where it stands is a pattern tried. So the work
grows with the length of the text alone, whatever is in it: every repetition in a pattern is bounded or possessive,
and one that is not bounded is tried at the beginning of a word only, whose characters no other trial reads again.
"""

import re
from collections import Counter
from functools import cache
from typing import NamedTuple, TypeVar

T = TypeVar("T")

# Not inside of a word; `\n` before it may be the end of a line in text that is itself JSON.
_WORD = r"(?:(?<![A-Za-z0-9_\-])|(?<=\\[nrt]))"
_END = r"(?![A-Za-z0-9_\-])"
_BLOB = r"(?:(?<![A-Za-z0-9+/_\-])|(?<=\\[nrt]))"
_GIVEN = r"""["']?\s{0,3}(?:=>|[=:])\s{0,3}["']?"""
_BREAK = r"""(?:[\s"',+]|\\[nrt])"""
_HEADER = r"(?:(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset):[^\n\\]{0,100}+)"


class Secret(NamedTuple):
    """One form of secret: where it may begin, and what must stand there; only group 1 is secret if there is one."""

    kind: str
    anchors: tuple[str, ...]
    pattern: str
    digits_before: int = 0
    """Digits that must stand before it, which belong to it."""


def _secret(kind: str, anchors: str, pattern: str, digits_before: int = 0) -> Secret:
    return Secret(kind, tuple(anchors.split()), pattern, digits_before)


SECRETS = (
    _secret("anthropic", "sk-ant-", _WORD + r"sk-ant-[A-Za-z0-9_\-]{32,}+"),
    _secret("openrouter", "sk-or-v1-", _WORD + r"sk-or-v1-[0-9a-f]{64}" + _END),
    _secret(
        "openai",
        "sk-",
        _WORD + r"sk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_\-]{40,}+|(?=[A-Za-z]{0,31}+[0-9])[A-Za-z0-9]{32,}+)",
    ),
    _secret("github", "ghp_ gho_ ghu_ ghs_ ghr_", _WORD + r"gh[pousr]_[A-Za-z0-9]{36,}+" + _END),
    _secret("github", "github_pat_", _WORD + r"github_pat_[A-Za-z0-9_]{36,}+" + _END),
    _secret(
        "gitlab",
        "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glagent- gloas-",
        _WORD + r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-[A-Za-z0-9_\-]{20,}+",
    ),
    _secret("aws", "AKIA ASIA", _BLOB + r"A[KS]IA[A-Z2-7]{16}(?![A-Za-z0-9+/_\-])"),
    _secret(
        "aws",
        "secret_access_key SECRET_ACCESS_KEY SecretAccessKey secretAccessKey secret-access-key",
        r"[A-Za-z_\-]{15,17}+" + _GIVEN + r"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    _secret(
        "aws",
        "session_token SESSION_TOKEN SessionToken sessionToken",
        r"[A-Za-z_]{12,13}+" + _GIVEN + r"((?:IQoJ|FwoG|FQoG)[A-Za-z0-9/+=]{100,}+)",
    ),
    _secret("google", "AIza", _WORD + r"AIza[A-Za-z0-9_\-]{35}" + _END),
    _secret("google", "ya29.", _WORD + r"ya29\.[A-Za-z0-9_\-]{30,}+"),
    _secret("google", "GOCSPX-", _WORD + r"GOCSPX-[A-Za-z0-9_\-]{28}" + _END),
    _secret(
        "slack", "xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs-", _WORD + r"xox[abeoprs]-(?=[0-9])[A-Za-z0-9\-]{20,}+"
    ),
    _secret("slack", "xapp-", _WORD + r"xapp-[0-9]-[A-Z0-9]{8,16}-[0-9]{8,20}-[0-9a-f]{32,}+"),
    _secret(
        "slack", "hooks.slack.com/", r"hooks\.slack\.com/services/(T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24})"
    ),
    _secret("stripe", "sk_live_ sk_test_ rk_live_ rk_test_", _WORD + r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}+" + _END),
    _secret("stripe", "whsec_", _WORD + r"whsec_[A-Za-z0-9+/]{32,}+={0,2}"),
    _secret("npm", "npm_", _WORD + r"npm_[A-Za-z0-9]{36}" + _END),
    _secret("pypi", "pypi-AgE", _WORD + r"pypi-AgE[A-Za-z0-9_\-]{50,}+"),
    _secret("huggingface", "hf_", _WORD + r"hf_[A-Za-z0-9]{34,40}+" + _END),
    _secret("groq", "gsk_", _WORD + r"gsk_[A-Za-z0-9]{48,56}+" + _END),
    _secret("xai", "xai-", _WORD + r"xai-[A-Za-z0-9]{70,90}+" + _END),
    _secret("perplexity", "pplx-", _WORD + r"pplx-[A-Za-z0-9]{40,60}+" + _END),
    _secret("replicate", "r8_", _WORD + r"r8_[A-Za-z0-9]{37}" + _END),
    _secret("sendgrid", "SG.", _WORD + r"SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}" + _END),
    _secret("twilio", "SK", _WORD + r"SK[0-9a-f]{32}" + _END),
    _secret("mailgun", "key-", _WORD + r"key-[0-9a-f]{32}" + _END),
    _secret("digitalocean", "dop_v1_ doo_v1_ dor_v1_", _WORD + r"do[por]_v1_[0-9a-f]{64}" + _END),
    _secret("shopify", "shpat_ shpca_ shppa_ shpss_", _WORD + r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}" + _END),
    _secret("databricks", "dapi", _WORD + r"dapi[0-9a-f]{32}(?:-[0-9])?" + _END),
    _secret("docker", "dckr_pat_", _WORD + r"dckr_pat_[A-Za-z0-9_\-]{27}" + _END),
    _secret("vault", "hvs. hvb.", _WORD + r"hv[sb]\.[A-Za-z0-9_\-]{24,}+"),
    _secret("grafana", "glsa_", _WORD + r"glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}" + _END),
    _secret("linear", "lin_api_", _WORD + r"lin_api_[A-Za-z0-9]{40}" + _END),
    _secret("atlassian", "ATATT3", _WORD + r"ATATT3[A-Za-z0-9_\-=]{150,}+"),
    _secret("age", "AGE-SECRET-KEY-1", _WORD + r"AGE-SECRET-KEY-1[A-Z0-9]{58}" + _END),
    _secret("telegram", ":AA", r":AA[A-Za-z0-9_\-]{33}" + _END, digits_before=8),
    _secret("azure", "AccountKey=", r"AccountKey=([A-Za-z0-9+/]{86}==)"),
    _secret("azure", "SharedAccessKey=", r"SharedAccessKey=([A-Za-z0-9+/]{43}=)"),
    _secret("azure", "sig=", r"(?<=[?&])sig=([A-Za-z0-9%]{43,80}+)(?:%3D|=)"),
    _secret(
        "jwt", "eyJ", _WORD + r"eyJ[A-Za-z0-9_\-]{8,}+\.eyJ[A-Za-z0-9_\-]{8,}+\.[A-Za-z0-9_\-]{16,}+"
    ),
    # A whole block, or one that somebody cut; a mere mention of its first line holds no secret.
    _secret(
        "private-key",
        "-----BEGIN",
        r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        rf"(?:{_HEADER}|{_BREAK})*+[A-Za-z0-9+/]{{40,}}+(?:[A-Za-z0-9+/=]|{_BREAK})*+"
        r"(?:-----END [A-Z0-9 ]{0,40}+-----)?",
    ),
)  # fmt: skip
"""Every form, the narrower before the wider."""

MARK = "[redacted:"
"""With this begins what stands in a secret's place."""

MAX_DIGITS = 10
"""Of a Telegram bot's number."""


_RESTS = (
    *(character * count for character in "0aA" for count in (*range(1, 80), 200)),
    f"{'a' * 8}.eyJ{'a' * 8}.{'a' * 16}",
    *(f"{'.eyJ'[count:]}{'a' * 8}.{'a' * 16}" for count in range(5)),
    *(f"{'a' * count}.{'a' * 43}" for count in range(23)),
    *(f"{'A' * count}-{'0' * 8}-{'0' * 32}" for count in range(9)),
    *(f"{'0' * count}-{'0' * 32}" for count in range(9)),
)
"""With one of these, the beginning of a secret is a whole one."""


class Hit(NamedTuple):
    """A secret in a text."""

    start: int
    end: int
    kind: str


def find(text: str) -> list[Hit]:
    """The secrets in the text, in their order; none of them overlap."""
    hits: list[Hit] = []
    end = 0
    for hit in sorted((hit for secret in SECRETS for hit in _of_form(secret, text)), key=lambda hit: hit.start):
        if hit.start >= end:
            hits.append(hit)
            end = hit.end
    return hits


CUT_CHARS = 8
"""Fewer characters after the beginning are as likely a word, and of no use to anybody."""


def find_cut_off(text: str) -> Hit | None:
    """The secret that begins in the text and was cut off at its end, as far as a possible rest tells.

    Not of `aws`, `azure` and `private-key` in the form of a name and its value.
    """
    for secret in SECRETS:
        paths = {place for anchor in secret.anchors for place in _paths(anchor, text)}
        for rest in _RESTS if paths else ():
            for hit in _of_form(secret, text + rest):
                if hit.start <= max(paths) and hit.end > len(text):
                    return hit._replace(end=len(text))
    return None


def _paths(anchor: str, text: str) -> list[int]:
    """Where an anchor is followed by enough to be a secret's beginning: the first and the last one."""
    last = len(text) - len(anchor) - CUT_CHARS
    return [at for at in (text.find(anchor), text.rfind(anchor)) if 0 <= at <= last]


def redact(text: str, found: Counter[str]) -> str:
    """The text with `[redacted:kind]` in the place of each secret, which is counted."""
    hits = find(text)
    if not hits:
        return text
    pieces, end = [], 0
    for hit in hits:
        pieces += [text[end : hit.start], f"{MARK}{hit.kind}]"]
        found[hit.kind] += 1
        end = hit.end
    return "".join([*pieces, text[end:]])


def redact_all(value: T, found: Counter[str]) -> T:
    """The same for every string in a value as JSON has it, the names of its members too."""
    changed: object = value
    if isinstance(value, str):
        changed = redact(value, found)
    elif isinstance(value, list | tuple):
        changed = type(value)(redact_all(one, found) for one in value)
    elif isinstance(value, dict):
        changed = _redact_members(value, found)
    return changed  # type: ignore[return-value]


def _redact_members(members: dict[str, object], found: Counter[str]) -> dict[str, object]:
    """Names that become alike are numbered, so that no member takes another's place."""
    changed: dict[str, object] = {}
    for name, one in members.items():
        free = base = redact(name, found)
        number = 1
        while free in changed or (free != name and free in members):
            number += 1
            free = f"{base}-{number}"
        changed[free] = redact_all(one, found)
    return changed


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Made when first used: clients import this file as well, and all of them take 30 ms."""
    return re.compile(pattern, re.ASCII)


def _of_form(secret: Secret, text: str) -> list[Hit]:
    hits: list[Hit] = []
    pattern = _compiled(secret.pattern)
    for anchor in secret.anchors:
        at = text.find(anchor)
        while at >= 0:
            match = pattern.match(text, at)
            start = _with_digits(secret, text, match.start(match.lastindex or 0)) if match else -1
            if match and start >= 0:
                hits.append(Hit(start, match.end(match.lastindex or 0), secret.kind))
            at = text.find(anchor, match.end() if match else at + 1)
    return hits


def _with_digits(secret: Secret, text: str, start: int) -> int:
    """Where the secret begins with the digits before it; -1 if they are too few or too many."""
    if not secret.digits_before:
        return start
    first = start
    while first > 0 and start - first <= MAX_DIGITS and text[first - 1] in "0123456789":
        first -= 1
    return first if secret.digits_before <= start - first <= MAX_DIGITS else -1
