"""CloudEvents 1.0 in binary mode: an event's attributes as Kafka headers beside its JSON."""

from keyfold.wire.record import Headers

CONTENT_TYPE = b"application/json"


def cloudevent_headers(attributes: dict[str, str], traceparent: str | None) -> Headers:
    """Return Kafka headers for CloudEvents attributes (CloudEvents Kafka binding 1.0, section 3.2)."""
    headers = [
        ("content-type", CONTENT_TYPE),
        *((f"ce_{name}", value.encode()) for name, value in attributes.items()),
    ]
    if traceparent is not None:
        headers.append(("traceparent", traceparent.encode()))
    return tuple(headers)
