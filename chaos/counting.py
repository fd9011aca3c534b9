"""What people did is the measure: nothing may have been done, or said, more often than somebody asked for it.

Both sides are taken from outside: what was typed and pressed, as the story noted it before anything came of it, and what arrived at
Azure and Kubernetes or stands in Slack. Our own records are held against the same measure.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.playing import shown

ACCEPTED: Final = (200, 201, 202)
MADE: Final = 201
CHANGES: Final = ("stop", "start", "scale", "extend")
UNDONE: Final = ("Failed", "Cancelled", "Not started")
BUTTON_OF: Final = {"Cancelled": "cancel", "Denied": "deny"}
ELSEWHERE: Final = re.compile("^🔁 ")
EXPIRED: Final = re.compile("has expired and is being deleted")


@dataclass(frozen=True)
class Write:
    """An accepted write to Azure; `path` without its query, in lower case."""

    method: str
    path: str
    status: int

    def about(self, name: str) -> bool:
        """Whether it is about what has that name, or that name with a number: the bot's own choice where there is no capacity."""
        return any(re.fullmatch(rf"{name}\d?", part) for part in re.split("[/-]", self.path))


@dataclass(frozen=True)
class Outside:
    """What is seen of a round from outside: writes to Azure, Jobs that were made by name, and the clusters and pools that exist."""

    writes: tuple[Write, ...]
    jobs: Counter[str]
    standing: tuple[str, ...]


@dataclass
class Asked:
    """What the people of a story did: commands by their text, whether they were acked or not, and the cards on which each button was pressed."""

    typed: Counter[str] = field(default_factory=Counter)
    mentions: int = 0
    pressed: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def times(self, *verbs: str) -> int:
        """How often one of these was typed."""
        return sum(count for text, count in self.typed.items() if set(verbs) & set(text.split()[:2]))


def writes(rows: Iterable[dict[str, Any]]) -> tuple[Write, ...]:
    """The accepted writes among requests to Azure. Credentials are asked for with a POST, and change nothing."""
    changing = ("PUT", "DELETE", "PATCH", "POST")
    asked = [row for row in rows if row["method"] in changing and row["handled"] in ACCEPTED and "/listCluster" not in row["path"]]
    return tuple(Write(row["method"], row["path"].partition("?")[0].lower(), row["handled"]) for row in asked)


def jobs(rows: Iterable[dict[str, Any]]) -> Counter[str]:
    """The Jobs that requests to Kubernetes made."""
    return Counter(row["made"] for row in rows if row["method"] == "POST" and row["path"].partition("?")[0].endswith("/jobs") and row["made"])


def strangers(outside: Outside, names: Iterable[str]) -> list[str]:
    """Writes about nothing that anybody named."""
    known = list(names)
    return [f"nobody named {write.path}" for write in outside.writes if not any(write.about(name) for name in known)]


@dataclass(frozen=True)
class Ledger:
    """One story's account: its name, what was asked, what is seen outside, the channel's messages, and whether it has to be approved."""

    name: str
    asked: Asked
    outside: Outside
    messages: list[dict[str, Any]]
    approved: bool

    def wrong(self) -> list[str]:
        """Where more was done or said than was asked for."""
        found = [*self._made(), *self._changed(), *self._deleted(), *self._cards(), *self._jobs()]
        return [f"{self.name}: {line}" for line in found]

    def _of(self, *methods: str) -> list[Write]:
        return [write for write in self.outside.writes if write.method in methods and write.about(self.name)]

    def _made(self) -> list[str]:
        """Each thing was made no more often than it was asked for - and approved."""
        may = self.asked.times("create", "add")
        if self.approved:
            may = min(may, len(self.asked.pressed["approve"] & {card["ts"] for card in self.creations()}))
        made = Counter(write.path for write in self._of("PUT") if write.status == MADE)
        return [f"made {count} times, asked for and approved {may} times: {path}" for path, count in made.items() if count > may]

    def _changed(self) -> list[str]:
        """One write for each change that was asked for, and one more to take it back: where somebody cancelled it, or it failed."""
        may = self.asked.times(*CHANGES) + len(self.asked.pressed["cancel"]) + sum("*Failed*" in shown(card) for card in self._titled(*CHANGES))
        changed = [write for write in self._of("PUT", "PATCH", "POST") if write.status != MADE and not write.path.endswith("/abort")]
        return [f"changed {len(changed)} times, asked for {may} times: {changed}"] if len(changed) > may else []

    def _deleted(self) -> list[str]:
        """A thing is deleted where somebody confirmed it, its making failed or was cancelled, it was tried elsewhere, or it expired."""
        threads = [message for card in self.creations() for message in card["replies"]]
        elsewhere = sum(bool(ELSEWHERE.search(shown(one))) for one in threads)
        expired = sum(bool(EXPIRED.search(shown(one))) for one in threads)
        begun = [card for card in self.creations() if card["ts"] in self.asked.pressed["approve"] or not self.approved]
        undone = sum(any(f"*{state}*" in shown(card) for state in UNDONE) for card in begun)
        may = len(self.asked.pressed["confirm"]) + elsewhere + expired + undone
        gone = Counter(write.path for write in self._of("DELETE"))
        return [f"deleted {count} times, for {may} reasons: {path}" for path, count in gone.items() if count > may]

    def _cards(self) -> list[str]:
        """One card for one command, whatever Slack delivered; and what is cancelled or denied was so by somebody."""
        found = []
        for verbs, cards in ((("create", "add", "run"), self.creations()), *(((verb,), self._titled(verb)) for verb in ("delete", *CHANGES))):
            if len(cards) > self.asked.times(*verbs):
                states = [shown(card).split("\n")[0][:120] for card in cards]
                found.append(f"{len(cards)} cards for {self.asked.times(*verbs)} commands to {verbs[0]}: {states}")
        for card in [*self.creations(), *self._titled("delete", *CHANGES)]:
            for state, button in BUTTON_OF.items():
                if f"*{state}*" in shown(card) and card["ts"] not in self.asked.pressed[button] and not self.asked.times("cancel"):
                    found.append(f"{state}, and nobody pressed {button}: {shown(card)[:120]!r}")
        return found

    def _jobs(self) -> list[str]:
        made, may = self.outside.jobs[self.name], self.asked.times("run")
        return [f"{made} Jobs for {may} requests"] if made > may else []

    def creations(self) -> list[dict[str, Any]]:
        """The cards of what makes something: a cluster, a node pool, a Job."""
        plan = rf"(cluster |node pool \w+/|/gpu cluster create |/gpu pool add \w+/){self.name}\b|{self.name} on "
        return [one for one in self.messages if re.match(plan, shown(one))]

    def _titled(self, *verbs: str) -> list[dict[str, Any]]:
        """The cards of what changes or deletes it."""
        return [one for one in self.messages if re.match(rf"(/gpu (cluster|pool) )?({'|'.join(verbs)}) [^\n]*\b{self.name}\b", shown(one))]


def recorded(name: str, asked: Asked, rows: list[dict[str, str]]) -> list[str]:
    """Where our own records of a story are more than what was typed. What the bot begins by itself has a parent."""
    own = Counter(row["text"] for row in rows if not row.get("parent"))
    return [f"{name}: {count} records of `{text}`, typed {asked.typed[text]} times" for text, count in own.items() if count > asked.typed[text]]
