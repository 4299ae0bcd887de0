"""What devices may send: nothing without leave, and what all the policies that fit agree on."""

from hypothesis import given
from hypothesis import strategies as st

from fleet_server.sampling.policy import GroupPolicy, allowance, device_key

FEATURES = ("left", "right", "middle")
SITES = ("north", "south")

_policies = st.builds(
    GroupPolicy,
    name=st.sampled_from("abcdef"),
    labels=st.dictionaries(st.sampled_from(["site", "line"]), st.sampled_from(SITES)),
    rows_per_window=st.integers(0, 256),
    minimum_rows=st.integers(0, 1000),
    redacted=st.lists(st.sampled_from(FEATURES), unique=True).map(tuple),
    explain=st.booleans(),
    key=st.binary(min_size=32, max_size=32),
)


@given(policies=st.lists(_policies, max_size=5, unique_by=lambda policy: policy.name), site=st.sampled_from(SITES))
def test_no_policy_that_fits_is_overruled(policies: list[GroupPolicy], site: str) -> None:
    labels = {"site": site, "line": "north"}
    fitting = [policy for policy in policies if all(labels[key] == value for key, value in policy.labels.items())]
    allowed = allowance(policies, "turbine-1", labels)
    if not fitting or any(policy.rows_per_window == 0 for policy in fitting):
        assert allowed is None
        return
    assert allowed is not None
    for policy in fitting:
        assert allowed.rows_per_window <= policy.rows_per_window
        assert allowed.minimum_rows >= policy.minimum_rows
        assert set(policy.redacted) <= set(allowed.redacted)
        assert policy.explain or not allowed.explain
    assert allowance(list(reversed(policies)), "turbine-1", labels) == allowed


def test_each_device_has_a_key_of_its_own_that_stays() -> None:
    key = bytes(32)
    assert device_key(key, "turbine-1") == device_key(key, "turbine-1")
    assert device_key(key, "turbine-1") != device_key(key, "turbine-2")
    assert device_key(key, "turbine-1") != device_key(b"1" * 32, "turbine-1")
