-- name: enforced_position(margin_s)$
-- The last committed position that every gatekeeper which may still allow something has applied. The head comes from the
-- same snapshot as the rows: every beat that read a lower head is among these rows, so the result stays true, also for
-- gatekeepers that start or return later. A row whose time lies ahead of this server's clock counts like any other: its
-- lease is not over. A standby knows nothing, because the rows' times are by another clock.
select case when pg_is_in_recovery() then 0 else least(head.position, min(gatekeepers.applied_position)) end
from ledger.head
left join ledger.gatekeepers
    on gatekeepers.lease_s is null
    or gatekeepers.renewed_at + make_interval(secs => gatekeepers.lease_s + :margin_s::double precision)
        >= clock_timestamp()
group by head.position;

-- name: holders(position, margin_s, limit)
-- Every gatekeeper, those in the way of the position first, then the longest silent first; limited, because there may be
-- many rows of dead ones.
select
    id,
    host,
    applied_position,
    renewed_at,
    renewed_at + make_interval(secs => lease_s) as lease_until,
    applied_position < :position::bigint
    and (
        lease_s is null
        or pg_is_in_recovery()
        or renewed_at + make_interval(secs => lease_s + :margin_s::double precision) >= clock_timestamp()
    ) as is_in_the_way
from ledger.gatekeepers
order by is_in_the_way desc, renewed_at, id
limit :limit;
