"""KubeSchedulerConfiguration: which plugins a profile has, with which weights and arguments.

Read as upstream reads `--config` (kubescheduler.config.k8s.io/v1): what a profile says is merged
over the default plugins, point by point; `multiPoint` stands for every point that a plugin knows.
A plugin of the user's own is named by its path in Python, "package.module:Class".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final

from attrs import Factory, frozen

from k8slite.objects.structure import structure
from k8slite.scheduler.plugin import Plugin
from k8slite.scheduler.plugins import PLUGINS

API_VERSION: Final = "kubescheduler.config.k8s.io/v1"
KIND: Final = "KubeSchedulerConfiguration"
DEFAULT_SCHEDULER: Final = "default-scheduler"


class BadConfiguration(ValueError):
    """The configuration cannot be followed; the text says why."""


@frozen
class NamedPlugin:
    name: str = ""
    weight: int = 0


@frozen
class PluginSet:
    enabled: tuple[NamedPlugin, ...] = ()
    disabled: tuple[NamedPlugin, ...] = ()


@frozen
class Plugins:
    """The sets of a profile; `multi_point` are the plugins at all of their points."""

    pre_enqueue: PluginSet = PluginSet()
    queue_sort: PluginSet = PluginSet()
    pre_filter: PluginSet = PluginSet()
    filter: PluginSet = PluginSet()
    post_filter: PluginSet = PluginSet()
    pre_score: PluginSet = PluginSet()
    score: PluginSet = PluginSet()
    reserve: PluginSet = PluginSet()
    permit: PluginSet = PluginSet()
    pre_bind: PluginSet = PluginSet()
    bind: PluginSet = PluginSet()
    post_bind: PluginSet = PluginSet()
    multi_point: PluginSet = PluginSet()


@frozen
class Profile:
    """One scheduler as pods name it by spec.schedulerName."""

    scheduler_name: str = DEFAULT_SCHEDULER
    percentage_of_nodes_to_score: int | None = None
    plugins: Plugins = Plugins()
    plugin_config: Mapping[str, Mapping[str, Any]] = Factory(dict)  # arguments by plugin


@frozen
class Configuration:
    """All profiles, and what they share."""

    profiles: tuple[Profile, ...] = (Profile(),)
    percentage_of_nodes_to_score: int = 0
    initial_back_off_seconds: float = 1.0  # upstream: `podInitialBackoffSeconds`
    most_back_off_seconds: float = 10.0  # upstream: `podMaxBackoffSeconds`
    extenders: tuple[Mapping[str, Any], ...] = ()


def read_configuration(found: Any) -> Configuration:
    """What a decoded file says. Raises BadConfiguration, ImportError."""
    if not isinstance(found, dict):
        raise BadConfiguration("the scheduler's configuration is not an object")
    if (found.get("apiVersion"), found.get("kind")) != (API_VERSION, KIND):
        raise BadConfiguration(
            f'no kind "{found.get("kind", "")}" is registered for version '
            f'"{found.get("apiVersion", "")}": it must be {KIND} of {API_VERSION}'
        )
    written: Sequence[Mapping[str, Any]] = found.get("profiles") or ({},)
    profiles = tuple(_profile(one) for one in written)
    names = [one.scheduler_name for one in profiles]
    for name in names:
        if names.count(name) > 1:
            raise BadConfiguration(f'profiles: Duplicate value: "{name}"')
    configuration = Configuration(
        profiles,
        found.get("percentageOfNodesToScore") or 0,
        float(found.get("podInitialBackoffSeconds") or 1),
        float(found.get("podMaxBackoffSeconds") or 10),
        tuple(found.get("extenders") or ()),
    )
    if not 0 <= configuration.percentage_of_nodes_to_score <= 100:
        raise BadConfiguration("percentageOfNodesToScore: not in the valid range [0-100]")
    for profile in profiles:
        plugin_types(profile)
    return configuration


def plugin_types(profile: Profile) -> dict[str, type[Plugin]]:
    """Every plugin that a profile names or has by default, by name. Raises BadConfiguration,
    ImportError."""
    found: dict[str, type[Plugin]] = {one.name: one for one in PLUGINS}
    for field in _FIELDS:
        for named in getattr(profile.plugins, field).enabled:
            if named.name not in found:
                found[named.name] = _imported(named.name)
    return found


def at_point(profile: Profile, point: str) -> list[tuple[str, int]]:
    """The names and weights of the plugins at an extension point, in order (upstream:
    `mergePluginSet`, `expandMultiPointPlugins`); a weight of 0 is the plugin's own.

    Plugins that do not know the point are among those of `multi_point`.
    """
    own: PluginSet = getattr(profile.plugins, point)
    several = dict(_merged([(one.name, 0) for one in PLUGINS], profile.plugins.multi_point))
    disabled = {one.name for one in own.disabled}
    chosen = {one.name: one.weight for one in own.enabled}
    # First those of several points that this one names again, then the others of them, then those
    # of this point alone.
    again = [(name, weight or several[name]) for name, weight in chosen.items() if name in several]
    others = [
        (name, weight)
        for name, weight in several.items()
        if name not in chosen and name not in disabled and "*" not in disabled
    ]
    return again + others + [one for one in chosen.items() if one[0] not in several]


def _merged(defaults: Sequence[tuple[str, int]], custom: PluginSet) -> list[tuple[str, int]]:
    """The default plugins without those disabled, re-configured in place, then the new ones."""
    disabled = {one.name for one in custom.disabled}
    chosen = {one.name: one.weight for one in custom.enabled}
    found = []
    for name, weight in defaults:
        if name in disabled or "*" in disabled:
            continue
        found.append((name, chosen.pop(name, weight)))
    return found + list(chosen.items())


def _profile(found: Mapping[str, Any]) -> Profile:
    plugins = structure(dict(found.get("plugins") or {}), Plugins)
    arguments = {one["name"]: one.get("args") or {} for one in found.get("pluginConfig") or ()}
    percentage = found.get("percentageOfNodesToScore")
    name = found.get("schedulerName") or DEFAULT_SCHEDULER
    return Profile(name, percentage, plugins, arguments)


def _imported(path: str) -> type[Plugin]:
    module, _, name = path.partition(":")
    if not name:
        raise BadConfiguration(f'plugin "{path}" does not exist: neither upstream\'s nor a path')
    found = getattr(import_module(module), name, None)
    if not (isinstance(found, type) and issubclass(found, Plugin)):
        raise BadConfiguration(f"{path} is not a class of Plugin")
    return found


_FIELDS: Final = tuple(Plugins.__annotations__)
