"""Find and remove API keys and tokens in text.

Each form of secret has a fixed prefix, or words around it (`shapes`). A string that is only random is not a
secret, because it may be a checksum. The search runs in three steps:

1. Find each prefix as plain text.
2. Match the form's pattern at that position only.
3. Sort the matches and drop those that overlap an earlier one.

The work grows linearly with the length of any text, because every repetition in a pattern is bounded or possessive,
and an unbounded one starts only at the start of a word. No other match reads the characters of that word again.
"""

import re
from collections import Counter
from functools import cache
from typing import NamedTuple, TypeVar

from segue.redaction.shapes import SHAPES, Secret

T = TypeVar("T")

# Not inside a word. The two characters `\n` are a line break in text that is itself JSON.
_WORD = r"(?:(?<![A-Za-z0-9_\-])|(?<=\\[nrt]))"
_END = r"(?![A-Za-z0-9_\-])"
_BLOB = r"(?:(?<![A-Za-z0-9+/_\-])|(?<=\\[nrt]))"
_ASSIGN = r"""["']?\s{0,3}(?:=>|[=:])\s{0,3}["']?"""
_BREAK = r"""(?:[\s"',+]|\\[nrt])"""
# Not over five dashes, or each of many headers would be read to the end of the text.
_HEADER = r"(?:(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset):(?:(?!-----)[^\n\\]){0,100}+)"


def _secret(kind: str, prefixes: str, pattern: str, digits_before: int = 0) -> Secret:
    return Secret(kind, tuple(prefixes.split()), pattern, digits_before)


MAKERS = (
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
        r"[A-Za-z_\-]{15,17}+" + _ASSIGN + r"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
    ),
    _secret(
        "aws",
        "session_token SESSION_TOKEN SessionToken sessionToken",
        r"[A-Za-z_]{12,13}+" + _ASSIGN + r"((?:IQoJ|FwoG|FQoG)[A-Za-z0-9/+=]{100,}+)",
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
    # A block with or without its end. A header line alone is not a secret.
    _secret(
        "private-key",
        "-----BEGIN",
        r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        rf"(?:{_HEADER}|{_BREAK})*+[A-Za-z0-9+/]{{40,}}+(?:[A-Za-z0-9+/=]|{_BREAK})*+"
        r"(?:-----END [A-Z0-9 ]{0,40}+-----)?",
    ),
)  # fmt: skip
"""Every form with a prefix of its maker, the more specific ones first."""

SECRETS = (*MAKERS, *SHAPES)
"""Every form, the more specific ones first."""

MARK = "[redacted:"
"""Text: the start of each replacement, such as `[redacted:github]`."""

MAX_DIGITS = 10
"""Count: the most digits of a Telegram bot's number."""


_COMPLETIONS = (
    *(character * count for character in "0aA" for count in (*range(1, 80), 200)),
    f"{'a' * 8}.eyJ{'a' * 8}.{'a' * 16}",
    *(f"{'.eyJ'[count:]}{'a' * 8}.{'a' * 16}" for count in range(5)),
    *(f"{'a' * count}.{'a' * 43}" for count in range(23)),
    *(f"{'A' * count}-{'0' * 8}-{'0' * 32}" for count in range(9)),
    *(f"{'0' * count}-{'0' * 32}" for count in range(9)),
)
"""Suffixes: each form of secret, cut anywhere, is complete with one of them."""


class Hit(NamedTuple):
    """A secret in a text, with its position."""

    start: int
    end: int
    kind: str


def find(text: str) -> list[Hit]:
    """Return the secrets in the text, in order and without overlaps."""
    hits: list[Hit] = []
    end = 0
    for hit in sorted((hit for secret in SECRETS for hit in _matches(secret, text)), key=lambda hit: hit.start):
        if hit.start >= end:
            hits.append(hit)
            end = hit.end
    return hits


MIN_TRUNCATED_CHARS = 8
"""Characters: the shortest rest after a prefix that counts as a truncated secret. A shorter one may be a word."""


def find_truncated(text: str) -> Hit | None:
    """Return the secret that the end of the text cuts off, if there is one.

    Forms that consist of a name and a value are not recognized.
    """
    for secret in MAKERS:
        positions = {at for prefix in secret.prefixes for at in _positions(prefix, text)}
        for completion in _COMPLETIONS if positions else ():
            for hit in _matches(secret, text + completion):
                if hit.start <= max(positions) and hit.end > len(text):
                    return hit._replace(end=len(text))
    return None


def _positions(prefix: str, text: str) -> list[int]:
    """Return the first and the last position of the prefix with MIN_TRUNCATED_CHARS after it."""
    last = len(text) - len(prefix) - MIN_TRUNCATED_CHARS
    return [at for at in (text.find(prefix), text.rfind(prefix)) if 0 <= at <= last]


def redact(text: str, found: Counter[str]) -> str:
    """Return the text with each secret replaced by `[redacted:kind]`, and count the kinds in `found`."""
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
    """Redact every string in a JSON value, including the names of members."""
    changed: object = value
    if isinstance(value, str):
        changed = redact(value, found)
    elif isinstance(value, list | tuple):
        changed = type(value)(redact_all(item, found) for item in value)
    elif isinstance(value, dict):
        changed = _redact_members(value, found)
    return changed  # type: ignore[return-value]


def _redact_members(members: dict[str, object], found: Counter[str]) -> dict[str, object]:
    """Redact an object. Names that become equal get a number, so that no member is lost."""
    changed: dict[str, object] = {}
    for name, member in members.items():
        free = base = redact(name, found)
        number = 1
        while free in changed or (free != name and free in members):
            number += 1
            free = f"{base}-{number}"
        changed[free] = redact_all(member, found)
    return changed


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return the compiled pattern. All of them take 30 ms, so each is compiled on first use."""
    return re.compile(pattern, re.ASCII)


def _matches(secret: Secret, text: str) -> list[Hit]:
    pattern = _compiled(secret.pattern)
    if not secret.prefixes:
        return [hit for match in pattern.finditer(text) if (hit := _hit(secret, text, match))]
    hits: list[Hit] = []
    for prefix in secret.prefixes:
        at = text.find(prefix)
        while at >= 0:
            match = pattern.match(text, at)
            if match and (hit := _hit(secret, text, match)):
                hits.append(hit)
                at = text.find(prefix, match.end())
            else:
                at = text.find(prefix, at + len(prefix))
    return hits


def _hit(secret: Secret, text: str, match: re.Match[str]) -> Hit | None:
    if secret.accepts is not None and not secret.accepts(text, match):
        return None
    group = "secret" if "secret" in match.re.groupindex else match.lastindex or 0
    start = _start_with_digits(secret, text, match.start(group))
    return Hit(start, match.end(group), secret.kind) if start >= 0 else None


def _start_with_digits(secret: Secret, text: str, start: int) -> int:
    """Return the position of the first digit before the prefix; -1 if there are too few or too many."""
    if not secret.digits_before:
        return start
    first = start
    while first > 0 and start - first <= MAX_DIGITS and text[first - 1] in "0123456789":
        first -= 1
    return first if secret.digits_before <= start - first <= MAX_DIGITS else -1
