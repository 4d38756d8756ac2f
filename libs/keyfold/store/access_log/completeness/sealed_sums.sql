-- The sums of the rows that runs' numbers stand for. This transaction has locked the rows of these places already.

-- name: read(gatekeepers, blocks, hours)
select filed.gatekeeper, filed.block, filed.hour, filed.filed, filed.sealed
from unnest(:gatekeepers::text[], :blocks::bigint[], :hours::timestamptz[]) as place (gatekeeper, block, hour)
join access_log.filed_numbers as filed using (gatekeeper, block, hour);

-- name: write(gatekeepers, blocks, hours, sealed)!
update access_log.filed_numbers as filed
set sealed = place.sealed
from unnest(:gatekeepers::text[], :blocks::bigint[], :hours::timestamptz[], :sealed::bytea[])
    as place (gatekeeper, block, hour, sealed)
where (filed.gatekeeper, filed.block, filed.hour) = (place.gatekeeper, place.block, place.hour)
  and filed.sealed is distinct from place.sealed;
