-- name: lock_head()^
-- The last position, its hash and its time; nobody else appends until this transaction ends.
select position, hash, recorded_at from ledger.head for update;

-- name: head()^
-- The last position and its hash.
select position, hash from ledger.head;

-- name: append(expected_streams, expected_versions, recorded_at, positions, streams, versions, event_ids, types, schema_versions, data, actor_roles, actor_subjects, request_ids, traceparents, hashes)$
-- Insert the rows and move the head to the last of them, or do nothing and return the streams whose version
-- is not the expected one. The head must be locked by an earlier statement of the transaction: only then does this
-- one's snapshot hold every event there is, and the comparison mean something. Listeners hear it at the commit.
with expected as (
    select stream, version
    from unnest(:expected_streams::text[], :expected_versions::bigint[]) as given (stream, version)
),
stale as (
    select array_agg(expected.stream) as streams
    from expected
    where expected.version <> coalesce(
        (select max(events.version) from ledger.events where events.stream = expected.stream), 0
    )
),
appended as (
    insert into ledger.events (
        position, stream, version, event_id, type, schema_version, data,
        actor_role, actor_subject, request_id, recorded_at, traceparent, hash
    )
    select
        position, stream, version, event_id, type, schema_version, data::json,
        actor_role, actor_subject, request_id, :recorded_at::timestamptz, traceparent, hash
    from unnest(
        :positions::bigint[], :streams::text[], :versions::bigint[], :event_ids::uuid[], :types::text[],
        :schema_versions::integer[], :data::text[], :actor_roles::text[], :actor_subjects::text[],
        :request_ids::text[], :traceparents::text[], :hashes::bytea[]
    ) as given (
        position, stream, version, event_id, type, schema_version, data,
        actor_role, actor_subject, request_id, traceparent, hash
    )
    where (select streams from stale) is null
    returning position, hash
),
last as (
    select position, hash from appended order by position desc limit 1
),
moved as (
    update ledger.head
    set position = last.position, hash = last.hash, recorded_at = :recorded_at::timestamptz
    from last
    returning head.position
)
select stale.streams, pg_notify('keyfold_ledger', moved.position::text)
from stale left join moved on true;

-- name: events_of_streams(streams)
-- What the events of these streams say, in the order they happened.
select stream, version, type, schema_version, data
from ledger.events
where stream = any (:streams::text[])
order by position;

-- name: rows_after(position, limit)
-- Whole rows above a position, in order; a limit, for the caller works through them in pages.
select
    position, stream, version, event_id::text as event_id, type, schema_version, data,
    actor_role, actor_subject, request_id, recorded_at, traceparent, hash
from ledger.events
where position > :position
order by position
limit :limit;
