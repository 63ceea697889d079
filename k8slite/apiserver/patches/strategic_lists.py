"""Lists in strategic merge patches: merged by key, or as sets of scalars, and put in order.

The order of the result (upstream: preserve-order-in-strategic-merge-patch): what the patch names
follows the patch; what only the server has follows the server; between the two, the server's
order decides where it knows both, else the patch's items come first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

Json = dict[str, Any]


class PatchRefused(Exception):
    """A patch that does not fit the object; upstream answers 500."""


class PatchFormatWrong(PatchRefused):
    """A patch that is wrong in itself; upstream answers 400."""


@frozen
class Merge:
    """How a list's items are treated: two of one key, and one that is new."""

    merge: Callable[[Json, Json], Json]
    plain: Callable[[Any], Any]


def merge_list(original: list[Any], patch: list[Any], key: str, how: Merge) -> list[Any]:
    """Both lists merged. Raises PatchRefused."""
    if not original and not patch:
        return original
    if _items_kind(original, patch) is not dict:
        return _in_order(_union(original, patch), patch, original, "")
    if not key:
        raise PatchRefused("cannot merge lists without merge key for type struct")
    original, patch = _obey_directives(original, patch, key)
    return _in_order(_merge_by_key(original, patch, key, how), patch, original, key)


def merge_ordered(
    original: list[Any] | None,
    patch: list[Any] | None,
    order: list[Any],
    key: str,
    how: Merge | None,
) -> list[Any]:
    """Both lists merged, in the order of `$setElementOrder`. Raises PatchRefused.

    One of the lists may be absent; `how` is None for a list that is replaced as a whole.
    """
    _check_order(patch or [], order, key)
    if patch is None:
        merged = original or []
    elif original is None or how is None:
        merged = patch if how is None else how.plain(patch)
    else:
        merged = merge_list(original, patch, key, how)
    if not merged and not original and not patch:
        raise PatchRefused("no elements in any of the given slices")
    return _in_order(merged, order, original or [], key)


def without_items(items: list[Any], removed: list[Any]) -> list[Any]:
    """A list of scalars without some of them."""
    return [item for item in items if item not in removed]


def go_text(value: Any) -> str:
    """A JSON value as Go's %v prints it."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_text(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(go_text(item) for item in value)}]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _items_kind(*lists: list[Any]) -> type | None:
    """The one type of all items. Raises PatchRefused."""
    found: type | None = None
    for items in lists:
        for item in items:
            kind = float if type(item) is int else type(item)
            if found is None:
                found = kind
                if kind is list:
                    raise PatchRefused("lists of lists are not supported")
            elif kind is not found:
                listed = " ".join(go_text(one) for one in lists)
                raise PatchRefused(f"list element types are not identical: [{listed}]")
    return found


def _union(original: list[Any], patch: list[Any]) -> list[Any]:
    return list(dict.fromkeys([*original, *patch]))


def _obey_directives(
    original: list[Any], patch: list[Any], key: str
) -> tuple[list[Any], list[Any]]:
    """Take items with `$patch` out of the patch and do what they say."""
    plain: list[Any] = []
    replaced = False
    for item in patch:
        if _PATCH not in item:
            plain.append(item)
            continue
        directive = item[_PATCH]
        if directive == "delete":
            if key not in item:
                raise PatchRefused(_no_key(item, key))
            original = [one for one in original if one.get(key) != item[key] or key not in one]
        elif directive == "replace":
            replaced = True
        elif directive == "merge":
            raise PatchRefused("merging lists cannot yet be specified in the patch")
        else:
            raise PatchRefused(f"unknown patch type: {go_text(directive)} in map: {go_text(item)}")
    return ([], plain) if replaced else (original, plain)


def _merge_by_key(original: list[Any], patch: list[Any], key: str, how: Merge) -> list[Any]:
    found = list(original)
    for item in patch:
        if key not in item:
            raise PatchRefused(_no_key(item, key))
        i = _find(found, item[key], key)
        if i < 0:
            found.append(how.plain(item))
        else:
            found[i] = how.merge(found[i], item)
    return found


def _in_order(merged: list[Any], order: list[Any], server_order: list[Any], key: str) -> list[Any]:
    """What the patch names and what only the server has, each in its order, then woven together."""
    named: list[tuple[int, Any]] = []
    others: list[tuple[int, Any]] = []
    places = _places(order, key)
    server_places = _places(server_order, key)
    for item in merged:
        identity = _identity(item, key)
        if identity in places:
            named.append((places[identity], item))
        else:
            others.append((server_places.get(identity, -1), item))
    named.sort(key=_place)
    others.sort(key=_place)
    found: list[Any] = []
    i = 0
    for _, item in named:
        place = server_places.get(_identity(item, key), -1)
        while i < len(others) and 0 <= others[i][0] < place:
            found.append(others[i][1])
            i += 1
        found.append(item)
    found.extend(item for _, item in others[i:])
    return found


def _check_order(patch: list[Any], order: list[Any], key: str) -> None:
    """Upstream demands that the patch's items are a part of the order, in that order."""
    if not patch or not order:
        return
    at = 0
    for item in patch:
        if isinstance(item, dict) and _PATCH in item:
            continue
        identity = _identity(item, key)
        while at < len(order) and _identity(order[at], key) != identity:
            at += 1
        if at == len(order):
            raise PatchRefused(
                f"The order in patch list:\n{go_text(patch)}\n doesn't match $setElementOrder "
                f"list:\n{go_text(order)}\n"
            )
        at += 1


def _places(items: list[Any], key: str) -> dict[Any, int]:
    found: dict[Any, int] = {}
    for i, item in enumerate(items):
        found.setdefault(_identity(item, key), i)
    return found


def _identity(item: Any, key: str) -> Any:
    """What tells an item from others: its merge key's value, or itself."""
    if not key:
        if isinstance(item, dict | list):
            raise PatchRefused("cannot merge lists without merge key for type struct")
        return item
    if not isinstance(item, dict):
        raise PatchRefused(
            f"expected a map[string]interface {{}}, but received a {_GO_TYPES.get(type(item), '')}"
        )
    if key not in item:
        raise PatchRefused(_no_key(item, key))
    found = item[key]
    if isinstance(found, dict | list):
        raise PatchRefused(f"the merge key {key} is no scalar")
    return found


def _find(items: list[Any], wanted: Any, key: str) -> int:
    for i, item in enumerate(items):
        if key in item and item[key] == wanted:
            return i
    return -1


def _place(pair: tuple[int, Any]) -> int:
    return pair[0]


def _no_key(item: Any, key: str) -> str:
    return f"map: {go_text(item)} does not contain declared merge key: {key}"


_PATCH: Final = "$patch"
_GO_TYPES: Final = {
    str: "string", int: "int64", float: "float64", bool: "bool", list: "[]interface {}",
    type(None): "nil",
}  # fmt: skip
