"""Rolling a project out: one container at a time, each healthy before the next, and back to what was there when one is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.tiketi.platform.plugins.module_utils._compose.engine import Engine
from ansible_collections.tiketi.platform.plugins.module_utils._compose.errors import ComposeError
from ansible_collections.tiketi.platform.plugins.module_utils._compose.files import COMPOSE, File, Folder
from ansible_collections.tiketi.platform.plugins.module_utils._compose.front import Front
from ansible_collections.tiketi.platform.plugins.module_utils._compose.gate import await_healthy
from ansible_collections.tiketi.platform.plugins.module_utils._compose.model import Container, Project, Unit
from ansible_collections.tiketi.platform.plugins.module_utils._compose.plan import CREATE, KEEP, START, Plan, Step


@dataclass
class Rollout:
    engine: Engine
    folder: Folder
    front: Front | None = None
    notes: list[str] = field(default_factory=list)

    def apply(self, project: Project, plan: Plan, files: Mapping[str, File], found: Mapping[str, Container]) -> None:
        """Raise when the project is not as desired afterwards; then it is as it was before, as far as it was there."""
        for image in dict.fromkeys(step.unit.service.image for step in plan.steps):
            if not self.engine.has_image(image):
                self.engine.pull(image)
        # A rollout that was killed left its own beginning in the folder, and what was before it beside.
        before = self.folder.previous() or self.folder.read()
        if plan.actions:
            self.folder.keep_previous(before)
        self.folder.write(files)
        done: list[Step] = []
        try:
            for step in plan.steps:
                if step.action != KEEP:
                    done.append(step)
                self._roll(project.name, step)
        except ComposeError as error:
            raise ComposeError(f"{error}\n{self._take_back(project.name, done, before, found)}") from None
        for name in plan.remove:
            self.engine.remove(name, 30)
        self.folder.drop_previous()

    def _roll(self, project: str, step: Step) -> None:
        unit = step.unit
        if step.action == KEEP:
            await_healthy(self.engine, unit)
            if self.front and unit.service.replicas > 1:
                self.front.ready(unit.name)  # a rollout that was killed may have left it drained
            return
        self._replace(project, unit, remove=step.action not in (CREATE, START))

    def _replace(self, project: str, unit: Unit, remove: bool) -> None:
        front = self.front if unit.service.replicas > 1 else None
        if front:
            left = front.drain(unit.name, unit.service.stop_grace if remove else 0)
            if left and remove:
                self.notes.append(f"{unit.container} had {left} requests under way after {unit.service.stop_grace} s")
        if remove:
            self.engine.remove(unit.container, unit.service.stop_grace)
        self.engine.up(project, str(self.folder.path / COMPOSE), unit.name)
        seconds = await_healthy(self.engine, unit)
        self.notes.append(f"{unit.container} healthy after {seconds:.1f} s")
        if front:
            front.ready(unit.name)

    def _take_back(
        self, project: str, done: Sequence[Step], before: Mapping[str, File], found: Mapping[str, Container]
    ) -> str:
        """The newest first: it is the one that failed, the others still serve with what they have."""
        back = [step.unit for step in reversed(done) if step.unit.container in found]
        if not done:
            return "Nothing was changed."
        if not back or COMPOSE not in before:
            return "There was nothing before it to go back to; it is left as it is, to be looked at."
        self.folder.write(before)
        for unit in back:
            try:
                self._replace(project, unit, remove=True)
            except ComposeError as error:
                return f"Going back failed as well, at {unit.container}: {error}"
        self.folder.drop_previous()
        return f"Taken back: {', '.join(unit.container for unit in back)} run as before."
