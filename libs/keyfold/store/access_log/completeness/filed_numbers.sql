-- Which numbers of each gatekeeper's run are filed: noted with the rows, and deleted with their day.

-- name: add(gatekeepers, blocks, hours, numbers, twice, filed, duplicates)!
-- Adds numbers, and those that came more than once, as the text of multiranges. `hours` counts hours since 1970. A
-- number that is there already goes to `twice`.
insert into access_log.filed_numbers as known (gatekeeper, block, hour, numbers, twice, filed, duplicates)
select
    added.gatekeeper,
    added.block,
    to_timestamp(added.hour * 3600.0),
    added.numbers::int8multirange,
    added.twice::int8multirange,
    added.filed,
    added.duplicates
from unnest(
    :gatekeepers::text[], :blocks::bigint[], :hours::bigint[], :numbers::text[], :twice::text[],
    :filed::bigint[], :duplicates::bigint[]
) with ordinality as added (gatekeeper, block, hour, numbers, twice, filed, duplicates, place)
order by added.place
on conflict (gatekeeper, block, hour) do update
set numbers = known.numbers + excluded.numbers,
    twice = known.twice + excluded.twice + known.numbers * excluded.numbers,
    filed = known.filed + excluded.filed,
    duplicates = known.duplicates + excluded.duplicates;

-- name: forget_oldest_hour(oldest)$
-- One hour at a time, so that no statement takes long. Returns the hour, or null when none is left before `oldest`.
-- Remembers how far each run was: a number that was deleted for its age is not missing.
with deleted as (
    delete from access_log.filed_numbers
    where hour = (select min(hour) from access_log.filed_numbers where hour < :oldest)
    returning gatekeeper, hour, numbers
),
remembered as (
    insert into access_log.forgotten_numbers as known (gatekeeper, number, hour)
    select gatekeeper, max(upper(numbers)) - 1, max(hour)
    from deleted
    where not isempty(numbers)
    group by gatekeeper
    order by gatekeeper
    on conflict (gatekeeper) do update
    set number = greatest(known.number, excluded.number), hour = greatest(known.hour, excluded.hour)
)
select min(hour) from deleted;

-- name: forget_ended_runs(oldest)!
-- A run of which nothing came for another 90 days has ended.
delete from access_log.forgotten_numbers as known
where known.hour < :oldest::timestamptz - interval '90 days'
  and not exists (select from access_log.filed_numbers as filed where filed.gatekeeper = known.gatekeeper);
