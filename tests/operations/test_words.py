"""Whatever is refused, put off or failed has its row in the table of words: nobody is shown a code, nor that something was unexpected."""

from __future__ import annotations

import re
from pathlib import Path

from bot.words import WORDS

ROOT = Path(__file__).resolve().parents[2]
RAISED = re.compile(r"\b(?:Refused|Failed|Temporary|Malformed|blocker|warning|info)\(\s*\"([a-z_]+\.[a-z_.]+)\"")


def test_every_code_that_is_raised_has_words() -> None:
    raised = {code for path in ROOT.glob("bot/**/*.py") for code in RAISED.findall(path.read_text())}
    assert len(raised) > 100
    assert raised - WORDS.keys() == set()
