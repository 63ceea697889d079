"""All scenarios that `make sim` sweeps."""

from typing import Final

from k8slite.sim.scenario import Scenario
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.scenarios_devices import DEVICES
from tests.simulation.scenarios_ports import PORTS
from tests.simulation.scenarios_scheduling import SCHEDULING
from tests.simulation.scenarios_servers import SERVERS
from tests.simulation.scenarios_sets import SETS
from tests.simulation.scenarios_stages import STAGED
from tests.simulation.scenarios_surroundings import SURROUNDINGS
from tests.simulation.scenarios_volumes import VOLUMES

SWEPT: Final[tuple[type[Scenario], ...]] = (
    *SCENARIOS,
    *SETS,
    *VOLUMES,
    *DEVICES,
    *SERVERS,
    *SCHEDULING,
    *SURROUNDINGS,
    *STAGED,
    *PORTS,
)
