"""What a stack is to run, and where."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from regulars.stack.services import SERVICES, Service

PLAN_VARIABLE = "REGULARS_PLAN"
"""Environment variable of the process that carries a plan out."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run, and where. Addresses of one's own take the place of PostgreSQL, Kafka and the mail sink.

    `tied`: the stack ends when its standard input does, that is, with the command that started it, however that ends.
    """

    folder: Path
    services: tuple[Service, ...] = SERVICES
    set_clock: bool = False
    log_level: str = "INFO"
    database_url: str | None = None
    kafka: str | None = None
    mail: dict[str, str] = field(default_factory=dict)
    tied: bool = False
    processes: int = 1
    """Of each service."""
    console: bool = False
    """Whether the console is a part of it, which asks all services."""

    def to_json(self) -> str:
        """For the environment of the process that carries it out."""
        return json.dumps(asdict(self) | {"folder": str(self.folder)})

    @classmethod
    def from_json(cls, text: str) -> "Plan":
        """The plan that ``to_json`` wrote."""
        raw = json.loads(text)
        services = tuple(Service(**each) for each in raw.pop("services"))
        return cls(**raw | {"folder": Path(raw["folder"]), "services": services})
