-- What arrives in the access log, in the order in which it becomes visible.

-- name: new_filing()$
-- A name for the rows of the filing that begins.
select nextval('access_log.filing_ids');

-- name: number_filing(filing, sinces, untils)
-- The last thing before the commit, for the lock is held until then: so numbers become visible in their order.
-- Whoever listens is told the number when it is committed.
with held as materialized (
    select pg_advisory_xact_lock(hashtext('keyfold.access_log.filings'))
),
numbered as materialized (
    select nextval('access_log.filing_numbers') as number from held
),
noted as (
    insert into access_log.filings (number, since, until, filing)
    select numbered.number, place.since, place.until, :filing::bigint
    from numbered, unnest(:sinces::timestamptz[], :untils::timestamptz[]) as place (since, until)
)
select pg_notify('keyfold_access_log', numbered.number::text) from numbered;

-- name: kept_numbers()^
-- The oldest and the newest filing that can be told of.
select min(number) as oldest, max(number) as newest from access_log.filings;

-- name: newest_number()$
select max(number) from access_log.filings;

-- name: extent(first, filings_max)^
-- The next filings from a number on, whole ones: the last number of them, and between which times their rows are.
-- Nulls when there are none.
select max(number) as number, min(since) as since, max(until) as until
from (
    select number, since, until
    from access_log.filings
    where number >= :first
    order by number
    fetch first :filings_max rows with ties
) as next;

-- name: arrived(own_account_id, own_key_id, own_vendor_id, unattributed, first, last, since, until, key_id, vendor_id, category, access, reason, denied, decision_id, at, event_id, number, rows_max)
-- The rows of these filings, by their numbers and within one by time; `number`, `at` and `event_id` are the row
-- that comes before them. The times of all spare the planner most partitions, those of each filing most rows.
select filings.number, event.*
from access_log.filings
cross join lateral (
    select at, event_id, account_id, key_id, vendor_id, vendor_key_id, category, access, method, path, reason,
           position, gateway, client_ip, gatekeeper, seq, traceparent, requests
    from access_log.events
    where at >= :since and at <= :until
      and at >= filings.since and at <= filings.until
      and filing = filings.filing
      and {conditions}
) as event
where filings.number between :first and :last
  and (filings.number > :number or (event.at, event.event_id) > (:at::timestamptz, :event_id::uuid))
order by filings.number, event.at, event.event_id
limit :rows_max;

-- name: forget_filings(before, filings_max)$
-- Those of the oldest filings that are from before a time, never the newest: from the oldest that stays on there
-- is no gap. Looks at no more than so many. Returns how many rows went.
with forgotten as (
    delete from access_log.filings
    where number in (
        select oldest.number
        from (select number, filed_at from access_log.filings order by number limit :filings_max) as oldest
        where oldest.filed_at < :before
          and oldest.number < (select max(number) from access_log.filings)
    )
    returning number
)
select count(*) from forgotten;
