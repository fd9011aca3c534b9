"""The grammar of /gpu: every command there is, in the order in which help shows them."""

from __future__ import annotations

from typing import Final

from bot.commands import definitions_clusters as clusters
from bot.commands import definitions_jobs as jobs
from bot.commands.model import Argument, Command
from bot.commands.values import matching

MENU: Final = Command((), "menu", "menu of the common requests", examples=("",))
_TOPIC: Final = Argument("topic", matching("TOPIC", r".*", "a topic", "pool"), required=False, rest=True)
HELP: Final = Command(("help",), "help", "this; `help TOPIC` for more", arguments=(_TOPIC,), examples=("help pool",))

GROUPS: Final[dict[str, tuple[str, tuple[Command, ...]]]] = {
    "run": ("Jobs", jobs.JOBS),
    "nodes": ("Capacity", jobs.CAPACITY),
    "cluster": ("Clusters", clusters.CLUSTERS),
    "pool": ("GPU node pools", clusters.POOLS),
    "plugin": ("NVIDIA device plugin", clusters.PLUGIN),
    "sizes": ("Sizes and money", jobs.MONEY),
    "feature": ("Preview features", clusters.FEATURES),
    "digest": ("Digest", jobs.DIGEST),
    "audit": ("Audit", jobs.AUDIT),
}
"""Topic of help → its heading and commands."""

COMMANDS: Final[tuple[Command, ...]] = (MENU, HELP, *(command for _, group in GROUPS.values() for command in group))
BY_KIND: Final[dict[str, Command]] = {command.kind: command for command in COMMANDS}

_WORDS: Final = {"nodepool": "pool", "node-pool": "pool", "aks": "cluster", "device-plugin": "plugin", "features": "feature"}


def same_word(word: str) -> str:
    """The first word of a command in our spelling: lower-case, ``nodepool`` for ``pool``."""
    return _WORDS.get(word.lower(), word.lower())


def paths() -> dict[tuple[str, ...], tuple[Command, ...]]:
    """Each path and alias with the commands that it may mean (several where a flag chooses)."""
    found: dict[tuple[str, ...], tuple[Command, ...]] = {}
    for command in COMMANDS:
        for path in (command.path, *command.aliases):
            if path:
                found[path] = (*found.get(path, ()), command)
    return found


PATHS: Final = paths()
