"""The shapes of secrets, as data: one row per kind of key.

`hint` is a text that every such key holds; a text without any hint is not searched further, which is what makes redaction fast.
"""

from typing import NamedTuple


class KeyFormat(NamedTuple):
    name: str
    hints: tuple[str, ...]
    """One of these stands in every match; matched with regard to case."""
    pattern: str
    """The group `secret` is replaced; without it the whole match."""
    longest: int = 256
    """Characters of the longest match that must be recognised when a text arrives in pieces."""


_PRIVATE_KEY = (
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S]){20,8000}"
    r"-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
)
_AWS_PAIR = (
    r"(?i:aws_?secret_?(?:access_?)?key|SecretAccessKey)['\"]?\s{0,4}[:=]\s{0,4}['\"]?(?P<secret>[A-Za-z0-9/+=]{40})"
)
_WEB_IDENTITY = r"\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}"
_ADDRESS = r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"<>]{0,100}:(?P<secret>[^\s:/@'\"<>$\{]{3,200})@"
_AUTHORIZATION = (
    r"(?i:\bauthorization['\"]?\s{0,3}[:=]\s{0,3}['\"]?(?:basic|token)\s{1,3})(?P<secret>[A-Za-z0-9._~+/=-]{12,2000})"
)
_MIXED = r"(?=[^\s'\"]{0,120}[0-9])(?=[^\s'\"]{0,120}[A-Za-z])"
_QUOTED = (
    r"(?i:(?:api[_-]?key|secret(?:[_-]?key)?|access[_-]?token|auth[_-]?token|private[_-]?key|passw(?:or)?d)['\"]?)"
    r"\s{0,3}[:=]\s{0,3}(?P<quote>['\"])(?P<secret>" + _MIXED + r"[A-Za-z0-9_+/=.~-]{16,200})(?P=quote)"
)
_VARIABLE = (
    r"(?m:^)(?:export )?[A-Z0-9_]{0,40}(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)[A-Z0-9_]{0,20}="
    r"(?P<secret>" + _MIXED + r"[A-Za-z0-9_+/=.~-]{12,200})(?m:$)"
)

# fmt: off
KEY_FORMATS: tuple[KeyFormat, ...] = (
    KeyFormat("private key", ("PRIVATE KEY",), _PRIVATE_KEY, 8192),
    KeyFormat("anthropic key", ("sk-ant-",), r"\bsk-ant-[A-Za-z0-9_-]{20,200}"),
    KeyFormat("openrouter key", ("sk-or-",), r"\bsk-or-(?:v1-)?[A-Za-z0-9_-]{20,200}"),
    KeyFormat("openai key", ("sk-",), r"\bsk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,220}"),
    KeyFormat("google key", ("AIza",), r"\bAIza[A-Za-z0-9_-]{35}"),
    KeyFormat("google oauth secret", ("GOCSPX-",), r"\bGOCSPX-[A-Za-z0-9_-]{28}"),
    KeyFormat("google oauth token", ("ya29.",), r"\bya29\.[A-Za-z0-9_-]{20,512}", 600),
    KeyFormat("aws key id", ("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    KeyFormat("aws secret", ("aws_secret", "AWS_SECRET", "SecretAccessKey"), _AWS_PAIR),
    KeyFormat("github token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{36,251}", 300),
    KeyFormat("github token", ("github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{22,255}", 300),
    KeyFormat("gitlab token", ("glpat-", "gldt-", "glrt-", "glcbt-"), r"\bgl(?:pat|dt|rt|cbt)-[A-Za-z0-9_.-]{20,100}"),
    KeyFormat("slack token", ("xox",), r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}"),
    KeyFormat("slack webhook", ("hooks.slack.com",), r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9+/]{20,100}"),
    KeyFormat("discord webhook", ("/api/webhooks/",), r"https://(?:\w{1,20}\.)?discord(?:app)?\.com/api/webhooks/\d{15,21}/[\w-]{50,80}"),
    KeyFormat("stripe key", ("sk_live_", "rk_live_", "sk_test_", "whsec_"), r"\b(?:[sr]k_(?:live|test)_|whsec_)[A-Za-z0-9]{16,120}"),
    KeyFormat("npm token", ("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
    KeyFormat("pypi token", ("pypi-",), r"\bpypi-[A-Za-z0-9_-]{50,250}", 300),
    KeyFormat("hugging face token", ("hf_",), r"\bhf_[A-Za-z0-9]{30,60}\b"),
    KeyFormat("replicate token", ("r8_",), r"\br8_[A-Za-z0-9]{37}\b"),
    KeyFormat("groq key", ("gsk_",), r"\bgsk_[A-Za-z0-9]{40,60}\b"),
    KeyFormat("xai key", ("xai-",), r"\bxai-[A-Za-z0-9]{60,100}\b"),
    KeyFormat("perplexity key", ("pplx-",), r"\bpplx-[A-Za-z0-9]{40,60}\b"),
    KeyFormat("sendgrid key", ("SG.",), r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    KeyFormat("twilio key", ("SK",), r"\bSK[0-9a-f]{32}\b"),
    KeyFormat("mailgun key", ("key-",), r"\bkey-[0-9a-f]{32}\b"),
    KeyFormat("digitalocean token", ("_v1_",), r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    KeyFormat("shopify token", ("shp",), r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    KeyFormat("linear key", ("lin_api_",), r"\blin_api_[A-Za-z0-9]{40}\b"),
    KeyFormat("notion token", ("ntn_", "secret_"), r"\b(?:ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43})\b"),
    KeyFormat("telegram token", (":AA",), r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    KeyFormat("age key", ("AGE-SECRET-KEY-",), r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b"),
    KeyFormat("vault token", ("hvs.", "hvb."), r"\bhv[sb]\.[A-Za-z0-9_-]{24,200}"),
    KeyFormat("azure key", ("AccountKey=", "SharedAccessKey="), r"(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{40,90}={0,2})"),
    KeyFormat("json web token", ("eyJ",), _WEB_IDENTITY, 7100),
    KeyFormat("password in an address", ("://",), _ADDRESS, 400),
    KeyFormat("bearer token", ("earer ", "EARER "), r"(?i:\bbearer\s{1,3})(?P<secret>[A-Za-z0-9._~+/-]{20,2000}=*)", 2100),
    KeyFormat("authorization header", ("uthorization", "UTHORIZATION"), _AUTHORIZATION, 2100),
    KeyFormat("key", ("key", "Key", "KEY", "ecret", "SECRET", "oken", "TOKEN", "assw", "PASSW"), _QUOTED, 300),
    KeyFormat("key", ("KEY", "TOKEN", "SECRET", "PASSW"), _VARIABLE, 300),
)
# fmt: on
