"""Patches: properties that hold for all of them, and cases from Kubernetes' documentation."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from k8slite.apiserver.patches import PATCHES, json_patch, merge_patch, strategic
from k8slite.objects.errors import BadRequest, Invalid, RequestEntityTooLarge, Unknown
from k8slite.objects.schema import Schema, Schemas

FEW = settings(max_examples=60)
ORACLE = Path(__file__).resolve().parents[2].parent / "shared" / "oracle" / "dialogues.json"

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"])
keys = st.sampled_from(["a", "b", "c", "a/b", "~"])
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)
objects = st.dictionaries(keys, values, max_size=4)


def pod() -> Schema:
    found = Schemas.load(37).definition("", "v1", "Pod")
    assert found is not None
    return found


def deployment() -> Schema:
    found = Schemas.load(37).definition("apps", "v1", "Deployment")
    assert found is not None
    return found


# --- merge patch -------------------------------------------------------------------------------


def model_merge(target, patch):
    """RFC 7386, section 2, letter by letter."""
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = model_merge(target.get(name), value)
    return target


@FEW
@given(objects, objects)
def test_a_merge_patch_does_what_the_rfc_says(obj, patch):
    before = copy.deepcopy((obj, patch))
    assert merge_patch.apply(patch, obj) == model_merge(obj, patch)
    assert (obj, patch) == before


@pytest.mark.parametrize("patch", [[], "x", 1, None, True])
def test_a_merge_patch_is_an_object(patch):
    with pytest.raises(BadRequest, match=r"^error decoding patch: json: cannot unmarshal"):
        merge_patch.apply(patch, {})


# --- JSON patch --------------------------------------------------------------------------------


def escaped(key):
    return key.replace("~", "~0").replace("/", "~1")


@FEW
@given(objects, keys, values)
def test_adding_and_removing_a_field_leaves_the_object_as_it_was(obj, key, value):
    if key in obj:
        return
    before = copy.deepcopy(obj)
    path = f"/{escaped(key)}"
    added = json_patch.apply([{"op": "add", "path": path, "value": value}], obj)
    assert added == {**obj, key: value}
    assert json_patch.apply([{"op": "remove", "path": path}], added) == before
    assert obj == before


@FEW
@given(st.lists(values, max_size=4), st.integers(0, 4), values)
def test_adding_to_a_list_and_removing_leaves_it_as_it_was(items, at, value):
    at = min(at, len(items))
    obj = {"l": items}
    added = json_patch.apply([{"op": "add", "path": f"/l/{at}", "value": value}], obj)
    assert added["l"] == [*items[:at], value, *items[at:]]
    assert json_patch.apply([{"op": "remove", "path": f"/l/{at}"}], added) == obj


def test_operations_see_what_those_before_them_did():
    obj = {"a": {"x": [1]}, "b": 1}
    patch = [
        {"op": "copy", "from": "/a", "path": "/c"},
        {"op": "add", "path": "/c/x/-", "value": 2},
        {"op": "move", "from": "/b", "path": "/a/y"},
        {"op": "replace", "path": "/a/x/-1", "value": 9},
        {"op": "test", "path": "/c", "value": {"x": [1, 2]}},
    ]
    assert json_patch.apply(patch, obj) == {"a": {"x": [9], "y": 1}, "c": {"x": [1, 2]}}
    assert obj == {"a": {"x": [1]}, "b": 1}


def test_a_value_of_the_patch_is_never_written_to():
    patch = [
        {"op": "add", "path": "/a", "value": {"x": 1}},
        {"op": "add", "path": "/a/y", "value": 2},
    ]
    assert json_patch.apply(patch, {}) == {"a": {"x": 1, "y": 2}}
    assert patch[0]["value"] == {"x": 1}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "test", "path": "/a", "value": True},
        {"op": "remove", "path": "/nope"},
        {"op": "replace", "path": "/nope", "value": 1},
        {"op": "add", "path": "/nope/x", "value": 1},
        {"op": "add", "path": "/l/7", "value": 1},
        {"op": "add", "path": "/l/x", "value": 1},
        {"op": "add", "path": "/x"},
        {"op": "add", "path": "", "value": {}},
        {"op": "move", "from": "/nope", "path": "/x"},
        {"op": "jump", "path": "/a"},
        {"path": "/a"},
        {"op": "remove"},
    ],
)
def test_an_operation_that_does_not_fit_is_refused_without_a_reason(operation):
    with pytest.raises(Invalid) as refused:
        json_patch.apply([operation], {"a": 1, "l": []})
    assert refused.value.message == (
        "the server rejected our request due to an error in our request"
    )
    assert refused.value.details == {}


def test_a_malformed_json_patch_is_refused():
    with pytest.raises(BadRequest, match=r"object into Go value of type \[\]handlers.jsonPatchOp"):
        json_patch.apply({}, {})
    with pytest.raises(BadRequest, match=r"struct field jsonPatchOp.path of type string"):
        json_patch.apply([{"op": "add", "path": 1}], {})
    with pytest.raises(RequestEntityTooLarge, match=r"is 10000, got 10001"):
        json_patch.apply([{"op": "test", "path": "/a"}] * 10_001, {})


# --- strategic merge patch ---------------------------------------------------------------------


def deploy(containers, **spec):
    return {"spec": {**spec, "template": {"spec": {"containers": containers}}}}


def containers_of(obj):
    return obj["spec"]["template"]["spec"]["containers"]


def test_a_list_merges_by_its_key_and_a_new_item_comes_first():
    old = deploy([{"name": "web", "image": "nginx", "args": ["a"]}])
    new = strategic.apply(
        deploy([{"name": "redis", "image": "redis"}, {"name": "web", "args": ["b"]}]),
        old,
        deployment(),
    )
    assert containers_of(new) == [
        {"name": "redis", "image": "redis"},
        {"name": "web", "image": "nginx", "args": ["b"]},
    ]
    assert containers_of(old) == [{"name": "web", "image": "nginx", "args": ["a"]}]


def test_a_list_without_a_strategy_is_replaced():
    old = {"spec": {"tolerations": [{"key": "a"}], "containers": []}}
    new = strategic.apply({"spec": {"tolerations": [{"key": "b"}]}}, old, pod())
    assert new["spec"]["tolerations"] == [{"key": "b"}]


def test_an_item_is_deleted_by_its_key_and_a_list_replaced():
    old = deploy([{"name": "a", "env": [{"name": "X"}, {"name": "Y"}]}, {"name": "b"}])
    new = strategic.apply(
        deploy([{"name": "a", "env": [{"$patch": "delete", "name": "X"}]}]), old, deployment()
    )
    assert containers_of(new)[0]["env"] == [{"name": "Y"}]
    new = strategic.apply(deploy([{"name": "c"}, {"$patch": "replace"}]), old, deployment())
    assert containers_of(new) == [{"name": "c"}]


def test_an_object_is_replaced_or_emptied_by_a_directive():
    old = {"metadata": {"labels": {"a": "1", "b": "2"}}}
    new = strategic.apply({"metadata": {"labels": {"$patch": "replace", "c": "3"}}}, old, pod())
    assert new["metadata"]["labels"] == {"c": "3"}
    new = strategic.apply({"metadata": {"labels": {"$patch": "delete"}}}, old, pod())
    assert new["metadata"]["labels"] == {}


def test_retained_keys_drive_out_the_others():
    old = deploy([], strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}})
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    new = strategic.apply(patch, old, deployment())
    assert new["spec"]["strategy"] == {"type": "Recreate"}
    with pytest.raises(BadRequest, match=r"^invalid patch format of retainKeys$"):
        strategic.apply(
            {"spec": {"strategy": {"$retainKeys": ["type"], "rollingUpdate": {}}}},
            old,
            deployment(),
        )


def test_the_order_of_elements_is_set():
    old = deploy([{"name": "a"}, {"name": "server"}, {"name": "b"}])
    patch = deploy([{"name": "b", "image": "x"}])
    patch["spec"]["template"]["spec"]["$setElementOrder/containers"] = [
        {"name": "b"},
        {"name": "a"},
    ]
    new = strategic.apply(patch, old, deployment())
    assert [item["name"] for item in containers_of(new)] == ["server", "b", "a"]


def test_lists_of_scalars_merge_and_lose_items():
    old = {"metadata": {"finalizers": ["a", "b", "c"]}}
    new = strategic.apply({"metadata": {"finalizers": ["d", "a"]}}, old, pod())
    assert new["metadata"]["finalizers"] == ["d", "a", "b", "c"]
    patch = {
        "metadata": {
            "$deleteFromPrimitiveList/finalizers": ["b"],
            "$setElementOrder/finalizers": ["c", "a"],
        }
    }
    new = strategic.apply(patch, old, pod())
    assert new["metadata"]["finalizers"] == ["c", "a"]


def test_what_is_new_keeps_no_directives():
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate", "x": None}}}
    assert strategic.apply(patch, {"spec": {}}, deployment()) == {
        "spec": {"strategy": {"type": "Recreate"}}
    }


@pytest.mark.parametrize(
    ("patch", "error", "message"),
    [
        (
            [],
            BadRequest,
            "json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        (
            deploy([{"image": "x"}]),
            Unknown,
            "map: map[image:x] does not contain declared merge key: name",
        ),
        (
            deploy([{"$patch": "delete"}]),
            Unknown,
            "map: map[$patch:delete] does not contain declared merge key: name",
        ),
        (
            deploy([{"name": "a", "$patch": "jump"}]),
            Unknown,
            "unknown patch type: jump in map: map[$patch:jump name:a]",
        ),
        (
            deploy([{"name": "a", "$patch": "merge"}]),
            Unknown,
            "merging lists cannot yet be specified in the patch",
        ),
        (
            {"spec": {"$setElementOrder": []}},
            BadRequest,
            "invalid patch format of setElementOrder list",
        ),
    ],
)
def test_what_upstream_says_of_bad_strategic_patches(patch, error, message):
    with pytest.raises(error) as refused:
        strategic.apply(patch, deploy([{"name": "a"}]), deployment())
    assert refused.value.message == message


def two_way(old, new, schema):
    """A strategic patch that makes `old` into `new`, as kubectl computes it."""
    patch = {}
    for key in sorted({*old, *new}):
        if key not in new:
            patch[key] = None
            continue
        if key in old and old[key] == new[key]:
            continue
        field = schema.field(key)
        if key not in old:
            patch[key] = new[key]
        elif isinstance(new[key], dict):
            patch[key] = two_way(old[key], new[key], field)
        elif isinstance(new[key], list) and "merge" in field.patch_strategies:
            merge_key = field.merge_key
            if merge_key:
                was = {item[merge_key]: item for item in old[key]}
                items = []
                for item in new[key]:
                    name = item[merge_key]
                    if name not in was:
                        items.append(item)
                    elif was[name] != item:
                        changed = two_way(was[name], item, field.element)
                        items.append({**changed, merge_key: name})
                kept = {item[merge_key] for item in new[key]}
                items += [{"$patch": "delete", merge_key: name} for name in was if name not in kept]
                patch[f"$setElementOrder/{key}"] = [
                    {merge_key: item[merge_key]} for item in new[key]
                ]
            else:
                items = [item for item in new[key] if item not in old[key]]
                removed = [item for item in old[key] if item not in new[key]]
                if removed:
                    patch[f"$deleteFromPrimitiveList/{key}"] = removed
                patch[f"$setElementOrder/{key}"] = new[key]
            if items:
                patch[key] = items
        else:
            patch[key] = new[key]
    return patch


names = st.sampled_from(["a", "b", "c", "d"])


def keyed(item):
    return st.lists(item, min_size=1, max_size=4, unique_by=lambda one: one["name"])


env = st.fixed_dictionaries({"name": names}, optional={"value": st.sampled_from(["1", "2"])})
container = st.fixed_dictionaries(
    {"name": names, "image": st.sampled_from(["x", "y"])},
    optional={"env": keyed(env), "args": st.lists(names, min_size=1, max_size=3)},
)
pods = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"labels": st.dictionaries(names, names, min_size=1)},
            optional={"finalizers": st.lists(names, min_size=1, unique=True)},
        ),
        "spec": st.fixed_dictionaries(
            {"containers": keyed(container)}, optional={"hostNetwork": st.booleans()}
        ),
    }
)


@settings(max_examples=150)
@given(pods, pods)
def test_a_two_way_diff_reproduces_its_target(old, new):
    before = copy.deepcopy(old)
    patch = two_way(old, new, pod())
    kept = copy.deepcopy(patch)
    assert strategic.apply(patch, old, pod()) == new
    assert (old, patch) == (before, kept)


def test_recorded_patches_have_the_recorded_effect():
    """What a patch names must come out as recorded; defaults and status are others' business."""
    if not ORACLE.exists():
        pytest.skip("shared/oracle is not beside this checkout")
    schemas = Schemas.load(36)
    checked = 0
    for dialogue in json.loads(ORACLE.read_text()):
        last = {}
        for step in dialogue["steps"]:
            request, response = step["request"], step["response"]
            path = request["path"].partition("?")[0]
            apply = PATCHES.get(request.get("contentType") or "")
            if apply and path in last and step["status"] == 200:
                old = last[path]
                group, _, version = old["apiVersion"].rpartition("/")
                schema = schemas.definition(group, version, old["kind"])
                new = apply(request["body"], old, schema)
                for part in ("data", "spec"):
                    contains(response.get(part, {}), new.get(part, {}), path)
                checked += 1
            if step["status"] in (200, 201) and "metadata" in (response or {}):
                name = response["metadata"].get("name", "")
                last[f"{path}/{name}" if request["method"] == "POST" else path] = response
    assert checked >= 5


def contains(recorded, made, path):
    """What was recorded has all that was made, in the same order, but for the replica count."""
    if isinstance(made, dict):
        for key, value in made.items():
            if value is not None and (path, key) not in BEHIND_THE_RECORDING:
                contains(recorded.get(key), value, path)
    elif isinstance(made, list):
        assert len(recorded) == len(made)
        for one, other in zip(recorded, made, strict=True):
            contains(one, other, path)
    else:
        assert recorded == made, path


# Set through /scale in between, which this test does not follow.
BEHIND_THE_RECORDING = {("/apis/apps/v1/namespaces/t-dep/deployments/d", "replicas")}
