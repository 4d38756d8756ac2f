-- name: keep(ids, fingerprints, sealed, positions, tenants, logins, kept_at, life_s)
-- Keep answers, over such as have outlived their time, and return the ids of those that were kept: one is missing
-- where another request with its id was faster. Each gets the next number of its tenant and of its login. The head must
-- be locked by an earlier statement of the transaction: only then are the newest numbers in this one's snapshot.
insert into ledger.kept_answers as kept
    (id, fingerprint, sealed, position, kept_at, tenant, tenant_number, login, login_number)
select
    id, fingerprint, sealed, position, :kept_at::timestamptz,
    tenant,
    row_number() over (partition by tenant) + coalesce(
        (
            select tenant_number from ledger.kept_answers where tenant = given.tenant
            order by tenant_number desc limit 1
        ), 0
    ),
    login,
    row_number() over (partition by login) + coalesce(
        (
            select login_number from ledger.kept_answers where login = given.login
            order by login_number desc limit 1
        ), 0
    )
from unnest(
    :ids::bytea[], :fingerprints::bytea[], :sealed::bytea[], :positions::bigint[], :tenants::bytea[], :logins::bytea[]
) as given (id, fingerprint, sealed, position, tenant, login)
on conflict (id) do update
set fingerprint = excluded.fingerprint, sealed = excluded.sealed, position = excluded.position,
    kept_at = excluded.kept_at, tenant = excluded.tenant, tenant_number = excluded.tenant_number,
    login = excluded.login, login_number = excluded.login_number
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
