"""Serves the built page: ``/`` and ``/page/*``, everything from this machine, nothing from a CDN."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

DIST = Path(__file__).resolve().parent / "page" / "dist"
HEADERS = {
    # The page is rebuilt while people have it open: always ask, usually 304.
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # What a bot posts is shown as it is; even so nothing may be fetched from, or sent to, another host.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}
NOT_BUILT = (
    "The playground's page has not been built.\n\n"
    "Run `make page`, or `npm ci && npm run build` in playground/page, and reload.\n"
    "Everything else of the playground works without it.\n"
)


def add_routes(app: web.Application, dist: Path = DIST) -> None:
    """Add the page's routes to `app`; without a build each of them answers 503 and says how to make one."""

    def answer(name: str) -> web.StreamResponse:
        root = dist.resolve()
        if not (root / "index.html").is_file():
            return web.Response(status=503, text=NOT_BUILT, headers=HEADERS)
        file = (root / name).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            return web.Response(status=404, text="There is no such file.\n", headers=HEADERS)
        return web.FileResponse(file, headers=HEADERS)

    async def index(_: web.Request) -> web.StreamResponse:
        return answer("index.html")

    async def asset(request: web.Request) -> web.StreamResponse:
        return answer(request.match_info["name"])

    app.router.add_get("/", index)
    app.router.add_get("/page/{name:.+}", asset)
