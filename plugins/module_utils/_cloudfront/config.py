"""A DistributionConfig laid over the one that CloudFront has: only what is named is compared and changed.

CloudFront fills in dozens of members by itself, and adds new ones over the years. Comparing whole documents therefore finds
a difference at every run; comparing what was asked for does not.
"""

from __future__ import annotations

from typing import Any

# Lists whose items have a name of their own: that member. Other lists are compared as sets.
ITEM_NAMES = {
    "CacheBehaviors": "PathPattern",
    "CustomErrorResponses": "ErrorCode",
    "CustomHeaders": "HeaderName",
    "FunctionAssociations": "EventType",
    "LambdaFunctionAssociations": "EventType",
    "OriginGroups": "Id",
    "Origins": "Id",
}
ORDERED = {"CacheBehaviors"}  # the first pattern that fits wins
# Members that exclude each other: what differs is replaced as a whole, since a mixture is refused.
WHOLE = {"ViewerCertificate"}
BEFORE_POLICIES = {"ForwardedValues", "MinTTL", "DefaultTTL", "MaxTTL"}
MISSING = object()


def listed(value: Any) -> Any:
    """Plain lists as CloudFront writes them, {Quantity, Items}; empty ones without Items."""
    if isinstance(value, list):
        return _block([listed(item) for item in value])
    if isinstance(value, dict):
        made = {key: listed(item) for key, item in value.items() if key not in ("Items", "Quantity")}
        if "Items" in value or "Quantity" in value:
            made.update(_block([listed(item) for item in value.get("Items") or []]))
        return made
    return value


def merge(current: Any, wish: Any, name: str = "") -> Any:
    """Current with the wish laid over it; equal to current when nothing differs. Both come from listed()."""
    if not isinstance(wish, dict):
        return wish
    have = current if isinstance(current, dict) else {}
    merged = {key: item for key, item in have.items() if key not in ("Items", "Quantity")}
    for key, value in wish.items():
        if value is None:
            merged.pop(key, None)
        elif key not in ("Items", "Quantity"):
            merged[key] = merge(have.get(key), value, key)
    if "Quantity" in wish:
        merged.update(_block(_merge_items(have.get("Items") or [], wish.get("Items") or [], name)))
    elif "Quantity" in have:
        merged.update(_block(have.get("Items") or []))
    if wish.get("CachePolicyId"):
        merged = {key: item for key, item in merged.items() if key not in BEFORE_POLICIES}
    if name in WHOLE and merged != current:
        return without_nulls(wish)
    return merged


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def differences(before: Any, after: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """Path of each differing leaf -> (before, after); None stands for what is not there."""
    if isinstance(before, dict) and isinstance(after, dict):
        found: dict[str, tuple[Any, Any]] = {}
        name = path.rpartition(".")[2]
        for key in sorted(before.keys() | after.keys()):
            if key == "Items" and name in ITEM_NAMES:
                found.update(_item_differences(before.get(key, []), after.get(key, []), path, ITEM_NAMES[name]))
            elif key != "Quantity":
                inner = path if key == "Items" else f"{path}.{key}".lstrip(".")
                found.update(differences(before.get(key), after.get(key), inner))
        return found
    return {} if before == after else {path: (before, after)}


def _block(items: list[Any]) -> dict[str, Any]:
    return {"Quantity": len(items), "Items": items} if items else {"Quantity": 0}


def _merge_items(have: list[Any], wish: list[Any], name: str) -> list[Any]:
    key = ITEM_NAMES.get(name)
    if key is None:
        same = len(have) == len(wish) and all(item in have for item in wish)
        return have if same else wish
    known = {item.get(key): item for item in have}
    merged = {item.get(key): merge(known.get(item.get(key)), item) for item in wish}
    if name not in ORDERED and merged.keys() == known.keys():
        return [merged[item.get(key)] for item in have]
    return list(merged.values())


def _item_differences(
    before: list[dict[str, Any]], after: list[dict[str, Any]], path: str, key: str
) -> dict[str, tuple[Any, Any]]:
    old, new = ({item.get(key): item for item in items} for items in (before, after))
    found: dict[str, tuple[Any, Any]] = {}
    for name in dict.fromkeys([*old, *new]):
        found.update(differences(old.get(name), new.get(name), f"{path}[{name}]"))
    if not found and list(old) != list(new):
        found[f"{path} order"] = (list(old), list(new))
    return found
