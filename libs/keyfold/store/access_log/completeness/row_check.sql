-- The rows that an hour of a run's numbers stand for, and what is known of the run itself.

-- name: rows(hour, gatekeepers)
-- Every row of the runs in the hour, and of runs of which nothing was filed in it, to be added up.
select at, event_id, account_id, key_id, vendor_id, vendor_key_id, category, access, method, path, reason,
       position, gateway, client_ip, gatekeeper, seq, traceparent, policy, more, requests
from access_log.events
where at >= :hour and at < :hour::timestamptz + interval '1 hour'
  and (
      gatekeeper = any(:gatekeepers::text[])
      or gatekeeper not in (select filed.gatekeeper from access_log.filed_numbers as filed where filed.hour = :hour)
  );

-- name: records(hour, gatekeepers)
-- The runs' own records that take a number.
select gatekeeper, seq
from access_log.run_records
where at >= :hour and at < :hour::timestamptz + interval '1 hour'
  and gatekeeper = any(:gatekeepers::text[]) and seq > 0;

-- name: places(hour, gatekeepers)
select gatekeeper, block, filed, sealed
from access_log.filed_numbers
where hour = :hour and gatekeeper = any(:gatekeepers::text[])
  and not isempty(numbers);

-- name: runs(gatekeepers)
-- What each run said as it opened, and what its gatekeeper registered.
select
    asked.gatekeeper,
    (
        select array_agg(said.statement order by said.event_id)
        from access_log.run_records as said
        where said.gatekeeper = asked.gatekeeper and said.seq = 0
    ) as openings,
    exists (select from access_log.run_records as said where said.gatekeeper = asked.gatekeeper) as has_records,
    known.id is not null as is_registered,
    known.public_key
from unnest(:gatekeepers::text[]) as asked (gatekeeper)
left join ledger.gatekeeper_runs as known on known.id = asked.gatekeeper;
