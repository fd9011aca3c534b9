"""The grammar of /gpu. One declaration per command gives parsing, validation, help, usage hint and Slack manifest.

`parse` reads a slash command, `parse_mention` what is said in a thread: both answer a `Request` (validated, JSON-able) or a `Reply`
(help, or what to type instead), and never raise. `BY_KIND` gives the definition behind a request: role, whether it changes or
destroys. `shown` escapes user text for Slack. No I/O, and nothing but names and words below it.
"""

from __future__ import annotations

from bot.commands.definitions import BY_KIND, COMMANDS, GROUPS
from bot.commands.grammar import amended, parse
from bot.commands.help import overview, usage, usage_hint
from bot.commands.manifest import RUN_ON_GPU, slack_manifest
from bot.commands.mention import THIS, parse_mention
from bot.commands.model import Command, Malformed, Reply, Request, Role
from bot.commands.text import shown

__all__ = [
    "BY_KIND",
    "COMMANDS",
    "GROUPS",
    "RUN_ON_GPU",
    "THIS",
    "Command",
    "Malformed",
    "Reply",
    "Request",
    "Role",
    "amended",
    "overview",
    "parse",
    "parse_mention",
    "shown",
    "slack_manifest",
    "usage",
    "usage_hint",
]
