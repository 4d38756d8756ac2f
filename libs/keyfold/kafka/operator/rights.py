"""Reads and adds rights. Kafka calls them ACLs; only those that allow something are looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from keyfold.kafka.errors import KafkaMisconfigured
from keyfold.kafka.operator.client import result_of
from keyfold.wire.grants import Grant, Resource, Right

_USER: Final = "User:"
_ANY_HOST: Final = "*"
_ALLOWING: Final = AclBindingFilter(
    ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ALLOW
)


class NoAuthorizer(KafkaMisconfigured):
    """The brokers look at no rights: whoever reaches them may do everything."""


def read_grants(admin: AdminClient) -> frozenset[Grant]:
    """Return all rights on topics and groups. Raises NoAuthorizer, Unavailable or KafkaMisconfigured."""
    try:
        bindings = result_of(admin.describe_acls(_ALLOWING))
    except KafkaMisconfigured as refused:
        if "SECURITY_DISABLED" in str(refused):
            raise NoAuthorizer(
                "the brokers have no authorizer (authorizer.class.name): "
                "whoever reaches them may do everything"
            ) from refused
        raise
    return frozenset(grant for each in bindings if (grant := _to_grant(each)) is not None)


def add_grants(admin: AdminClient, grants: Iterable[Grant]) -> None:
    """Add rights; one that is there already stays. Raises Unavailable or KafkaMisconfigured."""
    if bindings := [_to_binding(each) for each in grants]:
        for future in admin.create_acls(bindings).values():
            result_of(future)


def _to_grant(binding: AclBinding) -> Grant | None:
    resource = Resource.__members__.get(binding.restype.name)
    right = Right.__members__.get(binding.operation.name)
    if resource is None or right is None:
        return None
    return Grant(
        user=binding.principal.removeprefix(_USER),
        resource=resource,
        name=binding.name,
        right=right,
        is_prefix=binding.resource_pattern_type is ResourcePatternType.PREFIXED,
    )


def _to_binding(grant: Grant) -> AclBinding:
    return AclBinding(
        ResourceType[grant.resource.name],
        grant.name,
        ResourcePatternType.PREFIXED if grant.is_prefix else ResourcePatternType.LITERAL,
        f"{_USER}{grant.user}",
        _ANY_HOST,
        AclOperation[grant.right.name],
        AclPermissionType.ALLOW,
    )
