"""The server of the page: what it gives out, and what it must not."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from playground import pageserver

PAGE = Path(pageserver.__file__).parent / "page"


async def client(dist: Path) -> TestClient[web.Request, web.Application]:
    app = web.Application()
    pageserver.add_routes(app, dist)
    opened = TestClient(TestServer(app))
    await opened.start_server()
    return opened


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    built = tmp_path / "page" / "dist"
    built.mkdir(parents=True)
    (built / "index.html").write_text("<title>page</title>")
    (built / "page.js").write_text("1")
    (tmp_path / "page" / "secret.txt").write_text("not for you")
    return built


async def test_a_page_that_was_never_built_says_how_to_build_it(tmp_path: Path) -> None:
    opened = await client(tmp_path / "nothing")
    answer = await opened.get("/")
    assert answer.status == 503
    assert "npm ci && npm run build" in await answer.text()
    await opened.close()


async def test_a_built_page_allows_no_other_host(dist: Path) -> None:
    opened = await client(dist)
    page, script = await opened.get("/"), await opened.get("/page/page.js")
    assert (page.status, page.content_type) == (200, "text/html")
    assert (script.status, await script.text()) == (200, "1")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    await opened.close()


@pytest.mark.parametrize("path", ["/page/../secret.txt", "/page/%2e%2e/secret.txt", "/page/..%2fsecret.txt", "/page//etc/passwd", "/page/none.js"])
async def test_no_path_leaves_the_built_folder(dist: Path, path: str) -> None:
    opened = await client(dist)
    answer = await opened.get(path)
    assert answer.status == 404
    assert "not for you" not in await answer.text()
    await opened.close()


def test_the_lockfile_names_no_registry_host() -> None:
    assert '"resolved"' not in (PAGE / "package-lock.json").read_text()
