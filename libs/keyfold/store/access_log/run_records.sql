-- What gatekeepers' runs say of themselves.

-- name: add(gatekeepers, event_ids, numbers, types, times, statements, digests)
-- Leaves out records that are there already. Returns those that were filed.
insert into access_log.run_records (gatekeeper, event_id, seq, type, at, statement, policy_digest)
select *
from unnest(
    :gatekeepers::text[], :event_ids::text[], :numbers::bigint[], :types::text[], :times::timestamptz[],
    :statements::bytea[], :digests::bytea[]
)
on conflict (gatekeeper, event_id) do nothing
returning gatekeeper, event_id;

-- name: add_policies(digests, contents)!
insert into access_log.policies (digest, content)
select * from unnest(:digests::bytea[], :contents::text[])
on conflict (digest) do nothing;

-- name: forget(oldest)$
select access_log.forget_run_records(:oldest);
