-- name: lock_replays()$
-- Take the right to build a generation, for as long as this session lives; false when another session has it.
select pg_try_advisory_lock(hashtextextended('keyfold replay', 0));

-- name: exists(schema)$
-- Whether a schema has the table that every generation of any shape has.
select to_regclass(:schema::text || '.progress') is not null;

-- name: has_name(schema)$
-- Whether a schema of this name exists, with whatever in it.
select to_regnamespace(:schema::text) is not null;

-- name: start_progress(head, shape, seal_key, state_digest)!
-- The generation stands before position 1.
insert into {schema}.progress (position, head, next_offset, shape, seal_key, state_digest)
values (0, :head, 0, :shape, :seal_key, :state_digest);

-- name: bound_waiting()!
-- Give up soon when a lock is not to be had: whoever asks for it after us queues behind us.
set local lock_timeout = '500ms';

-- name: stop_generation()^
-- Let the transactions that hold the generation end, and no further one begin, until this transaction ends.
select pg_advisory_xact_lock(hashtextextended('{schema}', 0));

-- name: retire()!
-- Take the serving name from the generation that has it.
alter schema projection rename to projection_old;

-- name: promote()!
-- Give the serving name to the new generation.
alter schema projection_next rename to projection;

-- name: drop_generation()!
-- Drop a generation with all it holds; harmless when there is none.
drop schema if exists {schema} cascade;

-- name: differing_accounts(limit)
-- Ids of accounts that are missing from one side or that differ in any byte, the first of them with the number of all.
select account_id as id, count(*) over () as total
from projection.accounts as serving
full join projection_next.accounts as built using (account_id)
where serving.account_id is null or built.account_id is null or serving.* *<> built.*
order by id
limit :limit;

-- name: differing_vendors(limit)
-- Ids of vendors that are missing from one side or that differ in any byte, the first of them with the number of all.
select vendor_id as id, count(*) over () as total
from projection.vendors as serving
full join projection_next.vendors as built using (vendor_id)
where serving.vendor_id is null or built.vendor_id is null or serving.* *<> built.*
order by id
limit :limit;

-- name: differing_keys(limit)
-- Ids of keys that are missing from one side or that differ in any byte, the first of them with the number of all.
select key_id as id, count(*) over () as total
from projection.keys as serving
full join projection_next.keys as built using (key_id)
where serving.key_id is null or built.key_id is null or serving.* *<> built.*
order by id
limit :limit;

-- name: see()^
-- The first statement of a transaction decides what all of them see.
select 1;
