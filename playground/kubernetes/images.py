"""Pulling images: how long it takes, how large they are, and which of them do not exist."""

from __future__ import annotations

import hashlib

# Simulated seconds and MiB of the images that the playground knows; all others take the last line.
_KNOWN = (
    ("samples-tf-mnist-demo", 20.0, 1386),
    ("k8s-device-plugin", 5.0, 178),
    ("pytorch", 24.0, 3120),
    ("tensorflow", 22.0, 2760),
    ("cuda", 10.0, 240),
    ("", 4.0, 42),
)
BACKOFF_SECONDS, BACKOFF_MOST = 10.0, 300.0


def pull_seconds(image: str) -> float:
    """Simulated seconds that a pull takes."""
    return next(seconds for part, seconds, _ in _KNOWN if part in image)


def size_bytes(image: str) -> int:
    """The image's size as events and node status tell it."""
    return next(size for part, _, size in _KNOWN if part in image) * 1024 * 1024 + int(digest(image)[:4], 16)


def digest(image: str) -> str:
    """The image's sha256, in hex."""
    return hashlib.sha256(image.encode()).hexdigest()


def full_name(image: str) -> str:
    """With registry, as the container runtime writes it: ``busybox`` → ``docker.io/library/busybox:latest``."""
    name = image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"
    first, _, rest = name.partition("/")
    if not rest:
        return f"docker.io/library/{name}"
    return name if "." in first or ":" in first or first == "localhost" else f"docker.io/{name}"


def pull_error(image: str) -> str | None:
    """Why the image cannot be pulled; None where it can."""
    full = full_name(image)
    host = full.partition("/")[0]
    failed = f'failed to pull and unpack image "{full}": failed to resolve reference "{full}"'
    if host.endswith(".invalid"):
        return f'{failed}: failed to do request: Head "https://{host}/v2/": dial tcp: lookup {host} on 168.63.129.16:53: no such host'
    if "does-not-exist" in image:
        return f"rpc error: code = NotFound desc = {failed}: {full}: not found"
    return None
