from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_contract.errors import ProfileError
from device_contract.profile import find_profile, profiles_folder, read_profile

NAMES = ("cortex-m4", "generic-x86_64", "industrial-gateway", "raspberry-pi-3-armhf", "raspberry-pi-4")
TEXT = (profiles_folder() / "raspberry-pi-4.toml").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_profiles_that_ship_are_sound(name: str) -> None:
    profile = find_profile(name)
    assert profile.name == name
    assert profile.max_artifact_bytes <= profile.memory_bytes or profile.processor == "cortex-m4"
    assert profile.max_rss_bytes < profile.memory_bytes


def test_there_are_no_others() -> None:
    assert sorted(path.stem for path in profiles_folder().glob("*.toml")) == sorted(NAMES)


def test_a_profile_is_found_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    path.write_text(TEXT.replace('name = "raspberry-pi-4"', 'name = "bench"'))
    assert find_profile(str(path)).name == "bench"


def test_an_unknown_profile_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ProfileError, match=r"no firmware profile 'toaster'; there are: cortex-m4, .*raspberry-pi-4"):
        find_profile("toaster")


@pytest.mark.parametrize("name", ["../pyproject", "", "/etc/passwd", "a\0b.toml"])
def test_a_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ProfileError):
        find_profile(name)


def test_a_profile_under_another_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(TEXT)
    with pytest.raises(ProfileError, match="is named 'raspberry-pi-4' inside"):
        read_profile(tmp_path / "other.toml")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("schema_version = 1", "schema_version = 2"),
        ("schema_version = 1", ""),
        ('processor = "aarch64"', 'processor = "z80"'),
        ('artifact_kinds = ["plan", "onnx"]', "artifact_kinds = []"),
        ('artifact_kinds = ["plan", "onnx"]', 'artifact_kinds = ["elf"]'),
        ("max_p99_one_row_us = 10_000.0", "max_p99_one_row_us = 0"),
        ("max_artifact_bytes = 67_108_864", "max_artifact_bytes = -1"),
        ("schema_version = 1", "schema_version = 1\nmax_wishes = 3"),
    ],
    ids=lambda text: text or "missing",
)
def test_a_malformed_profile_is_refused(tmp_path: Path, old: str, new: str) -> None:
    assert old in TEXT
    path = tmp_path / "raspberry-pi-4.toml"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ProfileError, match="malformed profile"):
        read_profile(path)


@given(data=st.binary(max_size=256))
def test_rubbish_is_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("profile") / "rubbish.toml"
    path.write_bytes(data)
    with pytest.raises(ProfileError):
        read_profile(path)


@given(length=st.integers(0, TEXT.rindex("=")))
def test_a_truncated_profile_is_refused(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = tmp_path_factory.mktemp("profile") / "raspberry-pi-4.toml"
    path.write_text(TEXT[:length])
    with pytest.raises(ProfileError):
        read_profile(path)
