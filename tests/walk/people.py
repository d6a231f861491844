"""The steps that users and administrators take."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.walk.deeds import (
    BY_HAND,
    CREDENTIAL_DEEDS,
    DELETED,
    EDITS,
    GLASS,
    ROLE_EDITS,
    SECRET_DEEDS,
    STRIPPED,
)
from tests.walk.steps import NAME, ROLE, Steps

_ENDS: Final = st.sampled_from(["", "", STRIPPED, GLASS])


class People(Steps):
    """They come together, and past every trouble."""

    @rule(name=NAME, role=ROLE)
    def apply(self, name: str, role: str) -> None:
        self.take(f"{name} is applied, of role {role}", lambda: self.deeds.apply(name, role))

    @rule(name=NAME, change=st.sampled_from(sorted(EDITS)))
    def edit(self, name: str, change: str) -> None:
        self.take(f"{name} is edited: {change}", lambda: self.deeds.edit(name, EDITS[change]))

    @rule(name=NAME)
    def rotate(self, name: str) -> None:
        self.take(f"{name} is to rotate", lambda: self.deeds.rotate(name))

    @rule(name=NAME, how=_ENDS)
    def delete(self, name: str, how: str) -> None:
        self.take(f"{name} is deleted {how}", lambda: self.deeds.delete(name, how))

    @rule(name=NAME, how=_ENDS, role=ROLE)
    def make_anew(self, name: str, how: str, role: str) -> None:
        def act() -> None:
            self.deeds.delete(name, how)
            self.wait(lambda: self.deeds.gone(name))
            self.deeds.apply(name, role)

        self.take(f"{name} is deleted {how} and made anew, of role {role}", act)

    @rule(name=NAME, on=st.booleans())
    def pause(self, name: str, *, on: bool) -> None:
        self.take(f"{name} is paused{'' if on else ' no more'}", lambda: self.deeds.pause(name, on=on))

    @rule(name=NAME)
    def strip(self, name: str) -> None:
        self.take(f"{name} loses its finalizer", lambda: self.deeds.strip(name))

    @rule(name=NAME)
    def clear_status(self, name: str) -> None:
        self.take(f"{name} loses its status", lambda: self.deeds.clear_status(name))

    @rule(name=NAME, deed=st.sampled_from(SECRET_DEEDS))
    def touch_secret(self, name: str, deed: str) -> None:
        self.take(f"the Secret of {name} is {deed}", lambda: self.deeds.touch_secret(name, deed))

    @rule(name=NAME, deed=st.sampled_from([DELETED, *sorted(BY_HAND)]))
    def do_by_hand(self, name: str, deed: str) -> None:
        self.take(f"the key of {name} in LiteLLM, by hand: {deed}", lambda: self.deeds.by_hand(name, deed))

    @rule(name=NAME)
    def squat(self, name: str) -> None:
        self.take(f"a stranger wants the alias of {name}", lambda: self.deeds.squat(name))

    @rule(role=ROLE, change=st.sampled_from(sorted(ROLE_EDITS)))
    def edit_role(self, role: str, change: str) -> None:
        self.take(f"role {role} is edited: {change}", lambda: self.deeds.edit_role(role, ROLE_EDITS[change]))

    @rule(deed=st.sampled_from(CREDENTIAL_DEEDS))
    def spoil_credential(self, deed: str) -> None:
        self.take(f"the credential for LiteLLM is {deed}", lambda: self.deeds.spoil_credential(deed))
