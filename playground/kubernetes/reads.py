"""GET of one object and LIST of many (Kubernetes: API concepts, resource versions, chunking)."""

from __future__ import annotations

from playground.kubernetes.calls import Call
from playground.kubernetes.objects import Json, key_of
from playground.kubernetes.selectors import Match, field_matcher, label_matcher
from playground.kubernetes.statuses import bad_request, too_large_version


def matcher(call: Call) -> Match | None:
    """The request's selectors as one predicate, None without any. Raises ApiError 400."""
    labels, fields = call.query.get("labelSelector", ""), call.query.get("fieldSelector", "")
    if call.target.name:
        fields = ",".join(filter(None, (fields, f"metadata.name={call.target.name}")))
    if not labels and not fields:
        return None
    by_label, by_field = label_matcher(labels), field_matcher(call.target.resource, fields)
    return lambda item: by_label(item) and by_field(item)


def listed(call: Call) -> Json:
    """A list object; items carry neither kind nor apiVersion, as in the real server. Raises ApiError 400, 410, 504."""
    store, resource = call.cluster.store, call.target.resource
    wanted = requested_version(call)
    if wanted > store.version:
        raise too_large_version(wanted, store.version)
    match = matcher(call)
    chosen = [item for item in store.all(resource, call.target.namespace) if match is None or match(item)]
    chosen.sort(key=key_of)
    page, version, following, left = store.page(resource, chosen, call.number("limit") or 0, call.query.get("continue", ""))
    meta: Json = {"resourceVersion": str(version)}
    if following:
        meta["continue"] = following
        if match is None:
            meta["remainingItemCount"] = left
    items = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in page]
    return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": meta, "items": items}


def requested_version(call: Call) -> int:
    """`resourceVersion`, 0 where none is given. Raises ApiError 400."""
    text = call.query.get("resourceVersion", "")
    if not text.isdigit() and text:
        raise bad_request(f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text or 0)
