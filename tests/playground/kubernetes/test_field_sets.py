"""Properties of the pure parts: field sets, patches, quantities, selectors."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.kubernetes import apply
from playground.kubernetes.fieldsets import fields_of, from_v1, to_v1
from playground.kubernetes.objects import quantity
from playground.kubernetes.patches import merge_patch, strategic_patch
from playground.kubernetes.resources import PODS

KEYS = st.sampled_from(["a", "b", "c", "f:x", ".", "data"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("xyz", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.lists(st.sampled_from(["one", "two", "three"]), min_size=1, max_size=3, unique=True)


def pod(names: list[str], image: str) -> dict[str, Any]:
    containers = [{"name": name, "image": image, "env": [{"name": "A", "value": name}]} for name in names]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "labels": {"l": image}}, "spec": {"containers": containers}}


@given(NAMES, st.sampled_from(["i:1", "i:2"]))
def test_field_sets_survive_being_written_down(names: list[str], image: str) -> None:
    fields = fields_of(pod(names, image))
    assert from_v1(to_v1(fields)) == fields


@given(NAMES, NAMES, st.sampled_from(["i:1", "i:2"]))
def test_the_sole_applier_gets_exactly_what_it_applies(first: list[str], second: list[str], image: str) -> None:
    manager = apply.Manager("one", "Apply")
    live = apply.apply_patch(PODS, None, pod(first, "i:1"), manager, force=False, now="t1")
    after = apply.apply_patch(PODS, live, pod(second, image), manager, force=False, now="t2")
    wanted = pod(second, image)
    assert after["metadata"]["labels"] == wanted["metadata"]["labels"]
    assert sorted(after["spec"]["containers"], key=lambda one: one["name"]) == sorted(wanted["spec"]["containers"], key=lambda one: one["name"])
    again = apply.apply_patch(PODS, after, pod(second, image), manager, force=False, now="t3")
    assert again == after


@given(VALUES, VALUES)
def test_patches_leave_what_they_are_given_alone(item: Any, patch: Any) -> None:
    before = copy.deepcopy((item, patch))
    merge_patch(item, patch)
    if isinstance(patch, dict):
        strategic_patch(item, {key: value for key, value in patch.items() if key not in ("conditions",)})
    assert (item, patch) == before


@given(VALUES, VALUES)
def test_a_merge_patch_applied_twice_is_applied_once(item: Any, patch: Any) -> None:
    once = merge_patch(item, patch)
    assert merge_patch(once, patch) == once


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("500m", 0.5), ("1Gi", 1024**3), ("2k", 2000), ("1e3", 1000), ("28332523Ki", 28332523 * 1024), ("-1", -1)]
)
def test_quantities(text: str, value: float) -> None:
    assert float(quantity(text)) == value


@pytest.mark.parametrize("text", ["", "lots", "1 Gi", "1gi", "1.2.3", "0x10"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantit"):
        quantity(text)
