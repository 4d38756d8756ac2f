-- Counts of activity: of whole hours they were added up as the rows were filed.

-- name: summary(own_account_id, own_key_id, own_vendor_id, unit, since, first_hour, last_hour, until, by_vendor, by_key, by_category, by_access, by_decision, key_id, vendor_id, category, access, reason, denied, before_start, before, rows_max)
-- Counts by the bucket, newest first, and by what is asked for, what is not being null. Whole hours, from the first
-- up to the last, are counted already; the parts of hours before and after them are counted from the rows, so that
-- the bounds are exact. All of it is of one moment. What a request did not have is ''.
with counted as (
    select hour as at, vendor_id, key_id, category, access, reason, requests
    from access_log.hourly_counts
    where hour >= :first_hour and hour < :last_hour
      and (:own_account_id::text is null or account_id = :own_account_id)
      and (:own_key_id::text is null or key_id = :own_key_id)
      and (:own_vendor_id::text is null or vendor_id = :own_vendor_id)
      and (:key_id::text is null or key_id = :key_id)
      and (:vendor_id::text is null or vendor_id = :vendor_id)
      and (:category::text is null or category = :category)
      and (:access::text is null or access = :access)
      and (:reason::text is null or reason = :reason)
      and (:denied::boolean is null or (reason <> '') = :denied)
    union all
    select at, coalesce(vendor_id, ''), coalesce(key_id, ''), coalesce(category, ''), coalesce(access, ''),
           coalesce(reason, ''), 1
    from access_log.events
    where at >= :since and at < least(:first_hour, :until)
      and {conditions}
    union all
    select at, coalesce(vendor_id, ''), coalesce(key_id, ''), coalesce(category, ''), coalesce(access, ''),
           coalesce(reason, ''), 1
    from access_log.events
    where at >= greatest(:last_hour, :first_hour) and at < :until
      and {conditions}
),
summed as (
    select
        date_trunc(:unit, at, 'UTC') as start,
        case when :by_vendor::boolean then vendor_id end as vendor_id,
        case when :by_key::boolean then key_id end as key_id,
        case when :by_category::boolean then category end as category,
        case when :by_access::boolean then access end as access,
        case when :by_decision::boolean then case when reason = '' then 'allow' else 'deny' end end as decision,
        sum(requests)::bigint as requests
    from counted
    group by 1, 2, 3, 4, 5, 6
),
keyed as (
    select *, array[
        coalesce(vendor_id, ''), coalesce(key_id, ''), coalesce(category, ''), coalesce(access, ''),
        coalesce(decision, '')
    ] collate "C" as combination
    from summed
)
select start, combination, requests
from keyed
where :before_start::timestamptz is null
   or start < :before_start
   or (start = :before_start and combination > :before::text[] collate "C")
order by start desc, combination
limit :rows_max;
