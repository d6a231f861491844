"""Wrong versions of the core and its loop, each of which the simulation must catch."""

from typing import Final

from tests.simulation.mutants.ending import ENDING, EXPIRY, RECOVERY
from tests.simulation.mutants.issuing import ALIAS, DOUBT, ISSUE
from tests.simulation.mutants.renewing import RENEWING

MUTANTS: Final = (*DOUBT, *ISSUE, *ALIAS, *ENDING, *RECOVERY, *EXPIRY, *RENEWING)
