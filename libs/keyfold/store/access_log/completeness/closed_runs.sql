-- The last number of each gatekeeper's run that is over.

-- name: note_closed(gatekeepers, last_numbers, exact, times)!
-- The most that anyone knew stays: a shipper that was killed while it removed a run may know less afterwards.
insert into access_log.closed_runs as known (gatekeeper, last_number, is_exact, at)
select closed.gatekeeper, closed.last_number, closed.is_exact, closed.at
from unnest(:gatekeepers::text[], :last_numbers::bigint[], :exact::boolean[], :times::timestamptz[])
    as closed (gatekeeper, last_number, is_exact, at)
order by closed.gatekeeper
on conflict (gatekeeper) do update
set last_number = excluded.last_number,
    is_exact = excluded.is_exact,
    at = excluded.at,
    noted_at = excluded.noted_at
where (excluded.last_number, excluded.is_exact) > (known.last_number, known.is_exact);

-- name: forget_closed(oldest)!
-- A run without any kept number says nothing about the log any more.
delete from access_log.closed_runs as closed
where closed.at < :oldest
  and not exists (select from access_log.filed_numbers as filed where filed.gatekeeper = closed.gatekeeper);
