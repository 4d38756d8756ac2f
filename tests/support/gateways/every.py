"""Every gateway there is, as a test's parameter; one of Debian's that is not installed is skipped."""

import pytest

GATEWAYS = (
    pytest.param("nginx", marks=pytest.mark.debian("nginx-light")),
    pytest.param("haproxy", marks=pytest.mark.debian("haproxy")),
    pytest.param("caddy"),
    pytest.param("envoy"),
)
