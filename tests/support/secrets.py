"""False secrets in the forms of their makers, assembled here so that no file contains a whole one."""

from itertools import cycle, islice

_MIXED = "9aB3xY7kQ2mN8pL4wZ6tR1vC5dF0gH"


def mixed(length: int, alphabet: str = _MIXED) -> str:
    return "".join(islice(cycle(alphabet), length))


HEX = "0123456789abcdef"
UPPER = "A2B3C4D5E6F7"

PEM = "\n".join(
    ["-----BEGIN " + "RSA PRIVATE KEY-----", *[mixed(64)] * 4, mixed(30) + "==", "-----END " + "RSA PRIVATE KEY-----"]
)

SECRETS: dict[str, list[str]] = {
    "anthropic": ["sk-ant-" + "api03-" + mixed(93) + "AA"],
    "openrouter": ["sk-or-v1-" + mixed(64, HEX)],
    "openai": ["sk-" + mixed(48), "sk-" + "proj-" + mixed(60) + "_" + mixed(60), "sk-" + mixed(32, HEX)],
    "github": ["ghp_" + mixed(36), "gho_" + mixed(36), "ghs_" + mixed(36), "github_pat_" + mixed(22) + "_" + mixed(59)],
    "gitlab": ["glpat-" + mixed(20), "glrt-" + mixed(20)],
    "aws": ["AKIA" + mixed(16, UPPER), "ASIA" + mixed(16, UPPER)],
    "google": ["AIza" + mixed(35), "ya29." + mixed(60), "GOCSPX-" + mixed(28)],
    "slack": ["xoxb-" + "123456789012-" + mixed(24), "xapp-" + "1-A012345678-1234567890123-" + mixed(64, HEX)],
    "stripe": ["sk_live_" + mixed(24), "rk_test_" + mixed(24), "whsec_" + mixed(32)],
    "npm": ["npm_" + mixed(36)],
    "pypi": ["pypi-AgE" + "IcHlwaS5vcmc" + mixed(100)],
    "huggingface": ["hf_" + mixed(34)],
    "groq": ["gsk_" + mixed(52)],
    "xai": ["xai-" + mixed(80)],
    "perplexity": ["pplx-" + mixed(48)],
    "replicate": ["r8_" + mixed(37)],
    "sendgrid": ["SG." + mixed(22) + "." + mixed(43)],
    "twilio": ["SK" + mixed(32, HEX)],
    "mailgun": ["key-" + mixed(32, HEX)],
    "digitalocean": ["dop_v1_" + mixed(64, HEX)],
    "shopify": ["shpat_" + mixed(32, HEX)],
    "databricks": ["dapi" + mixed(32, HEX)],
    "docker": ["dckr_pat_" + mixed(27)],
    "vault": ["hvs." + mixed(90)],
    "grafana": ["glsa_" + mixed(32) + "_" + mixed(8, HEX)],
    "linear": ["lin_api_" + mixed(40)],
    "atlassian": ["ATATT3" + mixed(180)],
    "age": ["AGE-SECRET-KEY-1" + mixed(58, UPPER)],
    "telegram": ["123456789:AA" + mixed(33)],
    "jwt": ["eyJ" + mixed(17) + ".eyJ" + mixed(40) + "." + mixed(43)],
    "private-key": [PEM, PEM.replace("\n", "\\n"), PEM.rpartition("\n")[0]],
}
"""The whole secrets by kind."""

IN_CONTEXT: dict[str, list[tuple[str, str]]] = {
    "aws": [
        ("aws_secret_access_key = ", mixed(40)),
        ('"SecretAccessKey": "', mixed(40)),
        ("AWS_SESSION_TOKEN=", "IQoJ" + mixed(200)),
    ],
    "azure": [
        ("AccountName=a;AccountKey=", mixed(86) + "=="),
        ("SharedAccessKey=", mixed(43) + "="),
        ("https://a.blob.core.windows.net/c?sv=1&sig=", mixed(43)),
    ],
    "slack": [("https://hooks.slack.com/services/", "T01234567/B01234567/" + mixed(24))],
}
"""Secrets that follow a word; the word is not redacted."""

SHAPED: dict[str, list[tuple[str, str, str]]] = {
    "url-password": [
        ("postgres://admin:", "hunt" + "er2", "@db.example.com/x"),
        ("https://ada:", "s3cr3t" + "!", "@host/"),
        ("redis://:", "p4ss" + "w0rd", "@localhost:6379"),
    ],
    "authorization": [
        ("Authorization: Bearer ", mixed(40), ""),
        ("curl -H 'Authorization: Basic ", "YWRhOmh1" + "bnRlcjI=", "' https://x"),
        ('{"authorization": "Bearer ', mixed(20), '"}'),
    ],
    "netrc": [
        ("machine github.com login ada password ", "hunt" + "er2", ""),
        ("machine h\n  login ada\n  password ", "hunt" + "er2", "\n"),
    ],
    "curl-password": [
        ("curl -u ada:", "hunt" + "er2", " https://x"),
        ("curl -s --user 'ada:", "hunt" + "er2", "' https://x"),
    ],
    "connection-password": [("Server=x;User Id=sa;Password=", "correct" + "-horse", ";Encrypt=true")],
    "assignment": [
        ("DB_PASSWORD=", "hunt" + "er2", "\n"),
        ("DB_PASSWORD=", "correct" + "horse", "\n"),
        ("export GH_TOKEN='", mixed(16), "'"),
        ("SESSION_SECRET=", "correct-horse-" + "battery", ""),
        ("docker run -e PG_PASSWORD=", "hunt" + "er2", " image"),
        ('{"api_key": "', mixed(16), '"}'),
        ('"client_secret":"', "s3cr3t" + "value", '"'),
        ("db_password: ", "hunt" + "er2", "\n"),
        ('password: "', "hunt" + "er2", '"'),
        ("access_token = '", mixed(16), "'"),
        ("secretKey: '", mixed(16), "'"),
        ('{"api_key": "', mixed(12), '"}'),
        ("API_TOKEN: '", mixed(10), "'"),
        ("PGPASSWORD=", "hunt" + "er2", " psql"),
        ("SMTP_PASS=", "hunt" + "er2", "\n"),
        ("password: ", "Tr0ub4dor" + "&3", "\n"),
        ("https://x.example/?password=", "hunt" + "er2", "&next=1"),
    ],
    "discord": [("", "MTIzNDU2Nzg5MDEyMzQ1Njc4" + ".YaBcDe." + mixed(27), "")],
}
"""By kind: the text before, the secret and the text after."""
