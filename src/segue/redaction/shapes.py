"""Define the secrets that are recognized by the text around them: assignments, URLs, headers and command lines.

Ordinary code and prose contain the same words, so each value must also look like a secret: not a placeholder, not an
expression, and for most forms a mix of letters and digits.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

MAX_PLACEHOLDER = 40
"""Characters: the longest placeholder. The patterns bound the other lengths, and so the work at each position."""

_PLACEHOLDER = re.compile(
    r"(?:(?:my|your|the|some|a|an|new|old|user|test|example|sample|dummy|fake|mock)[_\-]?)*"
    r"(?:password|passwd|passwort|passphrase|pass|passw|pwd|pw|secret|token|key|apikey|api[_\-]key|value|string|text|changeme"
    r"|change[_\-]me|example|placeholder|redacted|none|null|nil|true|false|undefined|default|hidden|foo|bar|baz|foobar"
    r"|xyzzy|here)+[_\-]?(?:here|goes)?\d?|[x*.#_\-]+|\W+",
    re.ASCII | re.IGNORECASE,
)
"""Values that stand for a secret in documentation and tests."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_LETTER, _DIGIT = re.compile(r"[A-Za-z]"), re.compile(r"[0-9]")
_QUOTED_VALUE = r"""(?<=["'])[^\s"'\\]{4,512}+(?=["'])"""
_PLAIN_VALUE = r"""(?:[^\s"'`<>(){}\[\];,|&$]|&(?![\w.\-]{1,64}+=)){4,512}+"""
"""A value without quotes; `&` ends it where the next parameter of a URL follows."""


class Secret(NamedTuple):
    """A form of secret: the words at which it may begin, and the pattern that must match there.

    The group `secret` of the pattern, else its first group, else the whole match is the secret.
    """

    kind: str
    prefixes: tuple[str, ...]
    """The text at which the pattern is tried; without any it is tried everywhere."""
    pattern: str
    digits_before: int = 0
    """Count: the digits required before the prefix. They are part of the secret."""
    accepts: Callable[[str, "re.Match[str]"], bool] | None = None
    """Return True if the match in the text is a secret; None accepts every match."""


def _is_placeholder(value: str) -> bool:
    # The length bounds the work of the pattern.
    return value[0] in "$<{[%(&" or (len(value) <= MAX_PLACEHOLDER and _PLACEHOLDER.fullmatch(value) is not None)


def _is_mixed(value: str) -> bool:
    return _LETTER.search(value) is not None and _DIGIT.search(value) is not None


def _is_netrc_password(_: str, match: "re.Match[str]") -> bool:
    return not _is_placeholder(match["secret"]) and (_is_mixed(match["secret"]) or len(match["secret"]) >= 8)


def _is_value(_: str, match: "re.Match[str]") -> bool:
    return not _is_placeholder(match["secret"])


def _is_url_password(text: str, match: "re.Match[str]") -> bool:
    scheme = text[match.start() - 1 : match.start()]
    return scheme.isalnum() and not _is_placeholder(match["secret"]) and match["secret"] != match["user"]


def _is_header(_: str, match: "re.Match[str]") -> bool:
    return not _is_placeholder(match["secret"]) and (_is_mixed(match["secret"]) or len(match["secret"]) >= 20)


def _is_curl_password(text: str, match: "re.Match[str]") -> bool:
    start = text.rfind("curl", max(0, match.start() - 300), match.start())
    return (
        start >= 0
        and "\n" not in text[start : match.start()].replace("\\\n", "")
        and not _is_placeholder(match["secret"])
    )


def _is_assigned(text: str, match: "re.Match[str]") -> bool:
    """Return True if the name before the match is a whole word and the value looks like a secret."""
    word, at = match["word"], match.start()
    before = text[at - 1 : at]
    named = before in ("_", "-") or (word[0].isupper() and before.isalpha() and before.islower())
    strong = word.lower() not in ("key", "token")
    value, quoted = match["secret"], bool(match["quote"])
    tight = match["sign"] == "=" and match.end("word") == match.start("sign") == match.start("quote") - 1
    is_pass = word.lower() == "pass"
    # As in an environment file; PGPASSWORD has no underscore, but COMPASS is no PASS.
    variable = word.isupper() and tight and (named or (strong and before.isupper() and not is_pass))
    if not (named or variable or (strong and not before.isalnum())):
        return False
    if _is_placeholder(value) or value == word:
        return False
    if variable:
        return len(value) >= 6 and (_is_mixed(value) or not _NAME.fullmatch(value) or (strong and len(value) >= 8))
    if is_pass or len(value) < (6 if strong else 10 if quoted and named else 16):
        return False
    return _is_mixed(value) and (quoted or not _is_expression(value))


def _is_expression(value: str) -> bool:
    """Return True for a name in code, such as `self.token2`."""
    return _NAME.fullmatch(value) is not None and ("." in value or "_" in value)


_SIGN = r"""["']?\s{0,3}(?P<sign>=>|:=|[=:])\s{0,3}(?P<quote>["']?)"""
_WORDS = "key token secret password passwd pass pwd"

SHAPES = (
    Secret(
        "url-password",
        ("://",),
        r"""://(?P<user>[^\s:/@"'<>\\`]{0,64}+):(?P<secret>[^\s/@"'<>\\`]{1,256}+)@""",
        accepts=_is_url_password,
    ),
    Secret(
        "authorization",
        ("uthorization", "UTHORIZATION"),
        r"""(?i:uthorization)["']?\s{0,3}[:=]\s{0,3}["']?(?i:bearer|basic|token)\s{1,3}(?P<secret>[A-Za-z0-9._~+/=\-]{8,512}+)""",
        accepts=_is_header,
    ),
    Secret(
        "netrc",
        ("machine ", "machine\t", "default login"),
        r"(?:machine\s{1,3}\S{1,255}+\s{1,9}|default\s)login\s{1,3}\S{1,255}+\s{1,9}password\s{1,3}(?P<secret>\S{1,255}+)",
        accepts=_is_netrc_password,
    ),
    Secret(
        "curl-password",
        ("-u ", "-u'", '-u"', "--user ", "--user="),
        r"""(?:-u\s{0,2}|--user[ =])["']?[^\s:"'$<>{}\[\]]{1,64}+:(?P<secret>[^\s"'<>]{1,256}+)""",
        accepts=_is_curl_password,
    ),
    Secret(
        "connection-password",
        (";Password=", ";PASSWORD=", ";password=", ";Pwd=", ";PWD=", ";pwd=", "; Password=", "; Pwd="),
        r""";\s?(?i:password|pwd)=(?P<secret>[^;\s"'<>{}$]{4,128}+)""",
        accepts=_is_value,
    ),
    Secret(
        "assignment",
        tuple(form for word in _WORDS.split() for form in (word, word.capitalize(), word.upper())),
        rf"(?P<word>(?i:{_WORDS.replace(' ', '|')})){_SIGN}(?P<secret>{_QUOTED_VALUE}|{_PLAIN_VALUE})",
        accepts=_is_assigned,
    ),
    Secret(
        "discord",
        (),
        r"(?<![A-Za-z0-9_\-.])[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,38}(?![A-Za-z0-9_\-])",
    ),
)
"""Every form that has no fixed prefix of its own."""
