"""Secrets taken out of text before anybody reads it: logs, and what servers say in errors.

Two kinds of rules: shapes that are secrets wherever they stand (provider tokens, JWTs, private keys, URLs with a password), and
values that follow a telling name (`password=…`, `"api_key": "…"`). The name stays, so that a reader sees what was there.
When in doubt a value is masked; text without a secret comes back unchanged. All of these expressions meet hostile text: none may look
further than a bounded way before it fails.
"""

from __future__ import annotations

import re
from typing import Final

from bot.secrets import NAMES, PROVIDERS

MASK: Final = "[masked]"

_KEY_BLOCK = re.compile(
    r"-----BEGIN (?P<kind>[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END (?P=kind)-----|\Z)",
    re.DOTALL,
)

_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY")
_KEY_LINE = re.compile(r"(?:\S{1,60}[ \t])?[A-Za-z0-9+/=]{1,100}\s*|(?:Proc-Type|DEK-Info): .*\s*")

_SHAPES = re.compile(PROVIDERS, re.VERBOSE)

_URL_PASSWORD = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"]{0,120}):(?P<secret>[^\s@'\"]{1,200})@", re.IGNORECASE)

_BEARER = re.compile(r"(?P<head>\b(?:bearer|basic|token|negotiate)\s+)(?P<secret>[A-Za-z0-9._~+/=-]{16,})", re.IGNORECASE)

_SIGNED = re.compile(
    r"(?P<head>[?&](?:sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature|access_token|api_key|apikey|token|code|key)=)"
    r"(?P<secret>[^&\s'\"]{6,})",
    re.IGNORECASE,
)

_NAMED = re.compile(
    rf"(?P<head>(?:(?:(?<![A-Za-z])|(?-i:(?<=[a-z])(?=[A-Z])))(?:{NAMES})|pass(?:word|wd|phrase))(?:\\{{0,3}}[\"'])?\s{{0,3}}(?:=>|:=|=|:)\s{{0,3}}"
    r"(?:[\"']?(?:bearer|basic|token|negotiate)\s{1,3})?"
    rf"|--(?:[a-z]{{1,20}}-){{0,4}}(?:{NAMES})\s{{1,3}})"
    r"(?P<secret>\\{1,3}\"[^\"\\\n]{1,2000}\\{1,3}\"|\"[^\"\n]{1,2000}\"|'[^'\n]{1,2000}'|[^\s,;&\"'{}\[\]()<>]{4,})",
    re.IGNORECASE,
)

_APART = re.compile(
    r"(?P<head>(?<![A-Za-z0-9_])(?:[A-Z][A-Z0-9_]{1,60}_(?:PASSWORD|PASSWD|SECRET|TOKEN|KEY)"
    r"|(?:aws_)?secret_access_key|client_secret|api_key)[ \t]{1,3})"
    r"(?P<secret>(?=[^\s\d]{0,200}\d)[A-Za-z0-9/+=_.~-]{16,})"
)
"""A name that is one of a variable, and behind a mere blank what no word looks like."""

_QUOTE = re.compile(r"\\{0,3}[\"']")
_HARMLESS = re.compile(
    r"\\{0,3}[\"']?(?:none|null|true|false|yes|no|unset|missing|required|invalid|expired|found|default|optional|redacted|hidden|\*+|x+|\.+|\[masked\]|\$\{?\w+\}?|%\w+%|/\S*"
    r"|-?\d{1,9}(?:\.\d+)?(?:e-?\d+)?%?)\\{0,3}[\"']?[.!]?",
    re.IGNORECASE,
)

# Searched first, because nearly every line of a log has none of these and is then left alone.
_HINT = re.compile(
    r"pass|pwd|secret|key|token|github_pat_|credential|conn|authoriz|bearer|basic |negotiate|sig=|signature|code=|://|eyJ|eyK|gh[pousr]_|glpat-|xox|xapp-"
    r"|hf_|api_org_|LS0t|sk-|[rs]k_|AIza|ya29|npm_|pypi-|nvapi-|dapi|r8_|[78]Q~|AKIA|ASIA|ABIA|ACCA|AROA|AIDA|APIM|ACDb|\+ABa|\+AMC|\+ASt|AzSe|AzCa|AzFu",
    re.IGNORECASE,
)


def mask(text: str) -> str:
    """`text` with every recognised secret replaced by :data:`MASK`; line structure is kept (a key block becomes one mask)."""
    if "PRIVATE KEY" in text:
        text = _end_of_key(_KEY_BLOCK.sub(MASK, text))
    if not _HINT.search(text):
        return text
    return "".join(_mask_line(line) if _HINT.search(line) else line for line in text.splitlines(keepends=True))


def _end_of_key(text: str) -> str:
    """A tail may begin inside of a key block: what leads up to its end is masked as far back as it looks like one."""
    kept: list[str] = []
    for line in text.splitlines(keepends=True):
        if _KEY_END.search(line):
            while kept and _KEY_LINE.fullmatch(kept[-1]):
                kept.pop()
            line = MASK + line[len(line.rstrip("\r\n")) :]
        kept.append(line)
    return "".join(kept)


def _mask_line(line: str) -> str:
    line = _URL_PASSWORD.sub(lambda found: f"{found['head']}:{MASK}@", line)
    line = _SIGNED.sub(lambda found: found["head"] + MASK, line)
    line = _BEARER.sub(_named, line)
    line = _SHAPES.sub(MASK, line)
    return _NAMED.sub(_named, _APART.sub(_named, line))


def _named(found: re.Match[str]) -> str:
    secret = found["secret"]
    if _HARMLESS.fullmatch(secret) or MASK in secret:
        return found[0]
    opened = _QUOTE.match(secret)
    quote = opened[0] if opened else ""
    return f"{found['head']}{quote}{MASK}{quote}"
