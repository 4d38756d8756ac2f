"""The W3C trace that a request belongs to."""

from collections.abc import Mapping

from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()


def traceparent(headers: Mapping[str, str]) -> str | None:
    """Return the ``traceparent`` header in its normal form, None if missing or invalid."""
    given = headers.get("traceparent")
    if given is None:
        return None
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, context=_PROPAGATOR.extract({"traceparent": given}))
    return carrier.get("traceparent")
