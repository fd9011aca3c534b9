"""From what people paste to words: forgiving about typography, exact about everything else.

What is forgiven comes from what Slack, phones and documents do to a command: smart quotes, code fences, bold asterisks, non-breaking
spaces, dashes that were two hyphens, links made of host names, the command's own name pasted along. Quoted text is left as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bot.commands.model import Malformed
from bot.secrets import SHAPES

LONGEST: Final = 8000

_DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_QUOTES: Final = str.maketrans(
    {**dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\uff02", '"'), **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\uff07", "'")}
)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe0f\ufeff]")
_LINK = re.compile(r"<((?:https?|mailto|tel):[^<>|\s]+)(?:\|([^<>|]*))?>", re.IGNORECASE)
_FENCE = re.compile(r"```(?:(?:bash|sh|shell|console|text|plain)[ \t]*(?=\r|\n))?")
_CONTINUED = re.compile(r"\\[ \t]*(?:\r\n|\r|\n)")
_CALLED = re.compile(r"(?:[$>#]\s*)?/?gpu(?=\s|$)", re.IGNORECASE)
_PLAIN = re.compile(r"[\w ./:,=+-]*", re.ASCII)
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]")
_OPENING_DASHES = re.compile(f"[-{_DASHES}]+")


@dataclass(frozen=True)
class Token:
    """One word; `plain` if no quote or backslash took part, so that typography may be mended in it."""

    text: str
    plain: bool


def words(text: str) -> tuple[list[Token], list[str] | None]:
    """The command's words, and what stands after ``--`` (None where there is no ``--``).

    Raises :class:`Malformed` where the text is too long, a quote stays open, or several commands were pasted at once.
    """
    if len(text) > LONGEST:
        raise Malformed("commands.too_long", length=len(text), limit=LONGEST)
    # Most commands have nothing in them that would have to be mended, and somebody waits.
    tokens = _called([Token(word, True) for word in text.split()] if _PLAIN.fullmatch(text) else _tokens(_cleaned(text)))
    found: list[Token] = []
    for index, token in enumerate(tokens):
        mended = _mended(token)
        if token.plain and mended == "--":
            return found, [_leading_dashes(rest.text) if rest.plain else rest.text for rest in tokens[index + 1 :]]
        if token.plain and mended.lower() == "/gpu" and [word.text.lower() for word in found] == ["help"]:
            continue
        if token.plain and mended.lower() == "/gpu":
            raise Malformed("commands.several")
        if mended or not token.plain:
            found.append(Token(mended, token.plain))
    return found, None


def shown(value: object, limit: int = 80) -> str:
    """`value` as it may be put between backticks in Slack mrkdwn: one line, no mention, no link, no secret, cut at `limit` characters."""
    line = re.sub(r"[\x00-\x20\x7f-\x9f]+", " ", SHAPES.sub("[masked]", str(value))).replace("`", "'").strip()
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def quoted(word: str) -> str:
    """`word` as it has to be typed to be read as one word."""
    if word and not re.search(r"[\s\"'\\]", word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _cleaned(text: str) -> str:
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = _INVISIBLE.sub("", text.translate(_QUOTES))
    text = _LINK.sub(_unlinked, text)
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    text = _CONTINUED.sub(" ", _FENCE.sub(" ", text))
    return _BLANK.sub(" ", text).strip()


def _unlinked(found: re.Match[str]) -> str:
    """A label that only repeats its address is what was typed; any other label may lie, so the address is taken."""
    address, label = found[1], found[2]
    bare = re.sub(r"^(?:https?://|mailto:|tel:)", "", address, flags=re.IGNORECASE)
    if label and label.rstrip("/") in (address.rstrip("/"), bare.rstrip("/")):
        return label
    return address


def _called(tokens: list[Token]) -> list[Token]:
    """Without the prompt and the ``/gpu`` in front, however they were marked up."""
    while tokens and tokens[0].plain:
        first = tokens[0].text.strip("`*_~")
        if first and _CALLED.fullmatch(first) is None and first not in "$>#":
            break
        tokens = tokens[1:]
    return tokens


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    word, plain, mark, started = "", True, "", False
    index = 0
    while index < len(text):
        character = text[index]
        following = text[index + 1 : index + 2]
        if character == "\\" and mark != "'" and following and following in (mark or " \"'\\") + "\\":
            word, plain, started, index = word + following, False, True, index + 1
        elif mark:
            word, mark = (word, "") if character == mark else (word + character, mark)
        elif character in "\"'":
            mark, plain, started = character, False, True
        elif character != " ":
            word, started = word + character, True
        elif started:
            tokens.append(Token(word, plain))
            word, plain, started = "", True, False
        index += 1
    if mark:
        raise Malformed("commands.quote", mark=mark)
    return [*tokens, Token(word, plain)] if started else tokens


def _mended(token: Token) -> str:
    if not token.plain:
        # The option's name may still carry a typographic dash: —env="A B"
        return _leading_dashes(token.text) if token.text[:1] in _DASHES else token.text
    text = token.text.lstrip("`*")
    name, equals, _ = text.partition("=")
    if not equals or name.startswith(("-", *_DASHES)):
        text = text.rstrip("`*")
    text = _leading_dashes(text)
    return text if equals else re.sub(f"[{_DASHES}]", "-", text)


def _leading_dashes(text: str) -> str:
    """``—for`` and ``–for`` are ``--for``; a single hyphen before a longer word, too; ``−1`` is ``-1``."""
    found = _OPENING_DASHES.match(text)
    if found is None:
        return text
    rest = text[found.end() :]
    typographic = any(dash in _DASHES for dash in found[0])
    if rest[:1].isdigit() or rest[:1] == ".":
        return ("-" + rest) if typographic else text
    if not rest:
        return "--" if found[0] in ("--", "\u2014") else text
    return "--" + rest if typographic or len(found[0]) > 2 else text
