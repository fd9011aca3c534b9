"""From a kubeconfig to the client's configuration, without touching the disk and without running anything.

The client's own loader writes certificates and keys to temporary files and executes `exec` plugins; a kubeconfig that came over
the network must be able to do neither. Certificates of clients can only be handed to OpenSSL by path, so they go into an
anonymous memory file where the system has one.
"""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

import urllib3
from kubernetes.client.configuration import Configuration
from kubernetes.utils.keepalive import tcp_keepalive_socket_options

from bot.errors import Failed

TokenProvider = Callable[[], str]


@dataclass
class MemoryFiles:
    """Secrets that OpenSSL insists on reading from a path; gone after :meth:`close`."""

    _open: list[int] = field(default_factory=list)
    _paths: list[str] = field(default_factory=list)

    def path_of(self, content: bytes) -> str:
        """A path that yields `content` for as long as this object is open."""
        if hasattr(os, "memfd_create"):
            handle = os.memfd_create("credential")
            os.write(handle, content)
            self._open.append(handle)
            return f"/proc/self/fd/{handle}"
        handle, path = tempfile.mkstemp()
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        self._paths.append(path)
        return path

    def close(self) -> None:
        """Forget everything; safe to call twice."""
        for handle in self._open:
            os.close(handle)
        for path in self._paths:
            os.unlink(path)
        self._open.clear()
        self._paths.clear()


def configuration(config: Mapping[str, object], *, cluster: str, files: MemoryFiles, token_provider: TokenProvider | None = None) -> Configuration:
    """The client's configuration for the current context of a parsed kubeconfig.

    Credentials, best first: `token_provider` (asked before every request; it caches), a token, a client certificate.
    Raises :class:`bot.errors.Failed`: ``cluster.kubeconfig`` (something is missing, names a file, or turns TLS checks off for
    a server that is not on this machine) or ``cluster.credentials`` (none that can be used, e.g. only an `exec` plugin).
    """
    server, user = _context(config, cluster)
    host = str(server.get("server") or "").rstrip("/")
    local = _is_loopback(host)
    if urlsplit(host).scheme != "https" and not local:
        raise Failed("cluster.kubeconfig", cluster=cluster, problem="its server is not an https address")
    result = Configuration(host=host)
    if server.get("insecure-skip-tls-verify"):
        if not local:
            raise Failed("cluster.kubeconfig", cluster=cluster, problem="it turns the check of the server's certificate off")
        result.verify_ssl = False
    for key in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
        if key in server or key in user:
            raise Failed("cluster.kubeconfig", cluster=cluster, problem=f"`{key}` names a file; only data inside the kubeconfig is used")
    authority = _decoded(server, "certificate-authority-data", cluster)
    if authority:
        result.ca_cert_data = authority.decode("ascii", "replace")
    if server.get("tls-server-name"):
        result.tls_server_name = str(server["tls-server-name"])
    _credentials(result, user, cluster, files, token_provider)
    # Repeating is the engine's business: urllib3 would sleep in the worker thread and multiply every time limit.
    result.retries = urllib3.Retry(total=False, respect_retry_after_header=False)
    # AKS load balancers forget idle connections after about four minutes without telling anybody.
    result.socket_options = tcp_keepalive_socket_options(idle=30, interval=15, count=4)
    result.connection_pool_maxsize = 12
    return result


def _credentials(result: Configuration, user: Mapping[str, object], cluster: str, files: MemoryFiles, token_provider: TokenProvider | None) -> None:
    if token_provider is not None:
        provider = token_provider

        def refresh(target: Configuration) -> None:
            target.api_key = {"BearerToken": f"Bearer {provider()}"}

        # The client asks the hook only where a key is already set.
        result.api_key = {"BearerToken": "Bearer "}
        result.refresh_api_key_hook = refresh  # type: ignore[assignment]
        return
    certificate = _decoded(user, "client-certificate-data", cluster)
    key = _decoded(user, "client-key-data", cluster)
    if user.get("token"):
        result.api_key = {"BearerToken": f"Bearer {user['token']}"}
    if certificate and key:
        result.cert_file = files.path_of(certificate)
        result.key_file = files.path_of(key)
    elif not user.get("token"):
        raise Failed("cluster.credentials", cluster=cluster)


def _context(config: Mapping[str, object], cluster: str) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """The `cluster` and `user` sections that the current context (or the only one) names."""
    contexts = _named(config.get("contexts"))
    current = str(config.get("current-context") or next(iter(contexts), ""))
    context = _section(contexts.get(current), "context")
    server = _section(_named(config.get("clusters")).get(str(context.get("cluster"))), "cluster")
    user = _section(_named(config.get("users")).get(str(context.get("user"))), "user")
    if not server.get("server"):
        raise Failed("cluster.kubeconfig", cluster=cluster, problem="it names no server")
    return server, user


def _named(entries: object) -> dict[str, Mapping[str, object]]:
    if not isinstance(entries, list):
        return {}
    return {str(entry.get("name")): entry for entry in entries if isinstance(entry, dict)}


def _section(entry: Mapping[str, object] | None, key: str) -> Mapping[str, object]:
    found = (entry or {}).get(key)
    return found if isinstance(found, dict) else {}


def _decoded(section: Mapping[str, object], key: str, cluster: str) -> bytes:
    try:
        return base64.b64decode(str(section.get(key) or ""), validate=True)
    except binascii.Error as error:
        raise Failed("cluster.kubeconfig", cluster=cluster, problem=f"`{key}` is not base64") from error


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
