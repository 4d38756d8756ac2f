-- Counts of requests by hour and by day: added with the rows that they count, and deleted with their day.

-- name: add(hours, key_ids, vendor_ids, account_ids, categories, accesses, reasons, requests)!
-- `hours` counts hours since 1970. Give the rows sorted by key: two consumers that add in the same order, by this one
-- plan, days before hours, never deadlock. Run it late in a transaction, for the busiest rows are everyone's. Days that
-- were added up no longer count as such: hold them first.
with added as materialized (
    select
        to_timestamp(hour * 3600.0) as hour,
        key_id collate "C" as key_id,
        vendor_id collate "C" as vendor_id,
        account_id collate "C" as account_id,
        category collate "C" as category,
        access collate "C" as access,
        reason collate "C" as reason,
        requests,
        place
    from unnest(
        :hours::bigint[], :key_ids::text[], :vendor_ids::text[], :account_ids::text[], :categories::text[],
        :accesses::text[], :reasons::text[], :requests::bigint[]
    ) with ordinality as given (hour, key_id, vendor_id, account_id, category, access, reason, requests, place)
),
taken_back as (
    delete from access_log.summed_days
    where day in (select date_trunc('day', hour, 'UTC') from added)
),
by_hour as (
    insert into access_log.hourly_counts as known
        (hour, key_id, vendor_id, account_id, category, access, reason, requests)
    select hour, key_id, vendor_id, account_id, category, access, reason, requests
    from added
    order by place
    on conflict (hour, key_id, vendor_id, account_id, category, access, reason) do update
    set requests = known.requests + excluded.requests
)
insert into access_log.daily_counts as known
    (day, key_id, vendor_id, account_id, category, access, reason, requests)
select date_trunc('day', hour, 'UTC'), key_id, vendor_id, account_id, category, access, reason, sum(requests)
from added
group by 1, 2, 3, 4, 5, 6, 7
order by 1, 2, 3, 4, 5, 6, 7
on conflict (day, key_id, vendor_id, account_id, category, access, reason) do update
set requests = known.requests + excluded.requests;

-- name: caught_up(topic, age_max_s)^
-- The time up to which every partition is known to be filed, and whether that is too long ago. Null as long as any
-- partition was never noted.
select
    noted.caught_up_at,
    noted.caught_up_at < clock_timestamp() - make_interval(secs => :age_max_s) as is_old
from (
    select case when bool_and(caught_up_at is not null) then min(caught_up_at) end as caught_up_at
    from access_log.offsets
    where topic = :topic
) as noted;

-- name: allowed_to_key(key_id, since)
-- The categories in which a key's requests were allowed since the beginning of an hour, and whether any was to write.
select category, bool_or(access = 'write') as wrote
from access_log.hourly_counts
where key_id = :key_id and hour >= :since and reason = '' and category <> ''
group by category;

-- name: delete_oldest_hour(oldest)$
-- One hour at a time, so that no statement takes long. Returns the hour, or null when none is left before `oldest`.
with deleted as (
    delete from access_log.hourly_counts
    where hour = (select min(hour) from access_log.hourly_counts where hour < :oldest)
    returning hour
)
select min(hour) from deleted;

-- name: delete_oldest_day(oldest)$
-- The same for days.
with deleted as (
    delete from access_log.daily_counts
    where day = (select min(day) from access_log.daily_counts where day < :oldest)
    returning day
)
select min(day) from deleted;
