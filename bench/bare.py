"""``python -m bench.bare PORT [REDIS_URL]``: the least that Bolt can do - one command that only acks - behind the same HTTP server as the bot.

With the address of a Redis the command is written down first, as one hash: what an ack costs that promises anything.
"""

from __future__ import annotations

import os
import sys
import uuid
from typing import Any

from aiohttp import web
from redis.asyncio import Redis
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck


async def _authorize() -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id="T0PLAYGROUND", bot_user_id="U0QM", bot_id="B0QM", bot_token="xoxb-bare")


def main(port: int, store: str = "") -> None:
    """Serve until killed."""
    app = AsyncApp(signing_secret=os.environ["SLACK_SIGNING_SECRET"], authorize=_authorize, process_before_response=True)

    redis = Redis.from_url(store) if store else None

    @app.command("/gpu")
    async def gpu(ack: AsyncAck, body: dict[str, Any]) -> None:
        if redis is not None:
            await redis.hset(f"bare:{uuid.uuid4()}", mapping={name: str(value) for name, value in body.items()})
        await ack("On it.")

    async def events(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    site = web.Application()
    site.add_routes([web.post("/slack/events", events)])
    web.run_app(site, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:3])
