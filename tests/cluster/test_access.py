"""Kubeconfigs, refusals and silences, without a cluster."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bot.cluster.access import THREADS, Access, at, resource_of
from bot.cluster.replies import error_of
from bot.errors import Failed, QuartermasterError, Refused, Temporary


def kubeconfig(server: str = "https://cluster.example", user: dict[str, Any] | None = None, extra: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server, **(extra or {})}}],
        "users": [{"name": "u", "user": {"token": "t"} if user is None else user}],
    }


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({}, "cluster.kubeconfig"),
        ({"clusters": "x"}, "cluster.kubeconfig"),
        (kubeconfig("http://cluster.example"), "cluster.kubeconfig"),
        (kubeconfig(extra={"insecure-skip-tls-verify": True}), "cluster.kubeconfig"),
        (kubeconfig(extra={"certificate-authority": "/etc/passwd"}), "cluster.kubeconfig"),
        (kubeconfig(user={"tokenFile": "/etc/passwd"}), "cluster.kubeconfig"),
        (kubeconfig(extra={"certificate-authority-data": "%%%"}), "cluster.kubeconfig"),
        (kubeconfig(user={}), "cluster.credentials"),
    ],
)
def test_a_kubeconfig_that_cannot_or_must_not_be_used_is_refused(config: dict[str, Any], code: str) -> None:
    with pytest.raises(Failed) as caught:
        Access.from_kubeconfig(config, cluster="demo")
    assert caught.value.code == code
    assert "demo" in caught.value.sentence


def test_an_exec_plugin_is_never_run_and_a_token_provider_takes_its_place(tmp_path: Any) -> None:
    trap = tmp_path / "ran"
    config = kubeconfig(user={"exec": {"command": "touch", "args": [str(trap)], "apiVersion": "client.authentication.k8s.io/v1"}})
    with pytest.raises(Failed, match="identity"):
        Access.from_kubeconfig(config, cluster="demo")
    Access.from_kubeconfig(config, cluster="demo", token_provider=lambda: "entra").close()
    assert not trap.exists()


def test_client_certificates_leave_no_file_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    data = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()
    access = Access.from_kubeconfig(kubeconfig(user={"client-certificate-data": data, "client-key-data": data}), cluster="demo")
    assert list(tmp_path.iterdir()) == []
    access.close()
    access.close()


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (401, {}, Failed, "cluster.unauthorized"),
        (403, {"message": 'nodes is forbidden: User "x" cannot list resource "nodes"'}, Failed, "cluster.forbidden"),
        (403, {"message": "pods x is forbidden: exceeded quota: gpus"}, Refused, "cluster.quota_exceeded"),
        (403, {"message": 'violates PodSecurity "restricted:latest"'}, Refused, "cluster.admission_denied"),
        (404, {}, Failed, "cluster.not_found"),
        (409, {"reason": "AlreadyExists"}, Failed, "cluster.name_taken"),
        (409, {"reason": "Conflict"}, Temporary, "cluster.conflict"),
        (410, {"reason": "Expired"}, Temporary, "cluster.expired"),
        (410, {"reason": "Gone"}, Temporary, "cluster.expired"),
        (422, {"message": "field is immutable"}, Refused, "cluster.invalid"),
        (429, {}, Temporary, "cluster.unavailable"),
        (500, {}, Temporary, "cluster.unavailable"),
        (400, {}, Failed, "cluster.bad_request"),
        (418, {}, Failed, "cluster.bad_request"),
    ],
)
def test_each_status_has_its_meaning(status: int, body: dict[str, Any], kind: type[QuartermasterError], code: str) -> None:
    error = error_of(status, json.dumps(body).encode(), {"Retry-After": "7"}, verb="list", resource="nodes", cluster="demo")
    assert type(error) is kind
    assert error.code == code
    assert "?" not in error.sentence
    if status == 429:
        assert isinstance(error, Temporary)
        assert error.retry_after == 7.0


@pytest.mark.parametrize(
    ("verb", "resource", "role"),
    [("list", "nodes", "Cluster Admin"), ("patch", "daemonsets", "Cluster Admin"), ("create", "jobs", "Writer"), ("get", "pods/log", "Reader")],
)
def test_a_missing_right_names_the_role(verb: str, resource: str, role: str) -> None:
    error = error_of(403, b"{}", {}, verb=verb, resource=resource, cluster="demo")
    assert f"I may not {verb} {resource} in `demo`." in str(error)
    assert f"*Azure Kubernetes Service RBAC {role}*" in error.next_step


@pytest.mark.parametrize("raw", [b"", b"<html>gateway</html>", b"[1]", b"\xff\xfe", b'{"message": null}'])
def test_an_answer_that_is_no_status_object_is_still_understood(raw: bytes) -> None:
    assert error_of(502, raw, {"Retry-After": "soon"}, verb="get", resource="pods", cluster="demo").code == "cluster.unavailable"


def test_secrets_in_a_servers_answer_do_not_travel() -> None:
    body = json.dumps({"message": "bad header Authorization: Bearer " + "a" * 40}).encode()
    assert "a" * 40 not in error_of(422, body, {}, verb="get", resource="pods", cluster="demo").sentence


@pytest.mark.parametrize("name", ["..", "a/b", "", ".", "a..b", "-a", "a b", "a%2fb", "x" * 254, "a?b=c", "é"])
def test_a_name_that_could_change_the_path_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        at("/api/v1/namespaces", name, "pods")


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/api/v1/nodes", "nodes"),
        ("/api/v1/nodes/n1", "nodes"),
        ("/api/v1/namespaces/a/pods/b/log", "pods/log"),
        ("/api/v1/namespaces/a", "namespaces"),
        ("/apis/batch/v1/namespaces/a/jobs/b", "jobs"),
        ("/apis/batch/v1/jobs", "jobs"),
        ("/apis/apps/v1/namespaces/a/daemonsets", "daemonsets"),
        ("/apis/nvidia.com/v1/clusterpolicies", "clusterpolicies"),
    ],
)
def test_the_resource_of_a_path(path: str, resource: str) -> None:
    assert resource_of(path) == resource


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_nobody_at_the_port_is_temporary() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    access = Access.from_kubeconfig(kubeconfig(f"http://127.0.0.1:{port}"), cluster="demo")
    with pytest.raises(Temporary) as caught:
        await access.get("/version")
    assert caught.value.code == "cluster.unreachable"
    access.close()


async def test_a_server_that_never_answers_is_given_up_after_the_read_limit(silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cluster.access.READ_SECONDS", 0.3)
    access = Access.from_kubeconfig(kubeconfig(f"http://127.0.0.1:{silent}"), cluster="demo")
    begun = time.monotonic()
    with pytest.raises(Temporary):
        await access.get("/version")
    assert time.monotonic() - begun < 2.0
    access.close()


async def test_a_server_with_another_certificate_is_not_talked_to() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        access = Access.from_kubeconfig(kubeconfig(f"https://127.0.0.1:{server.getsockname()[1]}"), cluster="demo")
        with pytest.raises(Temporary) as caught:
            await access.get("/version")
        assert caught.value.code == "cluster.unreachable"
        access.close()
        thread.join(5)


async def test_what_stood_in_line_when_the_connection_was_closed_is_an_error_to_repeat_and_no_cancellation() -> None:
    """Taken for a cancellation of the task it would end the operation's turn in the middle, with its claim still held."""
    access = Access.from_kubeconfig(kubeconfig(), cluster="demo")
    entered, leave = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        leave.wait(10)

    calls = [asyncio.create_task(access.run(hang)) for _ in range(THREADS + 1)]
    await asyncio.to_thread(entered.wait, 10)
    access.close()
    with pytest.raises(Temporary):
        await calls[-1]
    leave.set()
    await asyncio.gather(*calls[:-1])
