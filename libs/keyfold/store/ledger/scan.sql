-- name: head()^
-- The head's one row, its time as text in the form in which the events' times were hashed. Here and below, what
-- must not be null and is all the same, for somebody took the constraint away, becomes what cannot be right.
select
    coalesce(position, -1) as position,
    coalesce(hash, '') as hash,
    coalesce(to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '') as recorded_at
from ledger.head;

-- name: rows()
-- Every row in order: the fields in the order in which they were hashed, then the hash and the seal. Times become text here,
-- where that costs least, and a time that could not have been hashed becomes a text that was not. No limit, for the
-- caller takes it through a cursor, page by page.
select
    coalesce(position, -1), stream, version, event_id::text, type, schema_version, data,
    actor_role, actor_subject, request_id,
    to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    traceparent, hash, seal
from ledger.events
order by position;

-- name: checkpoints(stream)
-- The events of the stream of checkpoints, in order; one a day and what operators ask for.
select coalesce(position, -1) as position, type, coalesce(schema_version, -1) as schema_version, data
from ledger.events
where stream = :stream
order by position;
