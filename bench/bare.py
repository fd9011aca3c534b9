"""``python -m bench.bare PORT``: the least that Bolt can do - one command that only acks - behind the same HTTP server as the bot."""

from __future__ import annotations

import os
import sys

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck


async def _authorize() -> AuthorizeResult:
    return AuthorizeResult(enterprise_id=None, team_id="T0PLAYGROUND", bot_user_id="U0QM", bot_id="B0QM", bot_token="xoxb-bare")


def main(port: int) -> None:
    """Serve until killed."""
    app = AsyncApp(signing_secret=os.environ["SLACK_SIGNING_SECRET"], authorize=_authorize, process_before_response=True)

    @app.command("/gpu")
    async def gpu(ack: AsyncAck) -> None:
        await ack("On it.")

    async def events(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    site = web.Application()
    site.add_routes([web.post("/slack/events", events)])
    web.run_app(site, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
