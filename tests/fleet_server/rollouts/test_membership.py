"""Laws of who belongs to which wave."""

from collections import Counter
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from fleet_server.rollouts.membership import Member, WaveRule, divide, order

FLEETS = st.dictionaries(
    st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.sampled_from(["pi-3", "pi-4", "x86"]), max_size=60
).map(lambda fleet: [Member(device_id, profile) for device_id, profile in fleet.items()])


@given(FLEETS, st.lists(st.integers(1, 100), min_size=1, max_size=5).map(sorted), st.randoms())
def test_waves_are_disjoint_cumulative_and_do_not_depend_on_the_order_of_the_fleet(
    fleet: list[Member], percents: list[int], random: object
) -> None:
    rules = [WaveRule(percent) for percent in percents]
    waves = divide("d1", fleet, rules)
    everyone = [device_id for wave in waves for device_id in wave]
    assert len(everyone) == len(set(everyone))
    for number, percent in enumerate(percents, 1):
        assert sum(map(len, waves[:number])) == ceil(len(fleet) * percent / 100)
    shuffled = list(fleet)
    random.shuffle(shuffled)
    assert divide("d1", shuffled, rules) == waves


@given(FLEETS, st.integers(1, 100))
def test_every_profile_has_its_share_of_a_wave(fleet: list[Member], percent: int) -> None:
    first = set(divide("d1", fleet, [WaveRule(percent)])[0])
    sizes = Counter(member.profile for member in fleet)
    taken = Counter(member.profile for member in fleet if member.device_id in first)
    for profile, size in sizes.items():
        assert abs(taken[profile] - size * percent / 100) <= len(sizes)


def test_another_deployment_takes_another_order() -> None:
    fleet = [Member(f"device-{n}", "pi-4") for n in range(50)]
    assert order("d1", fleet) != order("d2", fleet)
    assert order("d1", fleet) == order("d1", reversed(fleet))


def test_labels_choose_and_a_percentage_counts_what_they_chose() -> None:
    fleet = [Member(f"device-{n}", "pi-4", {"site": "north" if n < 3 else "south"}) for n in range(10)]
    rules = [WaveRule(None, {"site": "north"}), WaveRule(50), WaveRule(None, {})]
    waves = divide("d1", fleet, rules)
    assert sorted(waves[0]) == ["device-0", "device-1", "device-2"]
    assert [len(wave) for wave in waves] == [3, 2, 5]
