-- Rows in the order in which they become visible. A filing is one arrival batch: the rows of one transaction.

-- name: new_batch_id()$
-- An id for the rows of a new batch.
select nextval('access_log.filing_ids');

-- name: number_batch(batch_id, sinces, untils)
-- The last statement before the commit: the lock is held until then, so numbers become visible in their order.
-- Listeners get the number when it is committed.
with held as materialized (
    select pg_advisory_xact_lock(hashtext('keyfold.access_log.filings'))
),
numbered as materialized (
    select nextval('access_log.filing_numbers') as number from held
),
noted as (
    insert into access_log.filings (number, since, until, filing)
    select numbered.number, place.since, place.until, :batch_id::bigint
    from numbered, unnest(:sinces::timestamptz[], :untils::timestamptz[]) as place (since, until)
)
select pg_notify('keyfold_access_log', numbered.number::text) from numbered;

-- name: kept_numbers()^
-- The numbers of the oldest and the newest batch whose order is kept.
select min(number) as oldest, max(number) as newest from access_log.filings;

-- name: newest_number()$
select max(number) from access_log.filings;

-- name: extent(first, batches_max)^
-- The next whole batches from a number on: the last number of them, and the times between which their rows are.
-- Nulls when there are none.
select max(number) as number, min(since) as since, max(until) as until
from (
    select number, since, until
    from access_log.filings
    where number >= :first
    order by number
    fetch first :batches_max rows with ties
) as next;

-- name: read_arrivals(own_account_id, own_key_id, own_vendor_id, unattributed, first, last, since, until, key_id, vendor_id, category, access, reason, denied, decision_id, at, event_id, number, rows_max)
-- The rows of these batches, ordered by the batch's number and then by time, after the row that `number`, `at` and
-- `event_id` name. `since` and `until` spare the planner most partitions, the times of each batch most rows.
select filings.number, event.*
from access_log.filings
cross join lateral (
    select at, event_id, account_id, key_id, vendor_id, vendor_key_id, category, access, method, path, reason,
           position, gateway, client_ip, gatekeeper, seq, traceparent, policy, more, requests
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

-- name: delete_batches(before, batches_max)$
-- Deletes the oldest batches that are from before a time, never the newest: those that stay have no gap. Looks at no
-- more than `batches_max` rows, and returns how many it deleted.
with deleted as (
    delete from access_log.filings
    where number in (
        select oldest.number
        from (select number, filed_at from access_log.filings order by number limit :batches_max) as oldest
        where oldest.filed_at < :before
          and oldest.number < (select max(number) from access_log.filings)
    )
    returning number
)
select count(*) from deleted;
