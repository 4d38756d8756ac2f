-- Whether each gatekeeper's run is in the log with each of its numbers once.

-- name: run_hours(since, until, before_hour, before_gatekeeper, ranges_max, rows_max)
-- What the log has of each run in each hour, newest hours first, as of one moment. A missing number is reported once,
-- in the hour of the next number that is there; if a clock was set back, it may be there in another hour. The numbers
-- missing after the highest one of a run that is over are reported in the hour of that one. A number that an earlier
-- hour has too is extra. Of the ranges only the first are returned.
with asked as materialized (
    select
        hour,
        gatekeeper,
        range_agg(numbers) as numbers,
        range_agg(twice) as twice,
        sum(filed)::bigint as filed,
        sum(duplicates)::bigint as duplicates
    from access_log.filed_numbers
    where hour >= :since and hour < :until
      and (
          :before_hour::timestamptz is null
          or (hour, gatekeeper) < (:before_hour::timestamptz, :before_gatekeeper::text collate "C")
      )
    group by hour, gatekeeper
    having bool_or(not isempty(numbers))
    order by hour desc, gatekeeper desc
    limit :rows_max
),
bounded as (
    select
        asked.*,
        lower(asked.numbers) as first,
        upper(asked.numbers) - 1 as last,
        lower(asked.numbers) / 2048 as first_block,
        (upper(asked.numbers) - 1) / 2048 as last_block
    from asked
),
found as (
    select
        bounded.*,
        compared.gaps,
        bounded.numbers * compared.earlier as in_earlier
    from bounded
    left join access_log.forgotten_numbers as forgotten on forgotten.gatekeeper = bounded.gatekeeper
    left join lateral (
        select max(upper(below.numbers * int8multirange(int8range(null, bounded.first)))) - 1 as number
        from access_log.filed_numbers as below
        where below.gatekeeper = bounded.gatekeeper
          and below.block = (
              select nearest.block
              from access_log.filed_numbers as nearest
              where nearest.gatekeeper = bounded.gatekeeper
                and nearest.block <= bounded.first_block
                and lower(nearest.numbers) < bounded.first
              order by nearest.block desc
              limit 1
          )
    ) as preceding on true
    cross join lateral (
        select greatest(0, preceding.number, forgotten.number) + 1 as number
    ) as judged
    cross join lateral (
        select
            int8multirange(int8range(judged.number, greatest(judged.number, bounded.last + 1)))
                - range_agg(known.numbers) as gaps,
            coalesce(range_agg(known.numbers) filter (where known.hour < bounded.hour), '{}') as earlier
        from access_log.filed_numbers as known
        where known.gatekeeper = bounded.gatekeeper
          and known.block between bounded.first_block and bounded.last_block
    ) as compared
)
select
    found.hour,
    found.gatekeeper,
    found.first,
    found.last,
    found.filed,
    found.duplicates,
    missing.numbers + behind.numbers as missing,
    (missing.firsts || behind.firsts)[:(:ranges_max)] as missing_firsts,
    (missing.lasts || behind.lasts)[:(:ranges_max)] as missing_lasts,
    found.filed - own.numbers + again.numbers as extra,
    extra.firsts[:(:ranges_max)] as extra_firsts,
    extra.lasts[:(:ranges_max)] as extra_lasts,
    higher.is_there as is_followed,
    closed.last_number as closed_number,
    closed.is_exact as is_closed_exactly,
    closed.noted_at as closed_noted_at
from found
cross join lateral (
    select exists (
        select
        from access_log.filed_numbers as later
        where later.gatekeeper = found.gatekeeper
          and later.block >= found.last_block
          and upper(later.numbers) - 1 > found.last
    ) as is_there
) as higher
left join access_log.closed_runs as closed on closed.gatekeeper = found.gatekeeper and not higher.is_there
cross join lateral (
    select
        greatest(0, closed.last_number - found.last) as numbers,
        case when closed.last_number > found.last then array[found.last + 1] else '{}' end as firsts,
        case when closed.last_number > found.last then array[closed.last_number] else '{}' end as lasts
) as behind
cross join lateral (
    select
        coalesce(sum(upper(gap) - lower(gap)), 0)::bigint as numbers,
        coalesce(array_agg(lower(gap) order by gap), '{}') as firsts,
        coalesce(array_agg(upper(gap) - 1 order by gap), '{}') as lasts
    from unnest(found.gaps) as gap
    where (found.numbers - found.in_earlier) @> upper(gap)
) as missing
cross join lateral (
    select coalesce(sum(upper(part) - lower(part)), 0)::bigint as numbers
    from unnest(found.numbers) as part
) as own
cross join lateral (
    select
        coalesce(array_agg(lower(part) order by part), '{}') as firsts,
        coalesce(array_agg(upper(part) - 1 order by part), '{}') as lasts
    from unnest(found.twice + found.in_earlier) as part
) as extra
cross join lateral (
    select coalesce(sum(upper(part) - lower(part)), 0)::bigint as numbers
    from unnest(found.in_earlier) as part
) as again
order by found.hour desc, found.gatekeeper desc;

-- name: unseen_runs(since, until, before_hour, before_gatekeeper, rows_max)
-- Runs that are over, wrote something, and of which nothing ever came; reported in the hour of the last write to their
-- journals.
select
    date_trunc('hour', closed.at, 'UTC') as hour,
    closed.gatekeeper,
    closed.last_number,
    closed.is_exact,
    closed.noted_at
from access_log.closed_runs as closed
where closed.last_number > 0
  and closed.at >= :since
  and date_trunc('hour', closed.at, 'UTC') < :until
  and (
      :before_hour::timestamptz is null
      or (date_trunc('hour', closed.at, 'UTC'), closed.gatekeeper)
          < (:before_hour::timestamptz, :before_gatekeeper::text collate "C")
  )
  and not exists (select from access_log.filed_numbers as filed where filed.gatekeeper = closed.gatekeeper)
  and not exists (select from access_log.forgotten_numbers as old where old.gatekeeper = closed.gatekeeper)
order by hour desc, closed.gatekeeper desc
limit :rows_max;
