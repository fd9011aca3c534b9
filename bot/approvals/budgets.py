"""Budgets: money set aside when a request is approved, and what really ran, per user, channel and in total, by calendar month (UTC).

An *account* is opened by the operation that makes something and has a *part* for each resource that can be deleted by itself (the
cluster, a node pool). A reservation is all or nothing and made by one script, so however many arrive at once, what is reserved and
spent never exceeds a budget by anything. What ran beyond its reservation (Azure would not delete it in time) is spent all the same:
that happened, and the next request finds so much less. Amounts in Redis are whole micro-dollars.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from importlib import resources
from typing import Final

from redis.asyncio import Redis

from bot.approvals.accounts import missing, part_named, parts, ran
from bot.approvals.rules import Policy
from bot.approvals.spending import MICRO, Overview, Scope, cost, dollars, limit_micros, micros, month_of, split
from bot.clock import Clock
from bot.errors import Refused
from bot.model import usd, usd_above
from bot.store import text, texts

LEDGER: Final = "{qm}:budget"
INDEX: Final = "{qm}:budget:of"
KEPT_SECONDS: Final = 400 * 86400
WHOSE: Final = {"user": "Your", "channel": "This channel's", "total": "The overall"}


class Budgets:
    """`redis` must decode responses. Every method may raise :class:`redis.exceptions.RedisError`."""

    def __init__(self, redis: Redis, policy: Policy, clock: Clock) -> None:
        self._redis, self._rules, self._clock = redis, policy.budgets, clock
        folder = resources.files("bot.approvals").joinpath("lua")
        self._reserve = redis.register_script(folder.joinpath("budget_reserve.lua").read_text())
        self._move = redis.register_script(folder.joinpath("budget_move.lua").read_text())
        self._reprice = redis.register_script(folder.joinpath("budget_reprice.lua").read_text())
        self._return = redis.register_script(folder.joinpath("budget_return.lua").read_text())
        self._settle = redis.register_script(folder.joinpath("budget_settle.lua").read_text())

    async def reserve(
        self, op_id: str, user: str, channel: str, amount: Decimal | Mapping[str, Decimal], *, until: float, since: float | None = None,
        account: str = "", forced: bool = False, dry: bool = False,
    ) -> None:  # fmt: skip
        """Set `amount` aside (US dollars; by part, where there are several) for the time from `since` (None: now) to `until`. Once per `op_id`.

        `account` names an earlier operation whose resource this prolongs: its owner and channel pay on, from where their reservation ends.
        `forced` writes down what runs already, whatever the budgets say (a rebuilt journal); `dry` only asks whether it would be granted.
        Raises Refused (``budgets.exceeded``, ``budgets.closed``, ``approvals.price_unknown``); nothing is set aside then.
        """
        now = self._clock.now() if since is None else since
        asked = dict(amount) if isinstance(amount, Mapping) else {"": amount}
        rows: list[str] = []
        months: list[str] = []
        for part, dear in asked.items():
            whole = micros(dear)
            hourly = dear * 3600 * MICRO / Decimal(repr(until - now)) if until > now else Decimal(0)
            rows += [part, str(hourly), repr(now), repr(until)]
            months += [field for month, share in split(whole, now, until).items() for field in (month, part, str(share))]
        mode = "dry" if dry else "forced" if forced else ""
        for _ in range(2):
            answer = await self._asked(op_id, account or op_id, user, channel, [mode, str(len(asked)), *rows, *months])
            if answer[0] != "owner":
                break
            user, channel = answer[1], answer[2]
        self._told(answer, user, channel)

    async def top_up(self, op_id: str, resource: str, hourly: Decimal, *, dry: bool = False) -> None:
        """Set aside what is missing for `resource` to cost `hourly` US dollars from now until its reservation ends; its account pays.

        Once per `op_id`; taken back with :meth:`give_back`. Raises Refused as :meth:`reserve`.
        """
        account, now = text(await self._redis.hget(INDEX, resource.lower()) or ""), self._clock.now()
        fields = texts(await self._redis.hgetall(self._key(account)))
        part = part_named(fields, resource)
        if part is None:
            return
        months = [field for month, share in missing(fields, part, hourly * MICRO, now).items() for field in (month, part, str(share))]
        user, channel = fields["user"], fields["channel"]
        rows = ["dry" if dry else "top-up", "1", part, "0", repr(now), repr(now), *months]
        self._told(await self._asked(op_id, account, user, channel, rows), user, channel)

    async def give_back(self, op_id: str, resource: str, *, at: float | None = None) -> None:
        """What `op_id` was to change of `resource` came to nothing: its own share is free again, and the hours cost what they did before."""
        account = text(await self._redis.hget(INDEX, resource.lower()) or "")
        if account == op_id:
            await self.release(op_id)
            return
        before = texts(await self._redis.hgetall(self._key(account))) if account else {}
        was = before.get(f"was:{op_id}:{part_named(before, resource)}")
        if was is not None:
            await self._change(f"{op_id}/back", {resource.lower()}, was, at)
        await self._return(keys=[LEDGER, self._key(account)], args=[op_id])

    async def _asked(self, op_id: str, account: str, user: str, channel: str, rest: list[str]) -> list[str]:
        limits = [limit_micros(self._rules.of_user(user)), limit_micros(self._rules.of_channel(channel)), limit_micros(self._rules.total)]
        args = [op_id, account, user, channel, *limits, *rest]
        return [text(one) for one in await self._reserve(keys=[LEDGER, self._key(account), INDEX], args=args)]

    async def carry(self, op_id: str, user: str, channel: str, hourly: Mapping[str, Decimal], *, since: float, until: float) -> str:
        """Set aside what runs already (`hourly` US dollars by part), whatever the budgets say; the words of the one that does not hold it, or ''."""
        hours, over = Decimal(repr(max(0.0, until - since))) / 3600, ""
        amounts = {part: price * hours for part, price in hourly.items()}
        try:
            await self.reserve(op_id, user, channel, amounts, since=since, until=until, dry=True)
        except Refused as error:
            over = error.sentence
        await self.reserve(op_id, user, channel, amounts, since=since, until=until, forced=True)
        return over

    def _told(self, answer: list[str], user: str, channel: str) -> None:
        if answer[0] == "closed":
            raise Refused("budgets.closed", name=answer[1] or "it")
        if answer[0] == "over":
            _, scope, month, used, asked = answer
            limit = {"user": self._rules.of_user(user), "channel": self._rules.of_channel(channel), "total": self._rules.total}[scope] or Decimal(0)
            left = max(Decimal(0), limit - dollars(int(used)))
            needs, rest = usd_above(dollars(int(asked)), left)
            raise Refused("budgets.exceeded", whose=WHOSE[scope], month=month, limit=usd(limit), left=rest, asked=needs)

    async def settle(
        self, op_id: str, spent: Decimal | None = None, *, part: str | None = None, until: float | None = None, user: str = "", channel: str = ""
    ) -> Decimal | None:
        """Something that `op_id` made is gone: free what was set aside for it, and book what it cost; the sum booked (US dollars).

        `part` None: everything that is still open (a given `spent` is then booked on the first part). `spent` None: its price per hour from
        the reservation to `until` (None: now). `user` and `channel` are for an account that is not known any more (Redis was lost);
        without them the answer for one is None. Once per part.
        """
        fields = texts(await self._redis.hgetall(self._key(op_id)))
        ends = self._clock.now() if until is None else until
        open_parts = [one for one in parts(fields) if f"closed:{one}" not in fields]
        booked = 0
        for number, one in enumerate(sorted(open_parts) if part is None and fields else [part or ""]):
            if spent is None:
                months = ran(fields, one, ends)
            else:
                whole = micros(spent, rounding=ROUND_HALF_UP) if number == 0 else 0
                months = split(whole, float(fields.get(f"since:{one}", ends)), ends)
            args = [one, op_id, user, channel, str(KEPT_SECONDS), *_flat(months)]
            answer = text(await self._settle(keys=[LEDGER, self._key(op_id), INDEX], args=args))
            if answer == "unknown":
                return None
            booked += sum(months.values()) if answer == "settled" else 0
        return dollars(booked)

    async def release(self, op_id: str, *, part: str | None = None) -> None:
        """Nothing came of it: free what was set aside, nothing was spent."""
        await self.settle(op_id, Decimal(0), part=part)

    async def gone(self, resource: str, until: float | None = None) -> Decimal:
        """`resource` (``cluster`` with all its pools, or ``cluster/pool``) is gone: settle whatever was open for it; the sum booked."""
        booked = Decimal(0)
        for part, account in (await self.accounts_of(resource)).items():
            booked += await self.settle(account, part=part, until=until) or Decimal(0)
        return booked

    async def accounts_of(self, resource: str) -> dict[str, str]:
        """Which accounts pay for `resource` and what belongs to it, by part."""
        found = {}
        for held in sorted(await self._open(resource)):
            account = text(await self._redis.hget(INDEX, held) or "")
            part = part_named(texts(await self._redis.hgetall(self._key(account))), held)
            if account and part is not None:
                found[part] = account
        return found

    async def move(self, op_id: str, reserved: str, made: str, hourly: Decimal) -> bool:
        """What `op_id` set aside for the part `reserved` is for the resource `made`, at `hourly` US dollars (another place, no dearer)."""
        keys = [self._key(op_id), INDEX]
        return bool(await self._move(keys=keys, args=[op_id, reserved, made, str(hourly * MICRO)]))

    async def reprice(self, op_id: str, resource: str, hourly: Decimal, *, at: float | None = None) -> bool:
        """The operation `op_id` has changed `resource`: from `at` (None: now) it costs `hourly` US dollars; whether it is known. Once per `op_id`.

        What it cost until then stays booked at the price it had. More than before has to be reserved first (:meth:`top_up`).
        """
        return await self._change(op_id, {resource.lower()}, str(hourly * MICRO), at)

    async def pause(self, op_id: str, resource: str, *, at: float | None = None) -> bool:
        """`resource` (a cluster with all its pools, or one pool) was stopped and costs nothing; its reservation stays, so that it can be started."""
        return await self._change(op_id, await self._open(resource), "pause", at)

    async def resume(self, op_id: str, resource: str, *, but: Iterable[str] = (), at: float | None = None) -> bool:
        """It was started again, at the price it had; the resources `but` stay stopped."""
        return await self._change(op_id, await self._open(resource) - {one.lower() for one in but}, "resume", at)

    async def _change(self, op_id: str, resources: Iterable[str], hourly: str, at: float | None) -> bool:
        now = self._clock.now() if at is None else at
        return any([await self._change_one(op_id, resource, hourly, now) for resource in sorted(resources)])

    async def _change_one(self, op_id: str, resource: str, hourly: str, now: float) -> bool:
        account, answer = await self._redis.hget(INDEX, resource), -1
        while account and answer < 0:
            key = self._key(text(account))
            fields = texts(await self._redis.hgetall(key))
            part = part_named(fields, resource)
            if part is None:
                return False
            since = fields[f"since:{part}"]
            months = split(cost(Decimal(fields[f"hourly:{part}"]), float(since), now), float(since), now)
            answer = int(await self._reprice(keys=[key], args=[op_id, part, hourly, repr(now), since, *_flat(months)]))
        return answer > 0

    async def _open(self, resource: str) -> set[str]:
        """The index's names for `resource` and what belongs to it."""
        names = {text(one) for one in await self._redis.hkeys(INDEX)}
        return {one for one in names if one == resource.lower() or one.startswith(f"{resource.lower()}/")}

    async def account_of(self, resource: str) -> tuple[str, float] | None:
        """The account that pays for `resource`, and until when (epoch seconds); None where nothing is set aside for it."""
        account = await self._redis.hget(INDEX, resource.lower())
        if not account:
            return None
        fields = texts(await self._redis.hgetall(self._key(text(account))))
        ends = [float(value) for key, value in fields.items() if key.lower() == f"until:{resource.lower()}"]
        return (text(account), ends[0]) if ends else None

    async def overview(self, user: str, channel: str, month: str = "") -> Overview:
        """How the three budgets stand in `month` (``2026-11``; '' the present one)."""
        month = month or month_of(self._clock.now())
        names = (f"user:{user}", f"channel:{channel}", "total")
        values = await self._redis.hmget(LEDGER, [f"{month}:{state}:{name}" for name in names for state in ("spent", "reserved")])
        sums = [dollars(int(value or 0)) for value in values]
        limits = (self._rules.of_user(user), self._rules.of_channel(channel), self._rules.total)
        scopes = [Scope(limit, sums[2 * number], sums[2 * number + 1]) for number, limit in enumerate(limits)]
        return Overview(month, user, channel, *scopes)

    @staticmethod
    def _key(account: str) -> str:
        return f"{LEDGER}:op:{account}"


def _flat(months: Mapping[str, int]) -> list[str]:
    """As a script takes them: month, amount, month, amount ..."""
    return [field for month, amount in months.items() for field in (month, str(amount))]
