"""``python -m bot doctor``: every setting checked against the live services, and what to do about each that is wrong."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import aiohttp
from redis.exceptions import RedisError
from slack_sdk.errors import SlackApiError

from bot.approvals.policy import PolicyError, load
from bot.azure import clusters, quotas
from bot.azure.connection import Connection
from bot.azure.prices import PriceList
from bot.azure.sizes import CHEAPEST
from bot.clock import Clock
from bot.cluster.templates import load_templates
from bot.commands import slack_manifest
from bot.errors import QuartermasterError
from bot.settings import Settings
from bot.slack.client import UNKNOWN_OUTCOME, error_name, web_client
from bot.store import patient

REGION: Final = "eastus"


@dataclass(frozen=True)
class Found:
    """One line of the report; `todo` is empty where all is well."""

    what: str
    seen: str
    todo: str = ""


Check = Callable[[Settings], AsyncIterator[Found]]


async def slack(settings: Settings) -> AsyncIterator[Found]:
    """Token, scopes and app token."""
    async with aiohttp.ClientSession() as session:
        client = web_client(settings.slack, session)
        try:
            answer = await client.auth_test()
        except SlackApiError as error:
            yield Found("Slack bot token", error_name(error), "Set SLACK_BOT_TOKEN to the app's xoxb token (reinstall the app if it was revoked).")
            return
        except UNKNOWN_OUTCOME as error:
            yield Found(
                "Slack", f"{settings.slack.api_base_url} does not answer ({type(error).__name__})", "Check SLACK_API_BASE_URL and the network."
            )
            return
        yield Found("Slack bot token", f"{answer.get('user')} in {answer.get('team')}")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        granted = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
        wanted = set(slack_manifest(socket_mode=True, request_url=None)["oauth_config"]["scopes"]["bot"])
        missing = sorted(wanted - granted) if granted else []
        yield Found(
            "Slack scopes",
            "all there" if not missing else f"missing: {', '.join(missing)}",
            "Install the app again from `python -m bot manifest`." if missing else "",
        )
        if settings.slack.app_token:
            try:
                await client.apps_connections_open(app_token=settings.slack.app_token.reveal())
                yield Found("Socket Mode", "a connection can be opened")
            except SlackApiError as error:
                yield Found(
                    "Socket Mode", error_name(error), "Set SLACK_APP_TOKEN to an app token with connections:write, or leave it empty for HTTP."
                )


async def redis(settings: Settings) -> AsyncIterator[Found]:
    """Reachable, durable, never evicting."""
    client = patient(settings)
    try:
        info = await client.info("persistence")
        policy = (await client.config_get("maxmemory-policy")).get("maxmemory-policy") or "?"
        durable = bool(info.get("aof_enabled"))
        yield Found(
            "Redis durability",
            "append-only file" if durable else "no append-only file",
            "" if durable else "Set `appendonly yes`: what was acked must survive.",
        )
        evicts = policy != "noeviction"
        yield Found("Redis eviction", policy, "Set `maxmemory-policy noeviction`: evicted records are lost requests." if evicts else "")
    except RedisError as error:
        yield Found("Redis", f"{type(error).__name__}: {error}", "Check REDIS_URL, the password and the network.")
    finally:
        await client.aclose()


async def files(settings: Settings) -> AsyncIterator[Found]:
    """Policy and job templates."""
    try:
        policy = load(settings.policy)
        yield Found("Policy", f"{settings.policy}: {len(policy.tiers)} tiers")
    except PolicyError as error:
        yield Found("Policy", str(error), "Mend the file; manifests/policy.example.toml documents every key.")
    try:
        yield Found("Job templates", ", ".join(sorted(load_templates(settings.templates))))
    except QuartermasterError as error:
        yield Found("Job templates", error.sentence, error.next_step or "Mend the file; docs/job-templates.md has the format.")


async def azure(settings: Settings) -> AsyncIterator[Found]:
    """Sign-in, roles, quotas, prices."""
    connection = Connection(subscription_id=settings.azure.subscription_id, base_url=settings.azure.arm_base_url)
    prices = PriceList(Clock(settings.clock_file), url=settings.azure.prices_url)

    async def tried(what: str, work: Callable[[], Awaitable[str]]) -> Found:
        try:
            return Found(what, await work())
        except QuartermasterError as error:
            return Found(
                what, error.sentence, error.next_step or "Check the identity's roles on the subscription (README: Azure identity and roles)."
            )

    async def listed() -> str:
        return f"{len(await clusters.list_all(connection))} clusters are visible"

    async def allowed() -> str:
        return f"{len(await quotas.usage(connection, REGION))} quotas of {REGION} are readable"

    async def priced() -> str:
        return f"{CHEAPEST} costs {(await prices.price(CHEAPEST, REGION)).usd_per_hour} USD/h in {REGION}"

    try:
        for what, work in (("Azure clusters", listed), ("Azure quotas", allowed), ("Azure prices", priced)):
            yield await tried(what, work)
    finally:
        await prices.close()
        await connection.close()


CHECKS: Final[tuple[Check, ...]] = (slack, redis, files, azure)


async def examine(settings: Settings) -> int:
    """Print the report; 0 where nothing has to be done."""
    wrong = 0
    for check in CHECKS:
        async with contextlib.aclosing(check(settings)) as found:  # type: ignore[type-var]
            async for line in found:
                print(f"{'ok  ' if not line.todo else 'FAIL'}  {line.what}: {line.seen}")
                if line.todo:
                    wrong += 1
                    print(f"      {line.todo}")
    print("all well" if not wrong else f"{wrong} to mend")
    return 1 if wrong else 0
