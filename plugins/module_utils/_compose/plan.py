"""Which containers have to be made, replaced, started or removed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.tiketi.platform.plugins.module_utils._compose.model import Container, Project, Unit

CREATE, REPLACE, START, KEEP = "create", "replace", "start", "keep"


@dataclass(frozen=True)
class Step:
    unit: Unit
    action: str

    @property
    def text(self) -> str:
        return f"{self.action} {self.unit.container} ({self.unit.service.image})"


@dataclass(frozen=True)
class Plan:
    steps: Sequence[Step]  # in the order of the services, replicas one after another
    remove: Sequence[str]

    @property
    def actions(self) -> list[str]:
        return [step.text for step in self.steps if step.action != KEEP] + [f"remove {name}" for name in self.remove]


# A container that serves goes only after those beside it that do not, and after those beside it were asked.
ORDER = {CREATE: 0, START: 0, KEEP: 1, REPLACE: 3}


def plan(project: Project, definitions: Mapping[str, str], found: Mapping[str, Container]) -> Plan:
    steps, ranks = [], {}
    places = {service.name: place for place, service in enumerate(project.services)}
    for unit in project.units:
        current = found.get(unit.container)
        if current is None:
            action = CREATE
        elif current.definition != definitions[unit.container]:
            action = REPLACE
        else:
            action = KEEP if current.running else START
        steps.append(Step(unit, action))
        idle = action == REPLACE and current is not None and not current.running
        ranks[unit.container] = (places[unit.service.name], 2 if idle else ORDER[action], unit.number)
    steps.sort(key=lambda step: ranks[step.unit.container])
    wanted = {unit.container for unit in project.units}
    return Plan(steps, sorted(set(found) - wanted))
