"""What is thought to be over must be over on the proxy's clock, whatever its answers take."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from litellm_key_operator.gateway.clock import ProxyClock

START = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


@dataclass
class Proxy:
    """A proxy whose clock is `ahead` of ours and whose `Date` is renewed every `renewal` seconds."""

    ahead: float
    renewal: float = 1.0
    passed: float = 0.0

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    def wall(self) -> float:
        return START + self.passed

    def there(self) -> float:
        return START + self.passed + self.ahead

    def date(self) -> str:
        renewed = self.passed // self.renewal * self.renewal
        return format_datetime(datetime.fromtimestamp(int(START + self.ahead + renewed), UTC), usegmt=True)

    def answer(self, clock: ProxyClock, there: float = 0.01, back: float = 0.01) -> None:
        sent = self.monotonic()
        self.passed += there
        date = self.date()
        self.passed += back
        clock.heard(date, sent, self.monotonic())

    def error(self, clock: ProxyClock) -> float:
        """Seconds by which the clock is later than the proxy's."""
        return clock.now().timestamp() - self.there()

    def guess(self, clock: ProxyClock) -> float:
        """Seconds by which its guess is later than the proxy's."""
        return clock.likely_now().timestamp() - self.there()


def clock_for(proxy: Proxy) -> ProxyClock:
    return ProxyClock(proxy.wall, proxy.monotonic)


def test_before_the_first_answer_it_is_our_clock() -> None:
    assert clock_for(Proxy(ahead=100)).now() == datetime.fromtimestamp(START, UTC)


@pytest.mark.parametrize("ahead", [-3600.5, -0.7, 0.0, 0.3, 90.25])
@pytest.mark.parametrize("renewal", [0.001, 1.0])
def test_it_is_never_later_and_soon_less_than_a_second_behind(ahead: float, renewal: float) -> None:
    proxy = Proxy(ahead, renewal)
    clock, chance = clock_for(proxy), random.Random(1)  # noqa: S311
    for _ in range(50):
        proxy.answer(clock, chance.uniform(0.001, 0.05), chance.uniform(0.001, 0.05))
        proxy.passed += chance.uniform(0, 0.1)
        assert -2.2 < proxy.error(clock) <= 1e-6
    assert proxy.error(clock) > -1.0


def test_a_slow_answer_does_not_make_it_later() -> None:
    proxy = Proxy(ahead=10)
    clock = clock_for(proxy)
    proxy.answer(clock, there=14, back=0.01)
    assert proxy.error(clock) <= 1e-6
    proxy.answer(clock, there=0.01, back=14)
    assert -2.2 < proxy.error(clock) <= 1e-6


def test_it_stays_as_it_is_while_answers_agree_but_for_what_age_takes() -> None:
    proxy = Proxy(ahead=5, renewal=0.001)
    clock = clock_for(proxy)
    for _ in range(200):
        proxy.answer(clock)
    offset = proxy.error(clock)
    for _ in range(200):
        proxy.answer(clock, there=0.3)
        proxy.answer(clock, back=0.3)
        assert proxy.error(clock) == pytest.approx(offset, abs=4e-2)


@pytest.mark.parametrize("step", [-60.0, -3.0, 60.0])
def test_a_clock_that_was_set_is_followed_at_once(step: float) -> None:
    proxy = Proxy(ahead=0)
    clock = clock_for(proxy)
    for _ in range(100):
        proxy.answer(clock)
    proxy.ahead += step
    proxy.answer(clock)
    assert -2.2 < proxy.error(clock) <= 1e-6


@pytest.mark.parametrize("date", [None, "", "yesterday", "Wed, 99 Nov 2026 02:15:03 GMT"])
def test_what_is_no_date_is_passed_over(date: str | None) -> None:
    proxy = Proxy(ahead=3)
    clock = clock_for(proxy)
    clock.heard(date, 1000.0, 1000.0)
    assert clock.now() == datetime.fromtimestamp(START, UTC)


def test_our_wall_clock_does_not_matter_after_an_answer() -> None:
    proxy = Proxy(ahead=0)
    wall = [START]
    clock = ProxyClock(lambda: wall[0], proxy.monotonic)
    proxy.answer(clock)
    wall[0] += timedelta(days=1).total_seconds()
    assert -2.2 < proxy.error(clock) <= 1e-6


def test_proofs_age_so_that_clocks_may_go_apart() -> None:
    proxy = Proxy(ahead=0)
    clock = clock_for(proxy)
    for _ in range(100):
        proxy.answer(clock)
    for _ in range(7200):
        proxy.passed += 1
        proxy.ahead -= 5e-4  # the proxy's clock is slewed as fast as it can be
        assert proxy.error(clock) <= 1e-6
    proxy.answer(clock)
    assert -2.2 < proxy.error(clock) <= 1e-6


def test_what_the_proxy_says_to_be_over_is_over() -> None:
    proxy = Proxy(ahead=30)
    clock = clock_for(proxy)
    proxy.passed = 0.95
    proxy.answer(clock)
    assert proxy.error(clock) < -0.9
    moment = datetime.fromtimestamp(proxy.there(), UTC)
    proxy.passed += 0.005
    clock.passed(moment)
    assert clock.now() >= moment
    assert -0.01 < proxy.error(clock) <= 1e-6
    clock.passed(moment - timedelta(hours=1))
    assert -0.01 < proxy.error(clock) <= 1e-6


def test_what_the_proxy_says_to_be_over_shows_that_its_clock_was_set_forward() -> None:
    proxy = Proxy(ahead=0)
    clock = clock_for(proxy)
    proxy.answer(clock)
    proxy.ahead = 60
    clock.passed(datetime.fromtimestamp(proxy.there(), UTC))
    assert -0.01 < proxy.error(clock) <= 1e-6
    assert -0.01 < proxy.guess(clock) <= 1e-6


@pytest.mark.parametrize("ahead", [-0.3, 0.0, 0.3])
def test_the_guess_is_our_clock_as_long_as_answers_do_not_contradict_it(ahead: float) -> None:
    proxy = Proxy(ahead)
    clock = clock_for(proxy)
    assert clock.likely_now() == datetime.fromtimestamp(START, UTC)
    for _ in range(50):
        proxy.answer(clock)
        assert proxy.guess(clock) == pytest.approx(-ahead, abs=1e-2) or abs(proxy.guess(clock)) < abs(ahead)


@pytest.mark.parametrize("ahead", [-300.0, -3.0, 3.0, 300.0])
def test_the_guess_follows_a_proxy_whose_clock_is_another(ahead: float) -> None:
    proxy = Proxy(ahead)
    clock = clock_for(proxy)
    for _ in range(50):
        proxy.answer(clock)
        assert -2.2 <= proxy.guess(clock) <= 2.3
