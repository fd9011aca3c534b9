"""Secrets taken out of text before anybody reads it: logs, and what servers say in errors.

Two kinds of rules: shapes that are secrets wherever they stand (provider tokens, JWTs, private keys, URLs with a password), and
values that follow a telling name (`password=…`, `"api_key": "…"`). The name stays, so that a reader sees what was there.
When in doubt a value is masked; text without a secret comes back unchanged.
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "[masked]"

_KEY_BLOCK = re.compile(
    r"-----BEGIN (?P<kind>[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END (?P=kind)-----|\Z)",
    re.DOTALL,
)

_SHAPES = re.compile(
    r"""
      (?<![\w-])ey[JK][A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*            # JWT
    | \b(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}\b                        # AWS key ids
    | \bgh[pousr]_[A-Za-z0-9]{20,}\b | \bgithub_pat_[A-Za-z0-9_]{22,}\b        # GitHub
    | \bglpat-[A-Za-z0-9_-]{20,}                                               # GitLab
    | \bx(?:ox[abeoprs]|app)-[A-Za-z0-9-]{10,}                                 # Slack
    | \bhf_[A-Za-z0-9]{20,}\b | \bapi_org_[A-Za-z0-9]{20,}\b                   # Hugging Face
    | \bsk-(?:[a-z]{2,8}[0-9]{0,2}-)?[A-Za-z0-9_-]{20,}                        # OpenAI, Anthropic
    | \b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}\b                                 # Stripe
    | \bAIza[A-Za-z0-9_-]{35}                                                  # Google
    | \bya29\.[A-Za-z0-9_-]{20,}
    | \bnpm_[A-Za-z0-9]{30,}\b | \bpypi-[A-Za-z0-9_-]{40,}                     # package registries
    | \bnvapi-[A-Za-z0-9_-]{20,} | \bdapi[a-f0-9]{32}\b | \br8_[A-Za-z0-9]{30,}\b
    | \b[A-Za-z0-9_~.-]{3}(?:7|8)Q~[A-Za-z0-9_~.-]{31,34}                      # Entra client secrets
    | \b[A-Za-z0-9/+]{76,86}(?:APIM|ACDb|\+ABa|\+AMC|\+ASt|AzSe|AzCa|AzFu)[A-Za-z0-9/+]{5,6}={0,2}   # Azure keys with a signature
    | \bhttps://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]+
    """,
    re.VERBOSE,
)

_URL_PASSWORD = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"]{0,120}):(?P<secret>[^\s@'\"]{1,200})@", re.IGNORECASE)

_BEARER = re.compile(r"(?P<head>\b(?:bearer|basic|token|negotiate)\s+)(?P<secret>[A-Za-z0-9._~+/=-]{16,})", re.IGNORECASE)

_SIGNED = re.compile(
    r"(?P<head>[?&](?:sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature|access_token|api_key|apikey|token|code|key)=)"
    r"(?P<secret>[^&\s'\"]{6,})",
    re.IGNORECASE,
)

# The names that announce a secret, whatever stands before them (`WANDB_API_KEY`, `db.password`), but not `tokens=512` or `key=value`.
# All these expressions meet hostile text: none may look further than a bounded way before it fails.
_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|client[_-]?secret|api[_-]?key|apikey|access[_-]?key(?:[_-]?id)?"
    r"|account[_-]?key|shared[_-]?access[_-]?(?:key|signature)|private[_-]?key|signing[_-]?(?:key|secret)|encryption[_-]?key|master[_-]?key"
    r"|storage[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|id[_-]?token|session[_-]?token|bearer[_-]?token|bot[_-]?token|hf[_-]?token"
    r"|token|credentials?|connection[_-]?string|conn[_-]?str|authorization"
)
_NAMED = re.compile(
    rf"(?P<head>(?<![A-Za-z])(?:{_NAMES})[\"']?\s{{0,3}}(?:=>|:=|=|:)\s{{0,3}}(?:[\"']?(?:bearer|basic|token|negotiate)\s{{1,3}})?"
    rf"|--(?:[a-z]{{1,20}}-){{0,4}}(?:{_NAMES})\s{{1,3}})"
    r"(?P<secret>\"[^\"\n]{1,2000}\"|'[^'\n]{1,2000}'|[^\s,;&\"'{}\[\]()<>]{4,})",
    re.IGNORECASE,
)

_HARMLESS = re.compile(
    r"[\"']?(?:none|null|true|false|yes|no|unset|missing|required|invalid|expired|found|default|optional|redacted|hidden|\*+|x+|\.+|\[masked\]|\$\{?\w+\}?|%\w+%|/\S*"
    r"|-?\d{1,9}(?:\.\d+)?(?:e-?\d+)?%?)[\"']?[.!]?",
    re.IGNORECASE,
)

# Searched first, because nearly every line of a log has none of these and is then left alone.
_HINT = re.compile(
    r"pass|pwd|secret|key|token|github_pat_|credential|conn|authoriz|bearer|basic |negotiate|sig=|signature|code=|://|eyJ|eyK|gh[pousr]_|glpat-|xox|xapp-"
    r"|hf_|api_org_|sk-|[rs]k_|AIza|ya29|npm_|pypi-|nvapi-|dapi|r8_|[78]Q~|AKIA|ASIA|ABIA|ACCA|AROA|AIDA|APIM|ACDb|\+ABa|\+AMC|\+ASt|AzSe|AzCa|AzFu",
    re.IGNORECASE,
)


def mask(text: str) -> str:
    """`text` with every recognised secret replaced by :data:`MASK`; line structure is kept (a key block becomes one mask)."""
    if "PRIVATE KEY" in text:
        text = _KEY_BLOCK.sub(MASK, text)
    if not _HINT.search(text):
        return text
    return "".join(_mask_line(line) if _HINT.search(line) else line for line in text.splitlines(keepends=True))


def _mask_line(line: str) -> str:
    line = _URL_PASSWORD.sub(lambda found: f"{found['head']}:{MASK}@", line)
    line = _SIGNED.sub(lambda found: found["head"] + MASK, line)
    line = _BEARER.sub(_named, line)
    line = _SHAPES.sub(MASK, line)
    return _NAMED.sub(_named, line)


def _named(found: re.Match[str]) -> str:
    secret = found["secret"]
    if _HARMLESS.fullmatch(secret) or MASK in secret:
        return found[0]
    quote = secret[0] if secret[0] in "\"'" else ""
    return f"{found['head']}{quote}{MASK}{quote}"
