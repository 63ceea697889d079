"""From what the configuration says of a profile to its plugins at work."""

from __future__ import annotations

from typing import TypeVar

from attrs import evolve

from k8slite.scheduler.configuration import (
    BadConfiguration,
    Configuration,
    Profile,
    at_point,
    plugin_types,
)
from k8slite.scheduler.framework import Enabled, Framework
from k8slite.scheduler.plugin import (
    BindPlugin,
    FilterPlugin,
    PermitPlugin,
    Plugin,
    PostBindPlugin,
    PostFilterPlugin,
    PreBindPlugin,
    PreEnqueuePlugin,
    QueueSortPlugin,
    ReservePlugin,
    ScorePlugin,
    Setting,
)

P = TypeVar("P", bound=Plugin)


def frameworks_of(configuration: Configuration, setting: Setting) -> dict[str, Framework]:
    """The framework of each profile, by the name that pods have in spec.schedulerName.

    Raises BadConfiguration, ImportError, and what plugins raise for their arguments.
    """
    found = {}
    for profile in configuration.profiles:
        percentage = profile.percentage_of_nodes_to_score
        if percentage is None:
            percentage = configuration.percentage_of_nodes_to_score
        found[profile.scheduler_name] = Framework(
            enabled_of(profile, setting),
            setting.snapshot,
            setting.chance,
            percentage_of_nodes=percentage,
        )
    return found


def enabled_of(profile: Profile, setting: Setting) -> Enabled:
    """The plugins of a profile at their points, each made once. Raises as `frameworks_of`."""
    types = plugin_types(profile)
    made: dict[str, Plugin] = {}

    def named(name: str) -> Plugin:
        if name not in made:
            arguments = profile.plugin_config.get(name, {})
            made[name] = types[name](evolve(setting, args=arguments))
        return made[name]

    def at(point: str, kind: type[P]) -> list[tuple[P, int]]:
        plugins = [(named(name), weight) for name, weight in at_point(profile, point)]
        return [(one, weight) for one, weight in plugins if isinstance(one, kind)]

    def all_at(point: str, kind: type[P]) -> tuple[P, ...]:
        return tuple(one for one, _ in at(point, kind))

    queue_sorts = all_at("queue_sort", QueueSortPlugin)
    binds = all_at("bind", BindPlugin)
    if len(queue_sorts) != 1:
        raise BadConfiguration(
            f"one queue sort plugin required for profile with scheduler name "
            f'"{profile.scheduler_name}", but got {len(queue_sorts)}'
        )
    if not binds:
        raise BadConfiguration(
            "at least one bind plugin is needed for profile with scheduler name "
            f'"{profile.scheduler_name}"'
        )
    scores = tuple((one, weight or one.weight) for one, weight in at("score", ScorePlugin))
    return Enabled(
        queue_sorts[0],
        all_at("pre_enqueue", PreEnqueuePlugin),
        all_at("filter", FilterPlugin),
        all_at("post_filter", PostFilterPlugin),
        scores,
        all_at("reserve", ReservePlugin),
        all_at("permit", PermitPlugin),
        all_at("pre_bind", PreBindPlugin),
        binds,
        all_at("post_bind", PostBindPlugin),
    )
