"""What cannot be rebuilt: found by the cards that still stand open in Slack, closed there, and listed to the admins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from bot.approvals.rules import Policy
from bot.azure import clusters, pools, tags
from bot.lifecycle.notices import Notice, Place, post
from bot.lifecycle.rebuilding import OPEN, Known
from bot.operations.answers import counted
from bot.operations.leases import stamp
from bot.operations.present import date
from bot.operations.record import Operation, identity
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Say, Step
from bot.slack.blocks import Button, actions, context, escaped, header, section
from bot.slack.recall import CARD, Posted, Recall

MARGIN_SECONDS: Final = 86400.0
SHOWN: Final = 20


class Rebuilt(Protocol):
    """What was rebuilt, in names, and where its people are."""

    leases: list[str]
    going_on: list[str]
    jobs: list[str]
    unread: list[str]
    over: list[str]
    places: list[Place]


async def settle(do: Services, recall: Recall, policy: Policy, found: Rebuilt, notice_id: str) -> None:
    """Find what is lost, tell it to the admins and to whom it concerns, and close its cards."""
    channels = {*policy.channels, policy.digest_channel, *(place.channel for place in found.places)} - {""}
    since = do.clock.now() - policy.approvals.expires - MARGIN_SECONDS
    gone: list[Posted] = []
    for channel in sorted(channels):
        for card in await recall.channel(channel, since) or ():
            if card.entry == CARD and OPEN & card.buttons and await do.journal.load(card.operation) is None:
                gone.append(card)
    if not (gone or found.leases or found.going_on or found.jobs or found.unread):
        return  # a first start: there was nothing to lose
    team = next((place.team for place in found.places if place.team), "")
    told = policy.digest_channel or next((place.channel for place in found.places if place.channel), gone[0].channel if gone else "")
    if told:
        await post(do, notice_id, Place(team, told), summary(found, gone))
    for card in gone:
        await _close(do, recall, card, team)


def summary(found: Rebuilt, gone: Sequence[Posted]) -> Notice:
    """What the admins read. Pure."""
    text = f"I had lost my memory: {counted(len(found.leases), 'lease')} rebuilt, {counted(len(gone), 'request')} lost"
    rows = [
        ("Expiries, from their tags", found.leases), ("Going on again", found.going_on), ("Jobs watched again", found.jobs),
        ("API server silent, jobs follow when it answers", found.unread),
    ]  # fmt: skip
    lines = [f"*{name}:* " + ", ".join(f"`{each}`" for each in names[:SHOWN]) for name, names in rows if names]
    blocks = [
        header("I had lost my memory"),
        section("Redis was empty. I have rebuilt what Azure tags, Kubernetes labels and Slack threads tell:\n" + ("\n".join(lines) or "nothing.")),
    ]
    if found.over:
        blocks.append(section("*Over budget*\n" + "\n".join(f"• {line}" for line in found.over[:SHOWN])))
    if gone:
        cards = [f"• <#{card.channel}>: *{escaped(card.title)}*" + (f", asked by <@{card.user}>" if card.user else "") for card in gone[:SHOWN]]
        more = f"\n… and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
        blocks.append(section("*Lost* - these were waiting or under way, and have to be asked for again:\n" + "\n".join(cards) + more))
    blocks.append(
        context(
            "Digest times are lost too: `/gpu digest set` in each channel. Idle times count from now; "
            "budgets begin anew with what still runs, the audit log with nothing."
        )
    )
    return Notice(text, blocks)


async def _close(do: Services, recall: Recall, card: Posted, team: str) -> None:
    """No button of it leads anywhere any more, so it shows none."""
    waited = {"approve", "confirm"} & card.buttons
    state = "nothing was started" if waited else "I found nothing of it on Azure or in a cluster"
    text = f"⚪ *Lost* - my memory was wiped, and {state}. Please give the command again."
    whom = f"<@{card.user}> " if card.user else ""
    notice = Notice(f"⚪ {whom}my memory was wiped before this was over; {state}. Please give the command again.")
    await post(do, identity("lost", card.operation), Place(team, card.channel, card.ts, card.user), notice)
    await recall.redraw(card.channel, card.ts, f"{card.title} - lost", [header(card.title), section(text), context(f"`{card.operation}`")])


def place_of(about: Known, policy: Policy) -> Place:
    """Where the people of a resource are; without its tags, where the admins are."""
    if about.channel:
        return Place(about.team, about.channel, about.thread, about.owner)
    return Place(about.team, policy.digest_channel, "", about.owner)


async def _stamp(op: Operation, do: Services) -> Outcome:
    values = op.values
    expires, group, cluster, pool = float(values["expires"]), str(values["group"]), str(values["cluster"]), str(values["pool"])
    change = {tags.EXPIRES: stamp(expires)}
    if pool:
        await pools.update_tags(do.azure, group, cluster, pool, change)
    else:
        await clusters.update_tags(do.azure, group, cluster, change)
    name = f"{cluster}/{pool}" if pool else cluster
    text = f"⏱ {f'<@{op.user}> ' if op.user else ''}`{name}` had no expiry that I could read. It ends {date(expires)} now, unless it is extended."
    button = actions([Button("Extend by 4 h", "extend", str(values["lease"]), "primary")])
    if op.thread:
        return Done(say=(Say("stamped", text, [section(text), button]),))
    return Done(memo={"answer": {"text": text, "blocks": [section(text)], "plain": []}})


STAMP = Step("stamp", _stamp)
