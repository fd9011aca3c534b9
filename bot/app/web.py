"""The receiving process: no cloud library is imported here, so it starts fast and stays small."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from slack_sdk.web.async_client import AsyncWebClient

from bot.app.base import opened
from bot.approvals.audit import Audit
from bot.approvals.gate import Gate
from bot.intake import Intake
from bot.settings import Settings
from bot.slack.asking import Asking
from bot.slack.client import open_session, web_client
from bot.slack.people import People
from bot.store import impatient


@contextlib.asynccontextmanager
async def web(settings: Settings) -> AsyncIterator[tuple[Intake, AsyncWebClient]]:
    """The receiving side: parse, authorise, record, ack."""
    redis = impatient(settings)
    async with opened(settings, redis) as base, open_session() as session:
        client = web_client(settings.slack, session)
        gate = Gate.open(settings.policy, base.clock)
        templates = sorted(file.stem for folder in settings.templates for file in folder.glob("*.yaml"))
        people = People(redis, client, Asking(0))
        yield Intake(redis, base.journal, people, gate, base.clock, Audit(redis, base.clock), templates), client
