-- name: last(stream)^
-- The last checkpoint that was taken.
select position, version, type, schema_version, data
from ledger.events
where stream = :stream
order by version desc
limit 1;

-- name: newest(stream, before, limit)
-- Checkpoints below a version of their stream, newest first; a limit, for the caller shows them in pages.
select position, version, type, schema_version, data
from ledger.events
where stream = :stream and version < :before
order by version desc
limit :limit;
