-- Counts of activity; those of whole hours and days were added up as the rows were filed.

-- name: summary(own_account_id, own_key_id, own_vendor_id, unattributed, unit, since, first_hour, first_day, last_day, last_hour, until, owner, kind, summed_days, counted_days, by_vendor, by_key, by_category, by_access, by_decision, by_reason, key_id, vendor_id, category, access, reason, denied, decision_id, before_start, before, rows_max)
-- Counts by bucket, newest first, and by what is asked for; a column that is not asked for is '', as is what a request
-- did not have. Whole days from `first_day` to `last_day` are read from the daily counts, or from the sums that owners
-- with many have; whole hours before and after those days from the hourly counts; the parts of hours at both ends from
-- the rows, so that the bounds are exact.
with counted as (
    select day as start, vendor_id, key_id, category, access, reason, requests
    from access_log.daily_sums
    where owner = :owner and kind = :kind and day = any(:summed_days::timestamptz[])
      and {summed}
    union all
    select day, vendor_id, key_id, category, access, reason, requests
    from access_log.daily_counts
    where day = any(:counted_days::timestamptz[])
      and {counted}
    union all
    select date_trunc(:unit, hour, 'UTC'), vendor_id, key_id, category, access, reason, requests
    from access_log.hourly_counts
    where hour >= :first_hour and hour < :first_day
      and {counted}
    union all
    select date_trunc(:unit, hour, 'UTC'), vendor_id, key_id, category, access, reason, requests
    from access_log.hourly_counts
    where hour >= :last_day and hour < :last_hour
      and {counted}
    union all
    select date_trunc(:unit, at, 'UTC'), coalesce(vendor_id, ''), coalesce(key_id, ''), coalesce(category, ''),
           coalesce(access, ''), coalesce(reason, ''), coalesce(requests, 1)
    from access_log.events
    where at >= :since and at < least(:first_hour, :until)
      and {conditions}
    union all
    select date_trunc(:unit, at, 'UTC'), coalesce(vendor_id, ''), coalesce(key_id, ''), coalesce(category, ''),
           coalesce(access, ''), coalesce(reason, ''), coalesce(requests, 1)
    from access_log.events
    where at >= greatest(:last_hour, :first_hour) and at < :until
      and {conditions}
),
projected as (
    select
        start,
        case when :by_vendor::boolean then vendor_id else '' end collate "C" as vendor_id,
        case when :by_key::boolean then key_id else '' end collate "C" as key_id,
        case when :by_category::boolean then category else '' end collate "C" as category,
        case when :by_access::boolean then access else '' end collate "C" as access,
        case when not :by_decision::boolean then '' when reason = '' then 'allow' else 'deny' end collate "C" as decision,
        case when :by_reason::boolean then reason else '' end collate "C" as reason,
        requests
    from counted
),
added as (
    select start, vendor_id, key_id, category, access, decision, reason, sum(requests)::bigint as requests
    from projected
    group by start, vendor_id, key_id, category, access, decision, reason
)
select start, array[vendor_id, key_id, category, access, decision, reason] as combination, requests
from added
where :before_start::timestamptz is null
   or start < :before_start
   or (start = :before_start
       and array[vendor_id, key_id, category, access, decision, reason] > :before::text[] collate "C")
order by start desc, vendor_id, key_id, category, access, decision, reason
limit :rows_max;
