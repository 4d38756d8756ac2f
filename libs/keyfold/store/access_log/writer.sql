-- Files access events: rows and the offsets they came from, in one transaction.

-- name: next_offsets(topic, partitions)
-- The next offset of each of these partitions from which anything was ever filed.
select partition, next_offset
from access_log.offsets
where topic = :topic and partition = any(:partitions::integer[]);

-- name: advance_partitions(topic, partitions, expected, next)
-- The compare-and-set: moves each partition whose offset is the expected one, and returns it. A partition from which
-- nothing was ever filed begins where its reader did. Until the transaction ends no one else can move these, and another
-- process that expected the same offsets then finds different ones. Sorted by key, so that two consumers never deadlock.
insert into access_log.offsets as held (topic, partition, next_offset)
select :topic::text, moved.partition, moved.next
from unnest(:partitions::integer[], :next::bigint[]) as moved (partition, next)
order by moved.partition
on conflict (topic, partition) do update
set next_offset = excluded.next_offset
where held.next_offset = (
    select known.expected
    from unnest(:partitions::integer[], :expected::bigint[]) as known (partition, expected)
    where known.partition = held.partition
)
returning held.partition;

-- name: make_staging()#
-- Made once a session and emptied at each commit: a new one each time would swell PostgreSQL's own catalog.
create temporary table if not exists access_log_staging (like access_log.events) on commit delete rows;

-- name: file_staged()
-- Leaves out rows that are there already. Returns those that were filed.
insert into access_log.events
select * from pg_temp.access_log_staging
on conflict (at, event_id) do nothing
returning at, event_id::text as event_id;

-- name: contradicted()
-- The rows that were there already, of which a staged row says something else under the same id and time. Each is looked
-- up by its key, however many there are.
select held.at, held.gatekeeper, held.seq
from pg_temp.access_log_staging as staged
cross join lateral (
    select known.*
    from access_log.events as known
    where known.at = staged.at and known.event_id = staged.event_id
    offset 0
) as held
where (
    held.account_id, held.key_id, held.vendor_id, held.vendor_key_id, held.category, held.access, held.method, held.path,
    held.reason, held.position, held.gateway, held.client_ip, held.gatekeeper, held.seq, held.traceparent, held.policy,
    held.more, held.requests
) is distinct from (
    staged.account_id, staged.key_id, staged.vendor_id, staged.vendor_key_id, staged.category, staged.access,
    staged.method, staged.path, staged.reason, staged.position, staged.gateway, staged.client_ip, staged.gatekeeper,
    staged.seq, staged.traceparent, staged.policy, staged.more, staged.requests
);

-- name: note_caught_up(topic, partitions, ends, times)!
-- Kafka had these end offsets at these times. A partition that is filed up to its end was complete at that time,
-- whoever filed it; any other stays as it was. A partition from which nothing was ever filed begins at its end.
insert into access_log.offsets as held (topic, partition, next_offset, caught_up_at)
select :topic::text, seen.partition, seen.end_offset, seen.at
from unnest(:partitions::integer[], :ends::bigint[], :times::timestamptz[]) as seen (partition, end_offset, at)
order by seen.partition
on conflict (topic, partition) do update
set caught_up_at = greatest(held.caught_up_at, excluded.caught_up_at)
where held.next_offset >= excluded.next_offset;

-- name: time()$
-- The clock that all consumers share.
select clock_timestamp();

-- name: note_last_used(key_ids, times)!
-- Writes only later times, sorted by key: the row of a key in steady use is written and locked once a minute, and two
-- consumers never deadlock.
insert into access_log.last_used (key_id, last_used_at)
select used.key_id, used.last_used_at
from unnest(:key_ids::text[], :times::timestamptz[]) as used (key_id, last_used_at)
left join access_log.last_used as known on known.key_id = used.key_id
where known.last_used_at is null or known.last_used_at < used.last_used_at
order by used.key_id
on conflict (key_id) do update
set last_used_at = excluded.last_used_at
where last_used.last_used_at < excluded.last_used_at;

-- name: note_last_refused(key_ids, times)!
-- The same for refusals.
insert into access_log.last_refused (key_id, last_refused_at)
select refused.key_id, refused.last_refused_at
from unnest(:key_ids::text[], :times::timestamptz[]) as refused (key_id, last_refused_at)
left join access_log.last_refused as known on known.key_id = refused.key_id
where known.last_refused_at is null or known.last_refused_at < refused.last_refused_at
order by refused.key_id
on conflict (key_id) do update
set last_refused_at = excluded.last_refused_at
where last_refused.last_refused_at < excluded.last_refused_at;
