"""The parts of the control API that belong to no single service: faults, requests, and the clock."""

from __future__ import annotations

import re

from aiohttp import web

from playground.clock import Clock
from playground.traffic import Traffic


def add_routes(app: web.Application, clock: Clock, traffic: Traffic) -> None:
    """Add ``/_control/faults``, ``/_control/requests`` and ``/_control/clock``."""

    async def add_fault(request: web.Request) -> web.Response:
        try:
            fault = traffic.faults.add(await request.json())
        except (KeyError, ValueError, re.error) as error:
            reason = f"a fault needs {error}" if isinstance(error, KeyError) else str(error)
            return web.json_response({"ok": False, "error": reason}, status=400)
        return web.json_response({"ok": True, "fault": fault.as_json()})

    async def list_faults(_: web.Request) -> web.Response:
        return web.json_response({"faults": traffic.faults.as_json()})

    async def clear_faults(_: web.Request) -> web.Response:
        traffic.faults.clear()
        return web.json_response({"ok": True})

    async def requests(request: web.Request) -> web.Response:
        return web.json_response({"requests": traffic.listed(request.query.get("service"))})

    async def move_clock(request: web.Request) -> web.Response:
        body = await request.json()
        clock.advance(float(body.get("advance", 0)))
        if "speed" in body:
            clock.speed = max(0.01, float(body["speed"]))
        return web.json_response({"ok": True, "now": clock.now(), "offset": clock.offset, "speed": clock.speed})

    async def read_clock(_: web.Request) -> web.Response:
        return web.json_response({"now": clock.now(), "offset": clock.offset, "speed": clock.speed})

    app.router.add_post("/_control/faults", add_fault)
    app.router.add_get("/_control/faults", list_faults)
    app.router.add_delete("/_control/faults", clear_faults)
    app.router.add_get("/_control/requests", requests)
    app.router.add_post("/_control/clock", move_clock)
    app.router.add_get("/_control/clock", read_clock)
