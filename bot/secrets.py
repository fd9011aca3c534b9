"""What a secret looks like: one knowledge for what people type and paste (refused), and for logs and answers (masked).

Two signs: shapes that are secrets wherever they stand, and values that follow a telling name. What is only named is judged by its value
too, for a language model's programs are full of tokens that are none: `--max-tokens 512`, `--eos-token </s>`.
Hostile text meets all of these expressions: none may look further than a bounded way before it fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

PROVIDERS: Final = r"""
      (?<![\w-])ey[JK][A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*            # JWT
    | \b(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{16}\b                        # AWS key ids
    | \bgh[pousr]_[A-Za-z0-9]{20,}\b | \bgithub_pat_[A-Za-z0-9_]{20,}\b        # GitHub
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
    | LS0tLS1CRUdJTi[\w+/=]+                                                   # PEM once more in base64, as kubeconfigs hold it
"""
"""A provider's own marks, in re.VERBOSE."""

SHAPES: Final = re.compile(
    PROVIDERS
    + r"""
    | AccountKey= | -----BEGIN\ [A-Z0-9\ ]{0,40}PRIVATE\ KEY
    | [?&]sig=[^&\s]{6,} | ://[^\s:/@]{0,120}:[^\s/@]{1,200}@ | \b(?i:bearer|basic)\s{1,3}[A-Za-z0-9._~+/=-]{16,}
    """,
    re.VERBOSE,
)
"""What must not stand in a command or a manifest, whatever it is called there."""

NAMES: Final = (
    r"pass(?:word|wd|phrase)?|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|client[_-]?secret|api[_-]?key|apikey|access[_-]?key(?:[_-]?id)?"
    r"|account[_-]?key|shared[_-]?access[_-]?(?:key|signature)|private[_-]?key|signing[_-]?(?:key|secret)|encryption[_-]?key|master[_-]?key"
    r"|storage[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|id[_-]?token|session[_-]?token|bearer[_-]?token|bot[_-]?token|hf[_-]?token"
    r"|token|credentials?|connection[_-]?string|conn[_-]?str|authorization"
)
"""Names that announce a secret, whatever stands before them (`WANDB_API_KEY`, `db.password`), but not `tokens=512` or `key=value`."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TELLING = re.compile(rf"(?:^|[_.-])(?:{NAMES})$|pass(?:word|wd|phrase)$", re.IGNORECASE)
_PASSWORD = re.compile(r"(?:pass(?:word|wd|phrase)?|pwd)$", re.IGNORECASE)
_SOME_KEY = re.compile(r"(?:^|[_.-])key$", re.IGNORECASE)
_OF_TEXT = re.compile(
    r"(?:^|[_.-])(?:bos|eos|pad|unk|sep|cls|mask|special|stop|start|begin|end|image|video|audio|next|new|first|last|prefix|suffix|system|user"
    r"|assistant|decoder|trigger|placeholder|per)[_.-]?token$",
    re.IGNORECASE,
)
"""Tokens of a tokenizer."""
_PLAIN = re.compile(
    r"(?:none|null|true|false|yes|no|unset|auto|default|optional|required|\*+|x+|\.+|\[masked\]|<[^<>]*>|\$\{\{?[^{}]*\}?\}|\$\(?\w+\)?|%\w+%"
    r"|~?\.{0,2}/\S*|[a-z][a-z0-9+.-]*://\S*|-?\d{1,9}(?:\.\d+)?(?:e-?\d+)?%?)",
    re.IGNORECASE,
)
"""A reference, a path, an address, a number: what stands in place of a secret."""
_RANDOM = re.compile(r"(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9+/=_~.-]{20,}")

_NAME = r"[\"']?(?P<name>[A-Za-z_][\w.-]{0,80})\\?[\"']?"
_VALUE = (
    r"(?:\"(?P<double>[^\"\n]{1,2000})\"|'(?P<single>[^'\n]{1,2000})'|\\\"(?P<escaped>[^\"\\\n]{1,2000})\\\""
    r"|(?P<bare>[^\s,;&\"'{}\[\]()]{4,2000}))"
)
_NEXT = r"(?:[ \t]{1,3}|[\"']?[ \t]{0,9}(?:,\s{0,80}|\n[ \t]{0,40}-[ \t]{1,9}))"
_WRITTEN = (
    re.compile(rf"(?<![\w.]){_NAME}[ \t]{{0,3}}(?:=>|:=|=|:)[ \t]{{0,3}}{_VALUE}"),
    re.compile(rf"(?<![\w-])--?(?P<name>[A-Za-z][\w.-]{{0,80}}){_NEXT}{_VALUE}"),
    re.compile(rf"\bname[\"']?:[ \t]{{0,9}}{_NAME}[ \t]{{0,9}}(?:,|\n)[\s-]{{0,80}}[\"']?value[\"']?:[ \t]{{0,9}}{_VALUE}"),
    re.compile(rf"\bvalue[\"']?:[ \t]{{0,9}}{_VALUE}[ \t]{{0,9}}(?:,|\n)[\s-]{{0,80}}[\"']?name[\"']?:[ \t]{{0,9}}{_NAME}"),
)
"""`NAME=value`, `name: value`; `--name value`, also as two items of a list; a container's variables, in YAML and JSON, in both orders."""


def shaped(text: str) -> bool:
    """Whether there is something in `text` that is a secret wherever it stands."""
    return SHAPES.search(text) is not None


def told(name: str, value: str) -> bool:
    """Whether `name` announces a secret and `value` may be one, or is one by its shape."""
    if shaped(value):
        return True
    value = value.strip()
    spelled = _CAMEL.sub("_", name)
    if _PLAIN.fullmatch(value) or _OF_TEXT.search(spelled):
        return False
    if _SOME_KEY.search(spelled) and _RANDOM.fullmatch(value):
        return True
    return _TELLING.search(spelled) is not None and len(value) >= (4 if _PASSWORD.search(spelled) else 8)


def among(words: Sequence[str]) -> str | None:
    """The name of the first secret among a program's arguments, `--` where it has none; None where there is no secret."""
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        name, equals, value = word.lstrip("-+").partition("=")
        if word.startswith("-") and not equals and not following.startswith("-") and told(name, following):
            return word
        if equals and told(name, value):
            return word.partition("=")[0]
        if (inside := within(word)) is not None:
            return inside
    return None


def within(text: str) -> str | None:
    """The name of the first secret in a text such as a manifest, `--` where it has none; None where there is no secret."""
    named = next((name for name, value in _pairs(text) if told(name, value)), None)
    return named or ("--" if shaped(text) else None)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for written in _WRITTEN:
        for found in written.finditer(text):
            yield found["name"], found["double"] or found["single"] or found["escaped"] or found["bare"]
