"""What the registry is told, and what it does not take for an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from keyfold.registry.settings import RegistrySettings
from keyfold.runtime.settings.base import BadSettings, load, mask_secrets
from tests.support.seals import KEY, private_pem

SECRET = "s3cret-" * 5
GIVEN = {
    "KEYFOLD_POSTGRES_DSN": "postgresql://keyfold@localhost/keyfold",
    "KEYFOLD_JWKS": "https://issuer.test/jwks.json",
    "KEYFOLD_JWT_ISSUER": "https://issuer.test",
    "KEYFOLD_JWT_AUDIENCE": "keyfold",
    "KEYFOLD_IDEMPOTENCY_SECRET": SECRET,
}


@pytest.fixture(autouse=True)
def _given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "seal-key.pem"
    key.write_bytes(private_pem(KEY))
    for name, value in (GIVEN | {"KEYFOLD_SEAL_KEY": str(key)}).items():
        monkeypatch.setenv(name, value)


def test_secret() -> None:
    """The secret is read, and shown nowhere."""
    settings = load(RegistrySettings)
    assert settings.idempotency_secret.get_secret_value() == SECRET
    assert settings.account_keys_max == 100
    assert SECRET not in f"{settings!r} {mask_secrets(settings)}"


@pytest.mark.parametrize("secret", ["", "s3cret-" * 4])
def test_short_secret(monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    """A secret that could be guessed is refused, and not repeated."""
    monkeypatch.setenv("KEYFOLD_IDEMPOTENCY_SECRET", secret)
    with pytest.raises(BadSettings) as bad:
        load(RegistrySettings)
    assert [fault.variable for fault in bad.value.faults] == ["KEYFOLD_IDEMPOTENCY_SECRET"]
    assert "at least 32" in str(bad.value)
    assert "s3cret" not in str(bad.value)


def test_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no default for it."""
    monkeypatch.delenv("KEYFOLD_IDEMPOTENCY_SECRET")
    with pytest.raises(BadSettings) as bad:
        load(RegistrySettings)
    assert [fault.variable for fault in bad.value.faults] == ["KEYFOLD_IDEMPOTENCY_SECRET"]
