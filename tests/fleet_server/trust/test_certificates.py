"""The fleet's CA: its files, its names, its renewals."""

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from fleet_server.errors import StartError
from fleet_server.settings import DAY_S, DataFolder
from fleet_server.trust.certificates import Certificates, create_authority
from fleet_server.trust.files import read_ec_key, read_ed25519_key, write_file
from tests.fleet_server.conftest import ManualClock


@pytest.fixture
def data(tmp_path: Path, clock: ManualClock) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    create_authority(made, clock)
    return made


@pytest.fixture
def certificates(data: DataFolder, clock: ManualClock) -> Certificates:
    return Certificates(data, clock, device_life_s=DAY_S)


def server_certificate(data: DataFolder) -> x509.Certificate:
    return x509.load_pem_x509_certificate((data.certificates / "server.crt").read_bytes())


def test_the_servers_certificate_names_all_its_addresses(data: DataFolder, certificates: Certificates) -> None:
    assert certificates.renew_server("fleet.example.org", 100 * DAY_S)
    names = server_certificate(data).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["fleet.example.org", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_it_is_renewed_at_half_life_or_for_another_host(
    data: DataFolder, certificates: Certificates, clock: ManualClock
) -> None:
    certificates.renew_server("127.0.0.1", 100 * DAY_S)
    assert not certificates.renew_server("127.0.0.1", 100 * DAY_S)
    assert certificates.renew_server("10.0.0.5", 100 * DAY_S)
    clock.advance(51 * DAY_S)
    before = server_certificate(data).serial_number
    assert certificates.renew_server("10.0.0.5", 100 * DAY_S)
    assert server_certificate(data).serial_number != before


def test_keys_are_for_their_owner_alone(data: DataFolder, certificates: Certificates) -> None:
    certificates.renew_server("127.0.0.1", DAY_S)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in data.keys.iterdir()}
    assert modes == dict.fromkeys(("ca.key", "server.key", "fleet-server.key", "fleet-operators.key"), 0o600)


def test_openssl_loads_the_chain_and_the_list(data: DataFolder, certificates: Certificates) -> None:
    certificates.renew_server("127.0.0.1", DAY_S)
    certificates.write_revocation_list([("ab12", 1_600_000_000_000)])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(data.certificates / "server.crt", data.keys / "server.key")
    context.load_verify_locations(data.certificates / "ca.crt")
    context.load_verify_locations(data.certificates / "crl.pem")
    assert context.cert_store_stats() == {"x509": 1, "crl": 1, "x509_ca": 1}


def test_missing_and_wrong_keys_are_one_clear_error(tmp_path: Path, data: DataFolder, clock: ManualClock) -> None:
    with pytest.raises(StartError, match="was the data folder set up"):
        Certificates(DataFolder(tmp_path / "none"), clock, device_life_s=1)
    with pytest.raises(StartError, match="does not hold an Ed25519 key"):
        read_ed25519_key(data.keys / "ca.key")
    write_file(data.keys / "rubbish.key", b"rubbish")
    with pytest.raises(StartError, match="does not hold a private key"):
        read_ec_key(data.keys / "rubbish.key")
