insert into ledger.events (
    position, stream, version, event_id, type, schema_version, data,
    actor_role, actor_subject, request_id, recorded_at, traceparent, hash, seal
)
select
    position, stream, version, event_id, type, schema_version, data::json,
    actor_role, actor_subject, request_id, :recorded_at::timestamptz, traceparent, hash, seal
from unnest(
    :positions::bigint[], :streams::text[], :versions::bigint[], :event_ids::uuid[], :types::text[],
    :schema_versions::integer[], :data::text[], :actor_roles::text[], :actor_subjects::text[],
    :request_ids::text[], :traceparents::text[], :hashes::bytea[], :seals::bytea[]
) as given (
    position, stream, version, event_id, type, schema_version, data,
    actor_role, actor_subject, request_id, traceparent, hash, seal
)
