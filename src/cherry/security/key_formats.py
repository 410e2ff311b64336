"""The shapes of secrets, as data: one row per kind of key.

Every pattern begins with one of its anchors, a fixed text; where none stands, nothing is tried, which is what makes redaction fast.
Patterns stay on one line (but for key blocks) and have bounded repetition only, so no text makes them slow.
"""

from typing import NamedTuple


class KeyFormat(NamedTuple):
    name: str
    anchors: tuple[str, ...]
    """Texts a match begins with, upper and lower case told apart. Empty: searched everywhere."""
    pattern: str
    """The group `secret` is what is taken out; without it the whole match."""
    longest: int = 256
    """No match is longer than this many characters."""


_BLANK = r"[ \t]{0,4}"
_PRIVATE_KEY = (
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S]){20,8000}"
    r"-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
)
_AWS_PAIR = (
    r"(?:aws_secret(?:_access)?(?:_key)?|AWS_SECRET(?:_ACCESS)?(?:_KEY)?|SecretAccessKey)['\"]?"
    rf"{_BLANK}[:=]{_BLANK}['\"]?(?P<secret>[A-Za-z0-9/+=]{{40}})"
)
_WEB_IDENTITY = r"\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}"
_ADDRESS = r"(?<=[a-z0-9])://[^\s:/@'\"<>]{0,100}:(?P<secret>[^\s:/@'\"<>$\{]{3,200})@"
_AUTHORIZATION = rf"(?i:uthorization['\"]?{_BLANK}[:=]{_BLANK}['\"]?(?:basic|token)[ \t]{{1,4}})(?P<secret>[A-Za-z0-9._~+/=-]{{12,2000}})"
_MIXED = r"(?=[^\s'\"]{0,60}[0-9])(?=[^\s'\"]{0,60}[A-Za-z])"
_QUOTED = (
    rf"(?i:(?:ey|cret|oken|asswd|assword)['\"]?){_BLANK}[:=]{_BLANK}"
    rf"(?P<quote>['\"])(?P<secret>{_MIXED}[A-Za-z0-9_+/=.~-]{{16,200}})(?P=quote)"
)
_VARIABLE = (
    r"(?m:^)(?:export )?[A-Z0-9_]{0,40}(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)[A-Z0-9_]{0,20}="
    rf"(?P<secret>{_MIXED}[A-Za-z0-9_+/=.~-]{{12,200}})(?m:$)"
)

# fmt: off
KEY_FORMATS: tuple[KeyFormat, ...] = (
    KeyFormat("private key", ("-----BEGIN ",), _PRIVATE_KEY, 8192),
    KeyFormat("anthropic key", ("sk-ant-",), r"\bsk-ant-[A-Za-z0-9_-]{20,200}"),
    KeyFormat("openrouter key", ("sk-or-",), r"\bsk-or-(?:v1-)?[A-Za-z0-9_-]{20,200}"),
    KeyFormat("openai key", ("sk-",), r"\bsk-(?:proj-|svcacct-|admin-)?(?=[A-Za-z0-9_-]{0,60}[0-9A-Z])[A-Za-z0-9_-]{20,220}"),
    KeyFormat("google key", ("AIza",), r"\bAIza[A-Za-z0-9_-]{35}"),
    KeyFormat("google oauth secret", ("GOCSPX-",), r"\bGOCSPX-[A-Za-z0-9_-]{28}"),
    KeyFormat("google oauth token", ("ya29.",), r"\bya29\.[A-Za-z0-9_-]{20,512}", 600),
    KeyFormat("aws key id", ("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    KeyFormat("aws secret", ("aws_secret", "AWS_SECRET", "SecretAccessKey"), _AWS_PAIR),
    KeyFormat("github token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{36,251}", 300),
    KeyFormat("github token", ("github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{22,255}", 300),
    KeyFormat("gitlab token", ("glpat-", "gldt-", "glrt-", "glcbt-"), r"\bgl(?:pat|dt|rt|cbt)-[A-Za-z0-9_.-]{20,100}"),
    KeyFormat("slack token", ("xox",), r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}", 300),
    KeyFormat("slack webhook", ("hooks.slack.com/",), r"hooks\.slack\.com/(?:services|workflows)/(?P<secret>[A-Za-z0-9+/]{20,100})"),
    KeyFormat("discord webhook", ("/api/webhooks/",), r"/api/webhooks/(?P<secret>\d{15,21}/[\w-]{50,80})"),
    KeyFormat("stripe key", ("sk_live_", "rk_live_", "sk_test_", "rk_test_"), r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,120}"),
    KeyFormat("stripe webhook secret", ("whsec_",), r"\bwhsec_[A-Za-z0-9]{16,120}"),
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
    KeyFormat("digitalocean token", ("dop_v1_", "doo_v1_", "dor_v1_"), r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    KeyFormat("shopify token", ("shpat_", "shpca_", "shppa_", "shpss_"), r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    KeyFormat("linear key", ("lin_api_",), r"\blin_api_[A-Za-z0-9]{40}\b"),
    KeyFormat("notion token", ("ntn_",), r"\bntn_[A-Za-z0-9]{40,60}\b"),
    KeyFormat("telegram token", (":AA",), r"(?<=\d{8}):AA[A-Za-z0-9_-]{33}\b"),
    KeyFormat("age key", ("AGE-SECRET-KEY-1",), r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b"),
    KeyFormat("vault token", ("hvs.", "hvb."), r"\bhv[sb]\.[A-Za-z0-9_-]{24,200}"),
    KeyFormat("azure key", ("AccountKey=", "SharedAccessKey="), r"(?:AccountKey|SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{40,90}={0,2})"),
    KeyFormat("json web token", ("eyJ",), _WEB_IDENTITY, 7100),
    KeyFormat("password in an address", ("://",), _ADDRESS, 400),
    KeyFormat("bearer token", ("earer ", "EARER "), r"(?i:earer[ \t]{1,4})(?P<secret>[A-Za-z0-9._~+/-]{20,2000}={0,2})", 2100),
    KeyFormat("authorization header", ("uthorization", "UTHORIZATION"), _AUTHORIZATION, 2100),
    KeyFormat("key", ("ey", "EY", "cret", "CRET", "oken", "OKEN", "asswd", "ASSWD", "assword", "ASSWORD"), _QUOTED, 300),
    KeyFormat("key", (), _VARIABLE, 300),
)
# fmt: on
