"""The HTTP side of the simulated API servers: who asks, for what, and the answer or the Status."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from playground import chance
from playground.kubernetes import deletion, discovery, logs, openapi, rbac, reads, tables, writes
from playground.kubernetes.calls import Call, Target, parsed, target_of
from playground.kubernetes.cluster import Cluster
from playground.kubernetes.objects import Json, deleting, name_of
from playground.kubernetes.resources import PODS, REVIEWS
from playground.kubernetes.statuses import ApiError, bad_request, method_not_allowed, no_such_path
from playground.kubernetes.watch import watch

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


class Api:
    """Serves every cluster of `clusters` (by id) below ``/clusters/{id}/``."""

    def __init__(self, clusters: dict[str, Cluster]) -> None:
        self._clusters = clusters

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request. A cluster that is not there, or is stopped, has no API server: the connection is dropped."""
        cluster = self._clusters.get(request.match_info["cluster"].lower())
        if cluster is None or cluster.stopped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=499)
        try:
            return await self._answer(request, cluster, request.match_info["path"].strip("/"))
        except ApiError as error:
            return _json(error.body, error.code)

    async def _answer(self, request: web.Request, cluster: Cluster, path: str) -> web.StreamResponse:
        user = rbac.authenticate(cluster.id, request.headers.get("Authorization", ""))
        found = openapi.document(path, f"/clusters/{cluster.id}") or discovery.discover(path, cluster.version, request.host)
        if isinstance(found, str):
            return web.Response(text=found)
        if found is not None:
            return _json(found)
        target = target_of(path)
        verb = verb_of(request, target)
        fault = cluster.faults.take("kubernetes", f"{request.method} {request.path_qs}", "forbidden")
        if fault is not None:
            user = rbac.User(user.name, str(fault.options.get("role", "nobody")))
        if target.resource in REVIEWS:
            return await self._review(request, user, target)
        rbac.authorise(user, verb, target)
        call = Call(cluster, user, target, request.query, request.headers.get("User-Agent", ""))
        if verb in ("get", "list", "watch"):
            return await self._read(request, call, verb)
        return await self._write(request, call, verb)

    @staticmethod
    async def _review(request: web.Request, user: rbac.User, target: Target) -> web.Response:
        if request.method != "POST":
            raise method_not_allowed()
        body = parsed(await request.read(), request.content_type)
        if target.resource.kind == "SelfSubjectReview":
            return _json(rbac.self_review(user), 201)
        return _json(rbac.access_review(user, body if isinstance(body, dict) else {}), 201)

    @staticmethod
    async def _read(request: web.Request, call: Call, verb: str) -> web.StreamResponse:
        render = tables.renderer(call, request.headers.get("Accept", ""))
        if verb == "watch":
            return await watch(request, call, render)
        if verb == "list":
            return _json(render(reads.listed(call)))
        item = writes.stored(call)
        if call.target.subresource == "log":
            return await logs.respond(request, call, item)
        return _json(render(item))

    async def _write(self, request: web.Request, call: Call, verb: str) -> web.Response:
        raw = await request.read()
        if verb in ("delete", "deletecollection"):
            return self._delete(call, parsed(raw, request.content_type) if raw else {})
        if not raw:
            raise bad_request("EOF")
        content_type = request.headers.get("Content-Type", "application/json")
        body = parsed(raw, content_type)
        if verb == "create":
            if call.target.subresource:
                return self._pod_action(call, body)
            made = writes.create(call, body)
            request["made"] = "" if call.dry_run else name_of(made)
            return _json(made, 201, call.warnings)
        if verb == "update":
            return _json(writes.replace(call, body), 200, call.warnings)
        target, there = call.target, call.cluster.store.get
        existed = there(target.resource, target.namespace, target.name) is not None
        return _json(writes.patch(call, body, content_type), 200 if existed else 201, call.warnings)

    @staticmethod
    def _delete(call: Call, options: Any) -> web.Response:
        if call.target.name:
            return _json(deletion.delete(call, writes.stored(call), options), 200, call.warnings)
        match = reads.matcher(call)
        result = reads.listed(call)
        for item in list(call.cluster.store.all(call.target.resource, call.target.namespace)):
            if (match is None or match(item)) and not deleting(item):
                deletion.delete(call, item, options)
        return _json(result)

    @staticmethod
    def _pod_action(call: Call, body: Any) -> web.Response:
        """`eviction` deletes the pod gracefully; binding is the scheduler's own business here."""
        if call.target.resource is not PODS or call.target.subresource != "eviction":
            raise method_not_allowed()
        options = body.get("deleteOptions") if isinstance(body, dict) else {}
        deletion.delete(call, writes.stored(call), options or {})
        return _json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)


def verb_of(request: web.Request, target: Target) -> str:
    """The API verb of a request. Raises ApiError 405 where there is none."""
    method = request.method
    if method in ("GET", "HEAD"):
        if target.subresource:
            return "get"
        if request.query.get("watch", "").lower() in ("true", "1"):
            return "watch"
        return "get" if target.name else "list"
    if method == "DELETE" and not target.subresource:
        return "delete" if target.name else "deletecollection"
    if method not in _VERBS:
        raise method_not_allowed()
    verb = _VERBS[method]
    on_collection = verb == "create" and not target.subresource
    if bool(target.name) == on_collection or (target.resource.namespaced and not target.namespace):
        raise method_not_allowed() if target.name or verb != "create" else no_such_path()
    return verb


def _json(body: Json, status: int = 200, warnings: Sequence[str] = ()) -> web.Response:
    headers = CIMultiDict({"Audit-Id": chance.uid("audit"), "Cache-Control": "no-cache, private"})
    for warning in dict.fromkeys(warnings):
        headers.add("Warning", f"299 - {json.dumps(warning)}")
    raw = json.dumps(body, separators=(",", ":")).encode() + b"\n"
    return web.Response(body=raw, status=status, content_type="application/json", headers=headers)
