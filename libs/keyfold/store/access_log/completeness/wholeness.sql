-- Up to when the access log has every decision of every known run of a gatekeeper.

-- name: try_lock()$
-- One process updates this at a time, until its transaction ends; the others have nothing to do.
select pg_try_advisory_xact_lock(hashtext('keyfold.access_log.runs'));

-- name: unknown_runs()
-- Runs that are not noted yet, known from the gatekeeper itself, from their end, or from a filed number. The filed ones
-- are found by skipping from run to run along the index.
with recursive filed as (
    (select gatekeeper from access_log.filed_numbers order by gatekeeper limit 1)
    union all
    select (
        select following.gatekeeper
        from access_log.filed_numbers as following
        where following.gatekeeper > filed.gatekeeper
        order by following.gatekeeper
        limit 1
    )
    from filed
    where filed.gatekeeper is not null
)
select heard.gatekeeper
from (
    select gatekeeper from filed where gatekeeper is not null
    union
    select gatekeeper from access_log.closed_runs
    union
    select id collate "C" from ledger.gatekeepers where journalled is not null
) as heard
where not exists (select from access_log.runs where runs.gatekeeper = heard.gatekeeper);

-- name: note_runs(gatekeepers, begun)!
-- Numbers that were deleted for their age are not lacking. Before it began, a run decided nothing.
insert into access_log.runs (gatekeeper, filed_to, whole_until)
select noted.gatekeeper, coalesce(forgotten.number, 0), noted.begun
from unnest(:gatekeepers::text[], :begun::timestamptz[]) as noted (gatekeeper, begun)
left join access_log.forgotten_numbers as forgotten on forgotten.gatekeeper = noted.gatekeeper
on conflict (gatekeeper) do nothing;

-- name: note_journalled()!
-- Takes over what each gatekeeper reports now.
update access_log.runs
set journalled = said.journalled, journalled_at = said.journalled_at
from ledger.gatekeepers as said
where said.id = runs.gatekeeper and said.journalled >= runs.journalled
  and (said.journalled, said.journalled_at) is distinct from (runs.journalled, runs.journalled_at);

-- name: note_forgotten()!
-- Numbers that were deleted for their age since then are not lacking either.
update access_log.runs
set filed_to = forgotten.number
from access_log.forgotten_numbers as forgotten
where forgotten.gatekeeper = runs.gatekeeper and forgotten.number > runs.filed_to;

-- name: advance()
-- Moves each run on to the last number before a gap. Looks at 256 blocks of a run at once: repeat until nothing moves.
update access_log.runs
set filed_to = found.number, lacking = 0, lacking_since = null
from (
    select each.gatekeeper, upper(part) - 1 as number
    from access_log.runs as each
    cross join lateral (
        select range_agg(filed.numbers) as numbers
        from access_log.filed_numbers as filed
        where filed.gatekeeper = each.gatekeeper
          and filed.block between (each.filed_to + 1) / 2048 and (each.filed_to + 1) / 2048 + 255
    ) as near
    cross join lateral unnest(near.numbers) as part
    where not each.is_over and part @> (each.filed_to + 1)
) as found
where found.gatekeeper = runs.gatekeeper
returning runs.gatekeeper;

-- name: judge()!
-- For each run that is not over: how many numbers are lacking, and up to when none is. A number is lacking if a higher one
-- is filed, or if the run's end or the gatekeeper itself reports one. Only those before the next filed number are counted.
update access_log.runs
set
    lacking = found.lacking,
    lacking_since = case when found.lacking > 0 then coalesce(runs.lacking_since, clock_timestamp()) end,
    is_over = found.is_over,
    whole_until = case
        when found.is_over then greatest(runs.whole_until, found.ended_at)
        when runs.filed_to < runs.journalled then runs.whole_until
        when runs.journalled_at is not null then runs.journalled_at
        else greatest(runs.whole_until, found.last_hour)
    end
from (
    select
        each.gatekeeper,
        coalesce(closed.is_exact and greatest(closed.last_number, each.journalled) <= each.filed_to, false)
            as is_over,
        closed.at as ended_at,
        greatest(
            0, coalesce(next.number - 1, greatest(each.journalled, closed.last_number)) - each.filed_to
        ) as lacking,
        last.hour as last_hour
    from access_log.runs as each
    left join access_log.closed_runs as closed on closed.gatekeeper = each.gatekeeper
    left join lateral (
        select min(lower(above.numbers * int8multirange(int8range(each.filed_to + 1, null)))) as number
        from access_log.filed_numbers as above
        where above.gatekeeper = each.gatekeeper
          and above.block = (
              select nearest.block
              from access_log.filed_numbers as nearest
              where nearest.gatekeeper = each.gatekeeper
                and nearest.block >= (each.filed_to + 1) / 2048
                and upper(nearest.numbers) - 1 > each.filed_to
              order by nearest.block
              limit 1
          )
    ) as next on true
    left join lateral (
        select min(filed.hour) as hour
        from access_log.filed_numbers as filed
        where filed.gatekeeper = each.gatekeeper and filed.block = each.filed_to / 2048
          and filed.numbers @> each.filed_to
    ) as last on true
    where not each.is_over
) as found
where found.gatekeeper = runs.gatekeeper;

-- name: wholeness(topic, settled_s)^
-- Up to when all runs are whole: the earliest such time of the open runs, or the end of the last one if all are over; null
-- if one of them is not known. How many numbers are lacking, and whether Kafka did not have them either `settled_s` after
-- they were first seen to be lacking.
select
    case when held.is_open then held.whole_until else ended.whole_until end as whole_until,
    lacking.numbers as lacking,
    coalesce(caught_up.at >= lacking.since + make_interval(secs => :settled_s), false) as is_settled,
    clock_timestamp() as now
from (select) as asked
left join (
    select true as is_open, whole_until
    from access_log.runs
    where not is_over
    order by whole_until nulls first
    limit 1
) as held on true
left join (select max(whole_until) as whole_until from access_log.runs where is_over) as ended on true
left join (
    select coalesce(sum(runs.lacking), 0)::bigint as numbers, max(lacking_since) as since
    from access_log.runs
    where not is_over and runs.lacking > 0
) as lacking on true
left join (
    select case when bool_and(caught_up_at is not null) then min(caught_up_at) end as at
    from access_log.offsets
    where topic = :topic
) as caught_up on true;

-- name: forget_runs(oldest)!
-- Deletes the runs of which the log keeps nothing any more and that no gatekeeper reports.
delete from access_log.runs
where (is_over or whole_until is null or whole_until < :oldest)
  and not exists (select from access_log.filed_numbers as filed where filed.gatekeeper = runs.gatekeeper)
  and not exists (select from access_log.closed_runs as closed where closed.gatekeeper = runs.gatekeeper)
  and not exists (select from ledger.gatekeepers as live where live.id = runs.gatekeeper);
