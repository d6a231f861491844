"""The walk: a state machine whose steps are users, administrators, outages and deaths, and whose state is real."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from typing_extensions import override

from tests.walk.people import People
from tests.walk.weather import API, LITELLM

BETWEEN_RESTS: Final = 15
"""Steps after which a walk may come to rest in its middle."""
_LONG: Final = st.integers(1, 4)


class Walk(People):
    """What happens to servers and operators between the steps of people; at its end all has to be well."""

    @rule(deed=st.sampled_from(["saved", "set back", "emptied"]))
    def back_up(self, deed: str) -> None:
        does = {"saved": self.backups.save, "set back": self.backups.restore, "emptied": self.backups.empty}
        self.take(f"LiteLLM's tables of keys are {deed}", does[deed])

    @rule(trouble=st.sampled_from(sorted(LITELLM)), once=st.booleans(), steps=_LONG)
    def trouble_litellm(self, trouble: str, *, once: bool, steps: int) -> None:
        self._trouble("LiteLLM", trouble, once=once, steps=steps)

    @rule(trouble=st.sampled_from(sorted(API)), once=st.booleans(), steps=_LONG)
    def trouble_api_server(self, trouble: str, *, once: bool, steps: int) -> None:
        self._trouble("API server", trouble, once=once, steps=steps)

    @rule()
    def clear_up(self) -> None:
        self.take("all troubles are over", self.weather.clear)

    @rule(deed=st.sampled_from(["is killed", "ends"]))
    def restart_operator(self, deed: str) -> None:
        def act() -> None:
            operator = self.ground.operators[0]
            if deed == "ends":
                operator.terminate()
            else:
                operator.kill9()
            operator.start()
            self._await_operator()

        self.take(f"the operator {deed} and begins anew", act)

    @rule()
    def add_seed(self) -> None:
        def act() -> None:
            self.deeds.add_seed()
            self._await_operator()

        self.take("a seed is added, and the operator is killed and begins anew", act)

    @rule()
    def double_operator(self) -> None:
        if len(self.ground.operators) > 1:
            self.take("the second operator is killed", lambda: self.ground.operators.pop().kill9())
        else:
            self.take("a second operator begins", lambda: self.ground.operator("second"))

    @rule()
    def wait_a_while(self) -> None:
        self.take("a while goes by", lambda: self.wait(self.has_caught_up))

    @precondition(lambda self: self.since_rest >= BETWEEN_RESTS)
    @rule()
    def come_to_rest(self) -> None:
        def act() -> None:
            self.rest.come()
            self.ground.set_roles()

        self.take("all comes to rest", act)
        self.since_rest = 0

    @override
    def teardown(self) -> None:
        def act() -> None:
            self.rest.end()
            self.require_safety()
            assert not (bugs := self.ground.bugs()), bugs
            assert self.ground.operators[0].terminate() == 0

        if self.begun:
            self.take("the end: all comes to rest", self.rest.come)
            self.take("the end: all are deleted", act)

    def _await_operator(self) -> None:
        operator = self.ground.operators[0]
        self.wait(lambda: bool(operator.logged("serving")) and operator.page("/readyz")[0] == HTTPStatus.OK)

    def _trouble(self, where: str, name: str, *, once: bool, steps: int) -> None:
        told = f"{where}: {name}, {'once' if once else f'for {steps} steps'}"
        self.take(told, lambda: self.weather.begin(where, name, once=once, steps=steps))
