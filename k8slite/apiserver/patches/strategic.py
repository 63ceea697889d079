"""Strategic merge patch: as a merge patch, but lists merge by the keys that the schema names.

Upstream: `apimachinery/pkg/util/strategicpatch`. Directives inside a patch:

    $patch: replace | delete | merge       of the object that it stands in
    $retainKeys: [a, b]                    all other fields of the object go
    $setElementOrder/<list>: [...]         the order of a merged list
    $deleteFromPrimitiveList/<list>: [...] what is taken out of a list of scalars
"""

from __future__ import annotations

from typing import Any, Final

from k8slite.apiserver.patches.strategic_lists import (
    Merge,
    PatchFormatWrong,
    PatchRefused,
    go_text,
    merge_list,
    merge_ordered,
    without_items,
)
from k8slite.objects.errors import BadRequest, Unknown
from k8slite.objects.schema import Schema
from k8slite.objects.schema_scalars import json_kind

Json = dict[str, Any]

_PATCH: Final = "$patch"
_RETAIN: Final = "$retainKeys"
_ORDER: Final = "$setElementOrder"
_REMOVE: Final = "$deleteFromPrimitiveList"


def apply(patch: Any, obj: Json, definition: Schema | None) -> Json:
    """The object with the patch merged in by its schema.

    Raises BadRequest for a malformed patch, and Unknown (as upstream, status 500) where it does
    not fit the object.
    """
    if not isinstance(patch, dict):
        raise BadRequest(
            f"json: cannot unmarshal {json_kind(patch)} into Go value of type "
            "map[string]interface {}"
        )
    try:
        return _merge(obj, patch, definition)
    except PatchFormatWrong as error:
        raise BadRequest(str(error)) from None
    except PatchRefused as error:
        raise Unknown(str(error)) from None
    except RecursionError:
        raise BadRequest("exceeded max depth") from None


def _merge(original: Json, patch: Json, schema: Schema | None) -> Json:
    if _PATCH in patch:
        return _directed(patch)
    found = dict(original)
    patch = dict(patch)
    if _RETAIN in patch:
        _retain(found, patch)
    for key in [key for key in patch if key.startswith(_ORDER)]:
        _merge_in_order(found, patch, key, schema)
    for key, value in patch.items():
        if key.startswith(_REMOVE):
            _remove(found, _list_name(key, _REMOVE), value, schema)
        elif value is None:
            found.pop(key, None)
        elif key not in found or json_kind(found[key]) != json_kind(value):
            found[key] = _plain(value)
        else:
            found[key] = _merge_value(found[key], value, key, schema)
    return found


def _directed(patch: Json) -> Json:
    """An object whose patch says what is to become of it as a whole."""
    directive = patch[_PATCH]
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _PATCH}
    if directive == "delete":
        return {}
    raise PatchRefused(f"unknown patch type: {go_text(directive)} in map: {go_text(patch)}")


def _merge_value(old: Any, new: Any, key: str, schema: Schema | None) -> Any:
    field = _field(schema, key)
    if isinstance(new, dict):
        if _strategy(field) == "replace":
            return new
        return _merge(old, new, field)
    if isinstance(new, list):
        if _strategy(field) != "merge":
            return new
        assert field is not None
        return merge_list(old, new, field.merge_key, _item_merge(field))
    return new


def _item_merge(field: Schema) -> Merge:
    """How two items of a list become one; None where a field is only ordered, never merged."""
    element = field.element

    def merge(old: Json, new: Json) -> Json:
        return _merge(old, new, element)

    return Merge(merge, _plain)


def _retain(found: Json, patch: Json) -> None:
    """Only the fields that the patch lists stay."""
    kept = patch.pop(_RETAIN)
    if not isinstance(kept, list):
        raise PatchFormatWrong("invalid patch format of retainKeys")
    for key, value in patch.items():
        if value is not None and not key.startswith((_REMOVE, _ORDER)) and key not in kept:
            raise PatchFormatWrong("invalid patch format of retainKeys")
    for key in [key for key in found if key not in kept]:
        del found[key]


def _merge_in_order(found: Json, patch: Json, directive: str, schema: Schema | None) -> None:
    """Merge one list and put it in the order that the patch says."""
    order = patch.pop(directive)
    key = _list_name(directive, _ORDER)
    if not isinstance(order, list):
        raise PatchRefused(f"expected a []interface {{}}, but received a {_go_type(order)}")
    if key not in found and key not in patch:
        return
    for side in (found, patch):
        if key in side and not isinstance(side[key], list):
            raise PatchRefused(f"expected a []interface {{}}, but received a {_go_type(side[key])}")
    field = _field(schema, key)
    if field is None or field.shape != "list":
        raise PatchRefused(_absent(schema, key))
    old, new = found.get(key), patch.pop(key, None)
    replaced = _strategy(field) != "merge"
    found[key] = merge_ordered(
        old, new, order, field.merge_key, None if replaced else _item_merge(field)
    )


def _remove(found: Json, key: str, items: Any, schema: Schema | None) -> None:
    """Take scalars out of a list."""
    if key not in found:
        return
    if not isinstance(found[key], list) or not isinstance(items, list):
        raise PatchFormatWrong("invalid patch format of primitive list")
    if _strategy(_field(schema, key)) != "merge":
        # Upstream takes the list for the new one; that is what is done to such a field.
        found[key] = items
    else:
        found[key] = without_items(found[key], items)


def _plain(value: Any) -> Any:
    """A value that is new as a whole: without directives, nulls and what is to be deleted."""
    if isinstance(value, dict):
        return {
            key: _plain(item)
            for key, item in value.items()
            if item is not None and not key.startswith(_DIRECTIVES)
        }
    if isinstance(value, list):
        return [_plain(item) for item in value if not _is_marker(item)]
    return value


def _is_marker(item: Any) -> bool:
    """Whether a list's item only says what to do: it deletes, or has nothing but a directive."""
    return isinstance(item, dict) and (
        item.get(_PATCH) == "delete" or (_PATCH in item and len(item) == 1)
    )


def _field(schema: Schema | None, key: str) -> Schema | None:
    """A field's schema; None inside JSON that nobody describes.

    Raises PatchRefused where the schema knows all fields and this is none of them.
    """
    if schema is None or schema.shape not in ("struct", "map"):
        return None
    found = schema.field(key)
    if found is None and list(schema.field_names()):
        raise PatchRefused(_absent(schema, key))
    return found


def _absent(schema: Schema | None, key: str) -> str:
    struct = schema.name.rpartition(".")[2] if schema is not None else ""
    return f'unable to find api field in struct {struct} for the json field "{key}"'


def _strategy(field: Schema | None) -> str:
    """`merge`, `replace` or "" (which for lists is as replace, for objects as merge)."""
    if field is None:
        return ""
    return next((one for one in field.patch_strategies if one != "retainKeys"), "")


def _list_name(key: str, prefix: str) -> str:
    head, slash, name = key.partition("/")
    if head == prefix and slash:
        return name
    what = "primitive list" if prefix == _REMOVE else "setElementOrder list"
    raise PatchFormatWrong(f"invalid patch format of {what}")


def _go_type(value: Any) -> str:
    return {
        "object": "map[string]interface {}", "array": "[]interface {}", "number": "int64",
        "null": "nil",
    }.get(json_kind(value), json_kind(value))  # fmt: skip


_DIRECTIVES: Final = (_PATCH, _RETAIN, _ORDER, _REMOVE)
