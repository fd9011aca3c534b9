"""Tables, as `kubectl get` asks for them."""

from __future__ import annotations

from playground.kubernetes.calls import Call
from playground.kubernetes.objects import Json
from playground.kubernetes.watch import Render


def renderer(call: Call, accept: str) -> Render:
    """How objects and lists are to be written for this request."""

    def plain(item: Json) -> Json:
        return item

    return plain
