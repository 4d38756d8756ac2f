"""Settings: read from the environment, every fault at once, no secret shown."""

from pathlib import Path

import pytest

from keyfold.runtime.auth.caller import Role
from keyfold.runtime.settings.base import (
    AuthSettings,
    BadSettings,
    PostgresSettings,
    ServiceSettings,
    load,
    mask_secrets,
    unknown_variables,
)
from keyfold.runtime.settings.kafka import KafkaSettings
from tests.support.certificates import Authority

DSN = "postgresql://keyfold:hunter2@localhost:5432/keyfold"


class Everything(ServiceSettings, PostgresSettings, KafkaSettings, AuthSettings):
    """Every mixin at once."""


GOOD = {
    "KEYFOLD_POSTGRES_DSN": DSN,
    "KEYFOLD_KAFKA_BOOTSTRAP": "one:9092,two:9092",
    "KEYFOLD_KAFKA_USERNAME": "keyfold",
    "KEYFOLD_KAFKA_PASSWORD": "hunter2",
    "KEYFOLD_JWKS": "https://issuer.test/jwks.json",
    "KEYFOLD_JWT_ISSUER": "https://issuer.test",
    "KEYFOLD_JWT_AUDIENCE": "keyfold",
}


def set_all(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    """Set a good environment, but for the changes."""
    for name, value in {**GOOD, **changes}.items():
        monkeypatch.setenv(name, value)


def test_good_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings come from KEYFOLD_ variables, with defaults where one serves everybody."""
    set_all(monkeypatch, KEYFOLD_HTTP_PORT="9000")
    settings = load(Everything)
    assert (settings.http_host, settings.http_port, settings.drain_timeout_s) == ("127.0.0.1", 9000, 5)
    assert settings.postgres_dsn.get_secret_value() == DSN


def test_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are read once and frozen."""
    set_all(monkeypatch)
    with pytest.raises(ValueError, match="frozen"):
        setattr(load(Everything), "http_" + "port", 1)


def test_every_fault_is_listed() -> None:
    """Each variable that is missing is named, with what it must be, in one report."""
    with pytest.raises(BadSettings) as bad:
        load(Everything)
    assert {fault.variable for fault in bad.value.faults} == set(GOOD)
    assert str(bad.value).splitlines()[0].startswith("KEYFOLD_")
    assert (
        "KEYFOLD_JWKS: it is not set; it must be the path of a JWKS file, or its https:// address"
        in str(bad.value).splitlines()
    )


@pytest.mark.parametrize(
    ("variable", "value", "wrong"),
    [
        ("KEYFOLD_HTTP_PORT", "70000", "it should be less than or equal to 65535"),
        ("KEYFOLD_HTTP_PORT", "x", "it should be a valid integer"),
        ("KEYFOLD_HTTP_PORT", "", "it is empty"),
        ("KEYFOLD_HTTP_HOST", "", "it is empty"),
        ("KEYFOLD_LOG_LEVEL", "loud", "it should be 'debug', 'info', 'warning' or 'error'"),
        ("KEYFOLD_LOG_FORMAT", "xml", "it should be 'auto', 'json' or 'console'"),
        ("KEYFOLD_STARTUP_TIMEOUT_S", "0", "it should be greater than 0"),
        ("KEYFOLD_DRAIN_TIMEOUT_S", "nan", "it should be"),
        (
            "KEYFOLD_POSTGRES_DSN",
            "mysql://keyfold:hunter2@db/keyfold",
            "it does not start with postgresql://",
        ),
        ("KEYFOLD_KAFKA_BOOTSTRAP", "kafka", "its port is not a number from 1 to 65535"),
        ("KEYFOLD_JWKS", "http://issuer.test/jwks", "it is plain http to another machine"),
    ],
)
def test_faults(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, wrong: str) -> None:
    """A fault names its variable and says what is wrong and what would be right, never the value."""
    set_all(monkeypatch, **{variable: value})
    with pytest.raises(BadSettings) as bad:
        load(Everything)
    (fault,) = bad.value.faults
    assert fault.variable == variable
    assert fault.wrong.startswith(wrong)
    assert fault.right != "as documented"
    assert "hunter2" not in str(bad.value)


def test_plain_http_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A JWKS over plain http is believed from this machine alone."""
    set_all(monkeypatch, KEYFOLD_JWKS="http://127.0.0.1:8000/jwks")
    assert load(Everything).jwks == "http://127.0.0.1:8000/jwks"


def test_whose_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which claims are read, and what their values stand for, is as it always was unless settings say."""
    set_all(monkeypatch)
    plain = load(Everything)
    assert (plain.jwt_role_claim, plain.jwt_account_claim, plain.jwt_vendor_claim) == (
        "role",
        "account_id",
        "vendor_id",
    )
    assert plain.jwt_roles == {role.value: role for role in Role}
    set_all(
        monkeypatch, KEYFOLD_JWT_ROLE_CLAIM="/realm_access/roles", KEYFOLD_JWT_ROLES='{"manager": "owner"}'
    )
    mapped = load(Everything)
    assert (mapped.jwt_role_claim, mapped.jwt_roles) == ("/realm_access/roles", {"manager": Role.OWNER})


def test_masked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The settings can be logged whole: secrets are asterisks."""
    set_all(monkeypatch)
    shown = mask_secrets(load(Everything))
    assert shown["postgres_dsn"] == "**********"
    assert shown["kafka_bootstrap"] == "one:9092,two:9092"


def test_unknown_variables() -> None:
    """A KEYFOLD_ variable that nothing reads is named, for it is a typo; another service's is none."""
    environment = {
        "KEYFOLD_HTTP_PROT": "1",
        "KEYFOLD_HTTP_PORT": "1",
        "KEYFOLD_JOURNAL_DIR": "/x",
        "PATH": "/bin",
    }
    assert unknown_variables(environment) == ("KEYFOLD_HTTP_PROT",)


def test_every_setting_is_described() -> None:
    """Every setting says what it must be, for a fault would have to."""
    assert [name for name, field in Everything.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (
            {"SECURITY_PROTOCOL": "PLAINTEXT"},
            "SECURITY_PROTOCOL: it is without TLS, and KEYFOLD_KAFKA_BOOTSTRAP",
        ),
        (
            {"SECURITY_PROTOCOL": "SASL_PLAINTEXT"},
            "SECURITY_PROTOCOL: it is without TLS, and KEYFOLD_KAFKA_BOOT",
        ),
        (
            {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "BOOTSTRAP": "[::1]:9092", "SASL_MECHANISM": "PLAIN"},
            "SASL_MECHANISM: it would send the password as it is, without TLS",
        ),
        ({"USERNAME": None}, "USERNAME: it is not set, and SASL_SSL asks for it"),
        ({"PASSWORD": None}, "PASSWORD: it is not set, and SASL_SSL asks for it"),
        ({"CLIENT_KEY": __file__}, "CLIENT_KEY: there is no certificate beside it"),
        ({"CLIENT_CERTIFICATE": "broker.pem"}, "CLIENT_KEY: it is not set"),
        (
            {"CLIENT_CERTIFICATE": "broker.pem", "CLIENT_KEY": "other.key"},
            "CLIENT_KEY: the two do not hold a certificate and its private key",
        ),
    ],
)
def test_ways_to_reach_kafka(
    given: dict[str, str | None], fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not go together is told of one variable, and nothing leaves this machine without TLS."""
    authority = Authority(tmp_path)
    authority.sign("broker"), authority.sign("other")
    monkeypatch.chdir(tmp_path)
    set_all(monkeypatch)
    for name, value in given.items():
        if value is None:
            monkeypatch.delenv(f"KEYFOLD_KAFKA_{name}")
        else:
            monkeypatch.setenv(f"KEYFOLD_KAFKA_{name}", value)

    with pytest.raises(BadSettings) as bad:
        load(Everything)
    assert [str(each)[: len("KEYFOLD_KAFKA_" + fault)] for each in bad.value.faults] == [
        "KEYFOLD_KAFKA_" + fault
    ]


@pytest.mark.parametrize("bootstrap", ["localhost:9092", "127.0.0.1:9092,[::1]:9092"])
def test_this_machine_needs_no_tls(bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Brokers on this machine are reached without TLS where that is asked for."""
    set_all(monkeypatch, KEYFOLD_KAFKA_BOOTSTRAP=bootstrap, KEYFOLD_KAFKA_SECURITY_PROTOCOL="SASL_PLAINTEXT")

    kafka = load(Everything).kafka

    assert (kafka.bootstrap, kafka.username, kafka.password) == (bootstrap, "keyfold", "hunter2")
    assert "hunter2" not in repr(kafka)
