-- name: keep(ids, fingerprints, sealed, positions, kept_at, life_s)
-- Keep answers, over such as have outlived their time, and return the ids of those that were kept: one is missing
-- where another request with its id was faster. The head must be locked by an earlier statement of the transaction.
insert into ledger.kept_answers as kept (id, fingerprint, sealed, position, kept_at)
select id, fingerprint, sealed, position, :kept_at::timestamptz
from unnest(:ids::bytea[], :fingerprints::bytea[], :sealed::bytea[], :positions::bigint[])
    as given (id, fingerprint, sealed, position)
on conflict (id) do update
set fingerprint = excluded.fingerprint, sealed = excluded.sealed, position = excluded.position,
    kept_at = excluded.kept_at
where kept.kept_at <= excluded.kept_at - make_interval(secs => :life_s)
returning id;

-- name: purge(kept_until, limit)$
-- Remove up to so many answers that were kept until then, the oldest first, and return how many it were.
with outlived as (
    select id from ledger.kept_answers where kept_at <= :kept_until order by kept_at limit :limit
),
removed as (
    delete from ledger.kept_answers using outlived where kept_answers.id = outlived.id
    and kept_answers.kept_at <= :kept_until returning 1
)
select count(*) from removed;
