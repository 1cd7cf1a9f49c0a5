"""Which texts are secrets, and which only look like one."""

from collections import Counter

import pytest

from segue.redaction import SECRETS as FORMS
from segue.redaction import find_truncated, redact, redact_all
from tests.support.secrets import IN_CONTEXT, PEM, SECRETS, SHAPED, mixed

WHOLE = [(kind, secret) for kind, several in SECRETS.items() for secret in several]
GIVEN = [(kind, before, secret) for kind, several in IN_CONTEXT.items() for before, secret in several]
AROUND = [
    ("", ""),
    ("key: ", " and more"),
    ('{"k": "', '"}'),
    ("X=", "\n"),
    ("`", "`"),
    ("(", ")"),
    ("\\n", "\\n"),
    ("ß", "ß"),
]


def redacted(text: str) -> tuple[str, dict[str, int]]:
    found: Counter[str] = Counter()
    return redact(text, found), dict(found)


def test_every_kind_has_an_example() -> None:
    assert {form.kind for form in FORMS} == SECRETS.keys() | IN_CONTEXT.keys() | SHAPED.keys()


@pytest.mark.parametrize(("kind", "secret"), WHOLE)
def test_a_secret_is_found_in_any_context(kind: str, secret: str) -> None:
    for before, after in AROUND:
        if kind == "private-key" and after and secret != PEM:
            continue
        assert redacted(f"{before}{secret}{after}") == (f"{before}[redacted:{kind}]{after}", {kind: 1})


@pytest.mark.parametrize(("kind", "before", "secret"), GIVEN)
def test_a_secret_after_a_fixed_word_is_found_and_the_word_stays(kind: str, before: str, secret: str) -> None:
    text, found = redacted(f"{before}{secret}{'=' if before.endswith('sig=') else ''}\n")
    assert (text.rstrip("=\n"), found) == (f"{before}[redacted:{kind}]", {kind: 1})


@pytest.mark.parametrize(("kind", "parts"), [(kind, parts) for kind, several in SHAPED.items() for parts in several])
def test_a_secret_is_found_by_the_text_around_it(kind: str, parts: tuple[str, str, str]) -> None:
    before, secret, after = parts
    for text in (f"{before}{secret}{after}", f"x\n{before}{secret}{after}\n"):
        clean = text.replace(secret, f"[redacted:{kind}]")
        assert redacted(text) == (clean, {kind: 1})
        assert redacted(clean) == (clean, {})


@pytest.mark.parametrize(
    "text",
    [
        "https://user:password@host and ftp://USER:PASS@host and http://${USER}:${PASSWORD}@host",
        "http://localhost:8080/@x https://example.com:443/path?at=@home mailto:ada@example.com",
        "API_KEY=your-api-key\nTOKEN=<token>\nDB_PASSWORD=$DB_PASSWORD\nDB_PASSWORD=********\nTOKEN=${{ secrets.X }}",
        'password = os.environ["DB_PASSWORD"]; api_key = get_key(1); token: str | None = None; key = value',
        "def login(user: str, password: str = DEFAULT_PASSWORD_2) -> None: self.token = self.tokens[0]",
        "monkey: banana1234567890abc, turkey=abcdef1234567890",
        'primary_key: "id1", "cache_key": "user-1", sort_key = "name2"',
        "Authorization: Bearer <token>, Authorization: Bearer $TOKEN, Authorization: Basic auth",
        "docker run -u 1000:1000 image; sort -u a:b1; chown -u x; curl -u $USER:$PASSWORD x",
        "the password: it must have eight characters; secret=none; token: a word of a language",
        "machine learning login page password reset",
        "BYPASS=on2 bypass=yes12 COMPASS=north1 first_pass = 2nd; max_pass=pass10b, MONKEY=banana12, TURKEY=istanbul34",
        "version 1.2.3.4567890, Module.function.attribute_of_a_very_long_name_indeed_it_is",
    ],
)
def test_ordinary_text_about_secrets_stays(text: str) -> None:
    assert redacted(text) == (text, {})


@pytest.mark.parametrize(("kind", "secret"), WHOLE)
def test_a_makers_secret_is_longer_than_its_replacement(kind: str, secret: str) -> None:
    assert len(f"[redacted:{kind}]") < len(secret)


def test_each_secret_is_counted_and_redacting_again_finds_nothing() -> None:
    text = " ".join(secret for _, secret in WHOLE if secret != WHOLE[-1][1])
    clean, found = redacted(text)
    assert sum(found.values()) == len(WHOLE) - 1
    assert redacted(clean) == (clean, {})
    assert not any(secret in clean for _, secret in WHOLE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk-learn and sk-estimator-id-container-of-a-long-name-in-a-stylesheet-of-a-notebook",
        "the prefix ghp_ is followed by 36 characters",
        "AKIA, ASIA",
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
        'if line == "-----BEGIN PRIVATE KEY-----": start = "-----END PRIVATE KEY-----"',
        "-----BEGIN PUBLIC KEY-----\n" + mixed(64) + "\n-----END PUBLIC KEY-----",
        "eyJhbGciOiJIUzI1NiJ9",
        "[redacted:openai]",
        "a" * 100_000,
        mixed(64, "0123456789abcdef"),
        "12:AA" + mixed(33),
        "xAKIA" + mixed(16, "A2B3"),
    ],
)
def test_a_text_that_only_looks_like_a_secret_stays(text: str) -> None:
    assert redacted(text) == (text, {})


def test_secrets_are_found_in_all_strings_of_json() -> None:
    [key] = SECRETS["npm"]
    found: Counter[str] = Counter()
    value = {"a": [key, {"b": f"x {key}"}, 5, None, True], key: 1.5}
    clean = {"a": ["[redacted:npm]", {"b": "x [redacted:npm]"}, 5, None, True], "[redacted:npm]": 1.5}
    assert (redact_all(value, found), dict(found)) == (clean, {"npm": 3})


def test_members_whose_names_become_equal_are_all_kept() -> None:
    first, second = f"npm_{'a' * 36}", f"npm_{'b' * 36}"
    found: Counter[str] = Counter()
    mark = "[redacted:npm]"
    members = {first: 1, second: 2, f"{mark}-2": 3, mark: 4}
    changed = redact_all(members, found)
    assert sorted(changed.values()) == [1, 2, 3, 4]
    assert changed[mark] == 4
    assert changed[f"{mark}-2"] == 3
    assert redact_all(changed, found) == changed
    assert found == {"npm": 2}


@pytest.mark.parametrize("kind", ["anthropic", "github", "jwt", "npm", "openai", "sendgrid", "slack", "telegram"])
def test_a_truncated_secret_is_found(kind: str) -> None:
    for secret in SECRETS[kind]:
        for length in range(20, min(len(secret), 30)):
            text = f"my {secret[:length]}"
            if "hooks" not in secret:
                assert find_truncated(text) == (3, len(text), kind)


@pytest.mark.parametrize(
    "text", ["how do I store a key-value pair", "my SKILLSET", "sk-learn", "what is npm_config", "a key-valuestore"]
)
def test_a_word_that_begins_like_a_secret_is_not_a_truncated_one(text: str) -> None:
    assert find_truncated(text) is None
