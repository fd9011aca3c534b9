"""The steps that deal with budgets: set aside after the approval and before the first write; settled when the resource is seen to be gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from bot.approvals import retelling, spending
from bot.approvals.audit import Audit
from bot.approvals.budgets import Budgets
from bot.approvals.rules import Policy
from bot.approvals.spending import month_of
from bot.azure import pools, tags
from bot.azure.pools import PoolState
from bot.errors import Failed, Refused
from bot.operations import leases
from bot.operations.answers import Answer
from bot.operations.record import EXTENDING, REFUSED, Operation, identity
from bot.operations.services import Services
from bot.operations.steps import Done, End, Outcome, Say, Step, Wait
from bot.slack.blocks import context, header, section
from bot.slack.people import names_of

STOPPING: Final = frozenset({"pool.stop", "cluster.stop", "idle.stop"})
PROLONGING: Final = EXTENDING | {"pool.scale", "pool.start", "cluster.start"}
"""What changes something that exists: paid by its account, and freed with it."""
SINCE_SECONDS: Final = 7 * 86400
LINES_IN_A_BLOCK: Final = 8


def parts_of(op: Operation) -> dict[str, Decimal]:
    """What the plan of `op` keeps paying for: US dollars per hour at most, by resource (``cluster``, ``cluster/pool``)."""
    t = (op.plan or {}).get("target", {})
    if op.kind in EXTENDING:
        return {name: Decimal(str(price)) for name, price in t.get("parts", {}).items()}
    if op.kind in PROLONGING:
        return {str(t["shown"]): Decimal(str(t["hourly"]))} if t.get("hourly") else {}
    parts = {str(t["cluster"]): Decimal(str(t["system_hourly"]))} if t.get("system_hourly") else {}
    parts |= {f"{t['cluster']}/{name}": Decimal(str(price)) for name, price in t.get("prices", {}).items()}
    pool = t.get("pool")
    if isinstance(pool, dict) and pool.get("hourly"):
        parts[f"{t['cluster']}/{pool['name']}"] = Decimal(str(pool["hourly"]))
    return parts


def left_at(t: Mapping[str, Any], state: PoolState | None) -> Decimal | None:
    """US dollars an hour of a node pool that was not set back by the undoing of the change `t`; None where it is no dearer than before."""
    hourly = Decimal(str(t["hourly"]))
    if state is None or "after" not in t:
        return None if state is None or state.power_state == "Stopped" else hourly
    before, after = (most_nodes(t[name]) for name in ("before", "after"))
    return hourly / after * state.most if state.most > before and after else None


def most_nodes(wanted: Mapping[str, int]) -> int:
    """The most nodes of a count or an autoscaler's range."""
    return wanted["nodes"] if "nodes" in wanted else wanted["max_nodes"]


def _named(op: Operation) -> tuple[str, str]:
    """The group of what is deleted, and what budgets call it."""
    t = (op.plan or {})["target"]
    return str(t["group"]), f"{t['cluster']}/{t['pool']}" if t.get("pool") else str(t["cluster"])


