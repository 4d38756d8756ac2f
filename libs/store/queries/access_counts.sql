-- Counts of what was asked, by the hour: added with the rows that they count, read, and deleted with their day.

-- name: add(hours, key_ids, vendor_ids, account_ids, categories, accesses, reasons, requests)!
-- Each hour is its number since 1970. In the order of the key, lest two consumers wait for each other in a circle;
-- as the last of a transaction, for the busiest rows are everyone's.
insert into access_log.hourly_counts as known
    (hour, key_id, vendor_id, account_id, category, access, reason, requests)
select
    to_timestamp(added.hour * 3600.0),
    added.key_id,
    added.vendor_id,
    added.account_id,
    added.category,
    added.access,
    added.reason,
    added.requests
from unnest(
    :hours::bigint[], :key_ids::text[], :vendor_ids::text[], :account_ids::text[], :categories::text[],
    :accesses::text[], :reasons::text[], :requests::bigint[]
) with ordinality as added (hour, key_id, vendor_id, account_id, category, access, reason, requests, place)
order by added.place
on conflict (hour, key_id, vendor_id, account_id, category, access, reason) do update
set requests = known.requests + excluded.requests;

-- name: caught_up(topic, age_max_s)^
-- The time up to which every partition is known to be filed, and whether that is too long ago. Null while one of
-- them, or all, was never noted.
select
    noted.caught_up_at,
    noted.caught_up_at < clock_timestamp() - make_interval(secs => :age_max_s) as is_old
from (
    select case when bool_and(caught_up_at is not null) then min(caught_up_at) end as caught_up_at
    from access_log.offsets
    where topic = :topic
) as noted;

-- name: allowed_to_key(key_id, since)
-- In which categories a key's requests were allowed since the beginning of an hour, and whether one was to write.
select category, bool_or(access = 'write') as wrote
from access_log.hourly_counts
where key_id = :key_id and hour >= :since and reason = '' and category <> ''
group by category;

-- name: delete_oldest_hour(oldest)$
-- One hour at a time, so that no statement takes long. Returns it, or null when none is from before `oldest`.
with deleted as (
    delete from access_log.hourly_counts
    where hour = (select min(hour) from access_log.hourly_counts where hour < :oldest)
    returning hour
)
select min(hour) from deleted;
