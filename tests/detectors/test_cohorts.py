import numpy as np
import pytest

from detectors import charts_of, cohorts, empty_state, join_groups, judge, level_for
from detectors.cohorts import MOST
from tests.detectors.windows import gaussian_reference, window_of


def test_a_large_group_is_split_evenly_and_a_small_one_and_a_rare_version_are_not() -> None:
    large = 5 * MOST + 7
    groups = np.array(["large"] * large + ["small"] * 40 + ["large"] * 30)
    versions = np.array(["1"] * (large + 40) + ["2"] * 30)
    found = cohorts(groups, versions)
    assert sorted(np.concatenate(found).tolist()) == list(range(len(groups)))
    assert len(found) == 5
    assert min((groups[places] == "large").sum() for places in found) >= MOST
    assert sorted((versions[places] == "2").sum() for places in found) == [0, 0, 0, 0, 30]
    assert sorted((groups[places] == "small").sum() for places in found) == [0, 0, 0, 0, 40]


def test_many_versions_do_not_fill_one_cohort() -> None:
    versions = np.repeat([f"{number}" for number in range(20)], MOST - 1)
    sizes = [len(places) for places in cohorts(np.full(len(versions), ""), versions)]
    assert max(sizes) < 3 * MOST
    assert min(sizes) >= MOST - 1


@pytest.mark.parametrize("devices", [0, 3, 2 * MOST - 1])
def test_a_small_fleet_is_judged_whole(devices: int) -> None:
    (whole,) = cohorts(np.full(devices, "a"), np.full(devices, "1"))
    assert whole.tolist() == list(range(devices))


def test_what_cohorts_say_of_a_group_is_told_by_the_first_and_counted_over_all() -> None:
    reference = gaussian_reference(2)
    charts = charts_of(reference)
    levels = level_for(0.5, charts.n_charts, 30)
    numbers = np.random.default_rng(4)
    first, second = (numbers.normal(size=(devices, 300, 2)).astype(np.float32) for devices in (8, 24))
    second[:12] += 3.0
    states = [empty_state(charts), empty_state(charts)]
    for _ in range(12):
        leading = judge(states[0], reference, window_of(reference, first), levels)
        following = judge(states[1], reference, window_of(reference, second), levels, following={"all"})
        states = [leading[0], following[0]]
    joined = join_groups([leading[1], following[1]])
    assert joined.groups == ("all",)
    assert joined.sizes.tolist() == [32]
    assert np.array_equal(joined.movement, leading[1].movement)
    assert not states[1].fleet.steps.any()
    assert np.allclose(joined.moving, (8 * leading[1].moving + 24 * following[1].moving) / 32)
    assert not len(joined.devices)