class Paying:
    """The steps, bound to one policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.check = Step("budget", self._check)
        self.reserve = Step("reserve", self._reserve)
        self.who_pays = Step("who_pays", self._who_pays)
        self.take_on = Step("take_on", self._take_on)
        self.hand_back = Step("hand_back", self._hand_back)
        self.follow = Step("follow", self._follow)
        self.reprice = Step("repriced", self._reprice)
        self.unreserve = Step("unreserve", self._unreserve)
        self.give_back = Step("give_back", self._give_back)
        self.payers = Step("payers", self._payers)
        self.settle = Step("settle", self._settle)

    def _budgets(self, do: Services) -> Budgets:
        return Budgets(do.redis, self._policy, do.clock)

    async def _check(self, op: Operation, do: Services) -> Outcome:
        """Nobody is asked to approve what no budget holds."""
        return await self._set_aside(op, do, dry=True) or Done()

    async def _reserve(self, op: Operation, do: Services) -> Outcome:
        """Set aside what the plan may cost until its expiry; the end where a budget does not hold it."""
        made, parts = op.memo.get("made", []), parts_of(op)
        if op.kind not in EXTENDING and parts and "budget" not in made:
            # Written down first: whatever ends this from here on, and wherever it was killed, takes back what was set aside.
            return Wait(0.0, memo={"made": sorted({*made, "budget"}), "reserved": sorted(parts)})
        return await self._set_aside(op, do, dry=False) or Done()

    async def _set_aside(self, op: Operation, do: Services, *, dry: bool) -> End | None:
        budgets, parts, since = self._budgets(do), parts_of(op), do.clock.now()
        if not parts:
            return None
        until, account = float((op.plan or {}).get("expires") or since + self._policy.limits.longest_expiry), ""
        standing = await budgets.account_of(next(iter(parts))) if op.kind in PROLONGING else None
        if standing and op.kind in EXTENDING:
            account, since = standing[0], max(since, standing[1])
        hours = Decimal(repr(max(0.0, until - since))) / 3600
        amounts = {part: hourly * hours for part, hourly in parts.items()}
        try:
            if standing and op.kind not in EXTENDING:
                # Part of it is set aside already: for what it costs now, and for what it would have cost while it was smaller or stopped.
                for part, hourly in parts.items():
                    await budgets.top_up(op.id, part, hourly, dry=dry)
            else:
                await budgets.reserve(op.id, op.user, op.channel, amounts, since=since, until=until, account=account, dry=dry)
        except Refused as error:
            say = Say("budget", f"⚪ <@{op.user}> {error} Nothing was started.")
            return End(REFUSED, say=(say,), error={"code": error.code, "sentence": error.sentence, "next_step": error.next_step})
        return None

    async def _who_pays(self, op: Operation, do: Services) -> Outcome:
        """Before it changes hands: what is paid for, and until when, so that it can be handed back."""
        if "paid_until" in op.memo:
            return Done()
        standing = {part: await self._budgets(do).account_of(part) for part in parts_of(op)}
        return Done(memo={"paid_until": {part: account[1] for part, account in standing.items() if account}})

    async def _take_on(self, op: Operation, do: Services) -> Outcome:
        """It runs already, so its new owner pays from now on, whatever the budgets say; the former owner pays until now."""
        budgets, parts, now = self._budgets(do), parts_of(op), do.clock.now()
        for part in parts:
            standing = await budgets.account_of(part)
            if standing and standing[0] != op.id:
                await budgets.settle(standing[0], part=part)
        until = float((op.plan or {}).get("expires") or now + self._policy.limits.longest_expiry)
        over = await budgets.carry(op.id, op.user, op.channel, parts, since=now, until=until)
        say = (Say("over", f"⚠️ <@{op.user}> {over} It runs already, so it counts all the same."),) if over else ()
        return Done(memo={"reserved": sorted(parts)}, say=say)

    async def _hand_back(self, op: Operation, do: Services) -> Outcome:
        """The takeover was cancelled: its former owner pays on as before, and the new one for the time between."""
        budgets, now = self._budgets(do), do.clock.now()
        for part, price in parts_of(op).items():
            standing, until = await budgets.account_of(part), op.memo.get("paid_until", {}).get(part)
            if standing and standing[0] == op.id:
                await budgets.settle(op.id, part=part)
            elif standing:
                continue
            if until:
                former, ends = op.memo["former"].get(part.partition("/")[2], {}), float(until if until > now else (op.plan or {})["expires"])
                hourly, payer, channel = tags.hourly(former) or price, tags.value(former, tags.OWNER), tags.value(former, tags.CHANNEL)
                await budgets.carry(identity("back", op.id, part), payer, channel, {part: hourly}, since=now, until=ends)
        return Done()

    async def _follow(self, op: Operation, do: Services) -> Outcome:
        """Where there was no capacity, something else was made than was reserved for: in another place, no dearer, maybe under another name."""
        made = {"/" in part: (part, hourly) for part, hourly in parts_of(op).items()}
        moved = {part: made.get("/" in part, (part, None)) for part in op.memo.get("reserved", [])}
        for part, (name, hourly) in moved.items():
            if hourly is not None:
                await self._budgets(do).move(op.id, part, name, hourly)
        return Done(memo={"reserved": sorted(name for name, _ in moved.values())})

    async def _reprice(self, op: Operation, do: Services) -> Outcome:
        """It was scaled, stopped or started: from now on its hours cost something else."""
        budgets, t = self._budgets(do), (op.plan or {}).get("target", {})
        if op.kind in STOPPING:
            await budgets.pause(op.id, str(t["shown"]))
        elif t.get("hourly"):
            await budgets.reprice(op.id, str(t["shown"]), Decimal(str(t["hourly"])))
        else:
            await budgets.resume(op.id, str(t["shown"]), but=t.get("asleep", ()))
        return Done()

    async def _unreserve(self, op: Operation, do: Services) -> Outcome:
        """Everything was taken back: what existed for a while has cost something, the rest is free again."""
        made, budgets = op.memo.get("made", []), self._budgets(do)
        for part in op.memo.get("reserved", []):
            if ("pool" if "/" in part else "cluster") in made:
                await budgets.settle(op.id, part=part)
            else:
                await budgets.release(op.id, part=part)
        return Done()

    async def _give_back(self, op: Operation, do: Services) -> Outcome:
        """A change was taken back, and so is its money; of what Azure did not set back the hours are paid for as they are."""
        budgets, t = self._budgets(do), (op.plan or {}).get("target", {})
        if not t.get("hourly"):
            return Done()
        left = left_at(t, await pools.get(do.azure, t["group"], t["cluster"], t["pool"]))
        if left is None:
            await budgets.give_back(op.id, str(t["shown"]))
        else:
            await budgets.reprice(op.id, str(t["shown"]), left)
        return Done()

    def taking_back(self, steps: Sequence[Step], what: str) -> tuple[Step, ...]:
        """The steps that undo the change that its step named `what` among what was made, and the money after them.

        Where Azure was not asked for it yet, there is the money alone: what goes on there then is somebody else's.
        """
        return (*(self._taking_back(step, what) for step in steps), self.give_back)

    def _taking_back(self, step: Step, what: str) -> Step:
        async def run(op: Operation, do: Services) -> Outcome:
            if what not in op.memo.get("made", []):
                return Done(memo={"skipped": [*op.memo.get("skipped", []), step.name]})
            try:
                return await step.run(op, do)
            except (Refused, Failed):
                await self._give_back(op, do)  # the operation ends here, and no further step of it
                raise

        return replace(step, run=run)

    def deleting(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """The steps of a deletion, and who pays until then: settled as soon as it is gone, for its name is free from there on."""
        return (self.payers, steps[0], self.settle, *steps[1:])

    async def _payers(self, op: Operation, do: Services) -> Outcome:
        """Before it goes: whose accounts are settled then, whoever has the name by that time."""
        if "payers" in op.memo:
            return Done()
        return Done(memo={"payers": await self._accounts(do, *_named(op))})

    async def _settle(self, op: Operation, do: Services) -> Outcome:
        """A cluster or a node pool was deleted."""
        payers = op.memo["payers"] if "payers" in op.memo else await self._accounts(do, *_named(op))
        for part, account in payers.items():
            await self._budgets(do).settle(account, part=part)
        return Done()

    async def _accounts(self, do: Services, group: str, resource: str) -> dict[str, str]:
        """The accounts that pay for it, by part; not those of another cluster of that name, which are known by its group."""
        found = {}
        for part, account in (await self._budgets(do).accounts_of(resource)).items():
            payer = await do.journal.load(account)
            where = ((payer.plan if payer else None) or {}).get("target", {}).get("group") or group
            if where.lower() == group.lower():
                found[part] = account
        return found

    def watching(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """The steps of a lease; where they end because the resource is gone (deleted by hand, say), it is settled, too."""
        return tuple(self._watching(step) for step in steps)

    def _watching(self, step: Step) -> Step:
        async def run(op: Operation, do: Services) -> Outcome:
            outcome = await step.run(op, do)
            if isinstance(outcome, End) and outcome.memo.get("outcome") == "gone":
                held = leases.held(op)
                for part, account in (await self._accounts(do, held.group, held.shown)).items():
                    await self._budgets(do).settle(account, part=part)
            return outcome

        return replace(step, run=run)

    async def budget(self, op: Operation, do: Services) -> Answer:
        """`/gpu budget`: how the budgets of the person and the channel stand."""
        overview = await self._budgets(do).overview(op.user, op.channel, str(op.values.get("month") or ""))
        text, lines = spending.answer(overview)
        small = "Reserved: for what runs, until its expiry. Spent: what was deleted, for as long as it ran. Months are UTC."
        present = "" if overview.month == month_of(do.clock.now()) else " (not the present month)"
        return Answer(text, [header(f"Budget {overview.month}{present}"), section("\n".join(lines)), context(small)])


async def audit(op: Operation, do: Services) -> Answer:
    """`/gpu audit`: who asked, who approved, what happened; questions are left out, the export has them."""
    log = Audit(do.redis, do.clock)
    since = do.clock.now() - float(op.values.get("since_seconds") or SINCE_SECONDS)
    found = await log.entries(since, str(op.values.get("cluster") or "") or None, int(op.values.get("limit") or 20), quiet=True)
    anchor = await log.anchor()
    text, lines = retelling.answer(found)
    blocks = [section("\n".join(lines[at : at + LINES_IN_A_BLOCK])) for at in range(0, len(lines), LINES_IN_A_BLOCK)]
    small = f"Entries up to number {anchor.seq} were exported and taken out of this log on {anchor.at[:10]}." if anchor else ""
    note = context("`python -m bot audit verify` checks the chain of hashes.", small)
    shown = "\n".join(lines)
    file = None
    if len(shown) > MOST_SHOWN:
        names = await names_of(do.redis, retelling.people(shown))
        file = {"name": "audit.txt", "title": "audit.txt", "text": retelling.plain(shown, names) + "\n"}
    fitting = _fitting(blocks)
    return Answer(text, [section(f"*{text}*"), *fitting, note], file=file)


MOST_SHOWN: Final = 7000


def _fitting(blocks: list[dict[str, object]]) -> list[dict[str, object]]:
    """As many as one message holds; the file has all of them."""
    kept: list[dict[str, object]] = []
    size = 0
    for block in blocks:
        size += len(str(block))
        if size > MOST_SHOWN + 1000:
            break
        kept.append(block)
    return kept
