"""One story: its acts as they reach the system, and what must be true of it at the end."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from typing import Any, Final

from chaos.counting import CHANGES, Asked, Ledger, Outside, recorded
from chaos.drawn import FAULTS, Story
from chaos.system import BASE, SIZE, System, threads
from tests.playing import ALICE, BOB, CAROL, GPU, shown

ML: Final = "C0ML"
ENDED: Final = {"succeeded": "Done", "failed": "Failed", "refused": "Not started", "denied": "Denied", "cancelled": "Cancelled", "expired": "Expired"}
AT_REST: Final = {*ENDED, "waiting_approval", "waiting_confirmation"}
CARDS: Final = (
    "cluster.create", "cluster.delete", "cluster.stop", "cluster.start", "cluster.extend", "pool.add", "pool.delete", "pool.stop", "pool.start",
    "pool.scale", "pool.extend", "job.run",
)  # fmt: skip
CREATED: Final = ("cluster.create", "pool.add")
SETTLE_SECONDS: Final = 12.0
REMOVED: Final = (".delete", ".expire")


class Telling:
    """`acked` counts what the bot said yes to, `asked` what people did, whatever became of it."""

    def __init__(self, system: System, story: Story, number: int) -> None:
        self.system, self.story = system, story
        self.name = f"w{chr(97 + number // 26)}{chr(97 + number % 26)}"  # no digits: where there is no capacity the bot adds one
        self.channel = (GPU, ML)[number % 2]
        self.acked = 0
        self.asked = Asked()

    def tell(self) -> None:
        """Ask, and act."""
        if self.story.before:
            self._act(self.story.before)
        self._ask()
        for act, pause in self.story.acts:
            time.sleep(pause)
            self._act(act)

    @property
    def request(self) -> str:
        """The command that begins the story."""
        life = self.story.life
        return {
            "cluster": f"cluster create {self.name} --size {SIZE} --for {life}",
            "plain": f"cluster create {self.name} --for {life}",
            "pool": f"pool add {BASE}/{self.name} --size {SIZE} --zone 2 --for {life}",
            "job": f"run vector-add --on {BASE} --name {self.name}",
        }[self.story.kind]

    @property
    def removal(self) -> str:
        """The command that takes it away."""
        return {"job": f"cancel {self.name}", "pool": f"pool delete {BASE}/{self.name}"}.get(self.story.kind, f"cluster delete {self.name}")

    def _change(self, verb: str) -> str:
        """The command that changes it; '' where there is nothing to change."""
        pool = {"pool": f"{BASE}/{self.name}", "cluster": f"{self.name}/gpu"}.get(self.story.kind, "")
        if verb == "scale":
            return f"pool scale {pool} --nodes 2" if pool else ""
        if self.story.kind == "job":
            return ""
        of = f"pool {verb} {pool}" if self.story.kind == "pool" else f"cluster {verb} {self.name}"
        return f"{of} --for 4h" if verb == "extend" else of

    def _act(self, act: str) -> None:
        if act in FAULTS:
            service, effect, match, options = FAULTS[act]
            about = rf"[/-]{self.name}\b" if self.story.kind in ("cluster", "plain", "pool") else ""
            self.system.play.fault(service, effect, match.replace("{}", about), **options)
        elif act == "wait":
            time.sleep(0.7)
        elif act == "settle":
            self._settle()
        elif act in ("ask again", "delete"):
            self._ask(self.removal if act == "delete" else self.request)
        elif act in CHANGES:
            if command := self._change(act):
                self._ask(command)
        elif act == "mention":
            for card in self._cards()[:1]:
                self.asked.mentions += 1
                self.system.play.mention(card["ts"], "status", ALICE, self.channel)
        elif act == "cancel":
            self._press("cancel", (ALICE,))
        elif act == "confirm":
            self._press("confirm", (ALICE, ALICE), patience=2.0)
        else:
            others = (BOB, CAROL, BOB) if self.channel == GPU else (BOB, BOB)
            who = {"approve": (BOB,), "approve twice": others, "deny": (BOB,)}.get(act, (ALICE,))
            self._press("deny" if act == "deny" else "approve", who, patience=3.0)

    def _settle(self) -> None:
        """As a person who waits until nothing of theirs is being worked on: what is asked for next finds it ready, or gone."""
        ends = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < ends and any("*Working on it*" in shown(card) for card in self._cards()):
            time.sleep(0.3)

    def _ask(self, text: str = "") -> None:
        self.asked.typed[text or self.request] += 1
        answer = self.system.play.command(text or self.request, ALICE, self.channel)
        self.acked += "On it" in answer

    def _press(self, action: str, people: tuple[str, ...], patience: float = 0.0) -> None:
        """Press a button on every card of this story that has it. Under faults it may come late; then nobody can press it."""
        ends = time.monotonic() + patience
        cards = self._with(action)
        while not cards and time.monotonic() < ends:
            time.sleep(0.3)
            cards = self._with(action)
        for card in cards:
            for user in people:
                answer = self.system.play.click(card, action, user, self.channel)
                if not _refused(answer) and not (action == "approve" and user == ALICE):
                    self.asked.pressed[action].add(card["ts"])

    def _cards(self) -> list[dict[str, Any]]:
        return [one for one in self.system.messages(self.channel) if re.search(rf"\b{self.name}\b", shown(one))]

    def _with(self, action: str) -> list[dict[str, Any]]:
        return [card for card in self._cards() if action in buttons(card)]

    def mine(self, records: list[dict[str, str]]) -> list[dict[str, str]]:
        """The records of this story's requests, also under the name with a number that the bot chose where there was no capacity."""
        return [row for row in records if re.search(rf"\b{self.name}\d?\b", row.get("text", ""))]

    def moving(self, records: list[dict[str, str]]) -> list[str]:
        """What has not come to rest: operations that run, messages that are not sent, cards that do not show how it ended."""
        rows, leases = self.mine(records), [row for row in records if self._leases(row)]
        found = [f"{self.name}: {row['id']} {row['status']} {row.get('step')}" for row in rows if row["status"] not in AT_REST]
        found += [f"{self.name}: {row['id']} {row['messages']}" for row in (*rows, *leases) if re.search('"(new|sending)"', row["messages"])]
        if (own := sum(not row.get("parent") for row in rows)) < self.acked:
            found.append(f"{self.name}: {own} records of {self.acked} requests that were acked")
        found += [f"{self.name}: its lease {row['id']} is over" for row in leases if self._overdue(row)]
        return found or [line for row in rows if (line := self._outdated(row))]

    def _leases(self, row: dict[str, str]) -> bool:
        """Whether that is the lease of what the story made; what it says has no command that names it."""
        if row["kind"] != "lease":
            return False
        memo = json.loads(row["memo"])
        return self.name in (memo["cluster"].rstrip("0123456789"), memo["pool"].rstrip("0123456789"))

    def _overdue(self, row: dict[str, str]) -> bool:
        """Whether a lease has run out, and goes on all the same."""
        return row["status"] not in ENDED and float(row.get("expires") or json.loads(row["memo"])["expires"]) <= self.system.now()

    def _outdated(self, row: dict[str, str]) -> str:
        """What is wrong with the card of an operation that has ended; '' nothing, or it has none."""
        for message in self.system.messages(self.channel):
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            if payload.get("op") == row["id"] and payload.get("k") == "m:card":
                if row["kind"] in CARDS and row["status"] in ENDED and ENDED[row["status"]] not in shown(message):
                    return f"{self.name}: {row['id']} is {row['status']}, its card says {shown(message)[:120]!r}"
                if row["status"] == "waiting_approval" and "approve" not in buttons(message):
                    return f"{self.name}: {row['id']} waits for approval, and nobody can approve it"
        return ""

    def broken(self, records: list[dict[str, str]], outside: Outside) -> list[str]:
        """The promises that do not hold."""
        rows = self.mine(records)
        messages = self.system.play.messages(self.channel)
        said = Counter(
            (payload["op"], payload["k"]) for message in threads(messages) if (payload := (message.get("metadata") or {}).get("event_payload"))
        )
        ids = {row["id"] for row in rows}
        wrong = [f"{self.name}: said {count} times: {key}" for key, count in said.items() if count > 1 and key[0] in ids]
        wrong += [f"{self.name}: {row['id']} {row['kind']} {row['status']} was acked and never answered" for row in rows
                  if not row.get("parent") and not _answered(row, said)]  # fmt: skip
        about = sum(row["kind"].startswith("thread.") and json.loads(row["memo"]).get("about") in ids for row in records)
        wrong += [f"{self.name}: {about} questions in its thread, {self.asked.mentions} asked"] if about > self.asked.mentions else []
        ledger = Ledger(self.name, self.asked, outside, messages, approved=self._dear)
        return [*wrong, *ledger.wrong(), *recorded(self.name, self.asked, rows), *self._untrue(rows, outside.standing)]

    @property
    def _dear(self) -> bool:
        """Whether it must not be made without an approval (playground/policy.toml: above $0.40/h, or $3 in all)."""
        return self.story.kind in ("cluster", "pool") or (self.story.kind, self.story.life) == ("plain", "48h")

    def _untrue(self, rows: list[dict[str, str]], standing: tuple[str, ...]) -> list[str]:
        """Where what the records say ended differs from what stands in Azure."""
        if self.story.kind == "job":
            return []
        noun = "pool" if self.story.kind == "pool" else "cluster"
        own = [row for row in rows if row["kind"] in (*CREATED, *(f"{noun}{verb}" for verb in REMOVED))]
        ended = [row for row in own if row["status"] in ENDED]
        made = [row for row in ended if row["kind"] in CREATED and row["status"] == "succeeded"]
        gone = [row for row in ended if row["kind"].endswith(REMOVED) and row["status"] == "succeeded"]
        stands = [name for name in standing if re.fullmatch(rf"{self.name}\d?", name)]
        if made and not gone and not stands:
            return [f"{self.name}: {made[0]['id']} succeeded, and it does not exist"]
        if len(stands) > len(made) and len(ended) == len(own):
            return [f"{self.name}: {stands} stand, although {[(row['id'], row['kind'], row['status']) for row in own]}"]
        if stands and len(made) == 1 and gone and len(ended) == len(own) and float(gone[-1]["ended"]) > float(made[0]["ended"]):
            return [f"{self.name}: stands, although {gone[-1]['id']} deleted it"]
        return []


def buttons(message: dict[str, Any]) -> set[str]:
    """The buttons of a message, by action."""
    rows = [block for block in message.get("blocks") or [] if block.get("type") == "actions"]
    return {str(element.get("action_id", "")) for block in rows for element in block.get("elements", [])}


def _refused(answer: dict[str, Any]) -> bool:
    """Whether Slack itself did not let the click through; one whose ack was lost may have counted."""
    return answer.get("error") in ("message_not_found", "no_such_action")


def _answered(row: dict[str, str], said: Counter[tuple[str, str]]) -> bool:
    """Whether anybody was told anything: in the channel, or in private (which leaves no trace but the mark)."""
    return any(op == row["id"] for op, _ in said) or '"sent"' in row["messages"]
