-- Reading the access log: newest first, always within bounds of time so that few partitions are touched.

-- name: activity(own_account_id, own_key_id, own_vendor_id, unattributed, since, until, key_id, vendor_id, category, access, reason, denied, decision_id, before_event_id, before_at, rows_max)
-- One page. Each call is planned anew: a condition whose value is null falls away, and what remains is a range of one
-- index, read backwards from the newest partition.
-- `before_at` with `before_event_id` is the last row of the page before; `until` is right after it, or earlier.
select at, event_id, account_id, key_id, vendor_id, vendor_key_id, category, access, method, path, reason,
       position, gateway, client_ip, gatekeeper, seq, traceparent, policy, more, requests
from access_log.events
where at >= :since and at < :until
  and {conditions}
  and (:before_event_id::uuid is null or (at, event_id) < (:before_at::timestamptz, :before_event_id))
order by at desc, event_id desc
limit :rows_max;

-- name: newest(own_account_id, own_key_id, own_vendor_id, unattributed, since, until, key_id, vendor_id, category, access, reason, denied, decision_id, before_event_id, before_at, reads_max, rows_max)
-- What matches among the newest `reads_max` rows that an index leads to, however few that is, with the number and the
-- last of the rows that were read. At least one row, unless none was read.
with reached as (
    select at, event_id, account_id, key_id, vendor_id, vendor_key_id, category, access, method, path, reason,
           position, gateway, client_ip, gatekeeper, seq, traceparent, policy, more, requests
    from access_log.events
    where at >= :since and at < :until
      and (:own_account_id::text is null or account_id = :own_account_id)
      and (:own_key_id::text is null or key_id = :own_key_id)
      and (:own_vendor_id::text is null or vendor_id = :own_vendor_id)
      and (:unattributed::boolean is null or (account_id is null and vendor_id is null))
      and (:key_id::text is null or key_id = :key_id)
      and (:vendor_id::text is null or vendor_id = :vendor_id)
      and (:before_event_id::uuid is null or (at, event_id) < (:before_at::timestamptz, :before_event_id))
    order by at desc, event_id desc
    limit :reads_max
),
edge as (
    select at as edge_at, event_id as edge_event_id, (select count(*) from reached) as reads
    from reached
    order by at, event_id
    limit 1
)
select edge.*, met.*
from edge
left join (
    select * from reached where {conditions} order by at desc, event_id desc limit :rows_max
) as met on true
order by met.at desc, met.event_id desc;

-- name: hours(own_account_id, own_key_id, own_vendor_id, unattributed, since, until, key_id, vendor_id, category, access, reason, denied, days_max)
-- The hours that have requests, newest first, and how many, within the newest `days_max` days that have any.
-- An event stands for one request or more.
select counted.hour, counted.requests
from (
    select distinct day
    from access_log.daily_counts
    where day > :since::timestamptz - interval '1 day' and day < :until
      and {counted}
    order by day desc
    limit :days_max
) as days
cross join lateral (
    select hour, sum(requests)::bigint as requests
    from access_log.hourly_counts
    where hour >= days.day and hour < days.day + interval '1 day'
      and hour > :since::timestamptz - interval '1 hour' and hour < :until
      and {counted}
    group by hour
) as counted
order by counted.hour desc;

-- name: activity_of_hours(hours, own_account_id, own_key_id, own_vendor_id, unattributed, since, until, key_id, vendor_id, category, access, reason, denied, decision_id, before_event_id, before_at, rows_max)
-- As `activity`, but only within these hours: the inner limit keeps the planner from reading what lies between them.
select event.*
from unnest(:hours::timestamptz[]) as within (hour)
cross join lateral (
    select at, event_id, account_id, key_id, vendor_id, vendor_key_id, category, access, method, path, reason,
           position, gateway, client_ip, gatekeeper, seq, traceparent, policy, more, requests
    from access_log.events
    where at >= :since and at < :until
      and at >= within.hour and at < within.hour + interval '1 hour'
      and {conditions}
      and (:before_event_id::uuid is null or (at, event_id) < (:before_at::timestamptz, :before_event_id))
    order by at desc, event_id desc
    limit :rows_max
) as event
order by event.at desc, event.event_id desc
limit :rows_max;

-- name: last_used(key_ids)
-- When each of these keys was last used and last refused, to the minute; null for never.
select asked.key_id, used.last_used_at, refused.last_refused_at
from unnest(:key_ids::text[]) as asked (key_id)
left join access_log.last_used as used on used.key_id = asked.key_id
left join access_log.last_refused as refused on refused.key_id = asked.key_id;
