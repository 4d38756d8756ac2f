-- name: renew(id, host, applied_position, lease_s)!
-- Say how far this gatekeeper is, at this server's time. The time is asked for here and not at the start of the
-- transaction, so that it lies after the moment that the gatekeeper took for the start of its lease.
insert into ledger.gatekeepers (id, host, applied_position, lease_s, renewed_at)
values (:id, :host, :applied_position, :lease_s, clock_timestamp())
on conflict (id) do update
set applied_position = excluded.applied_position, lease_s = excluded.lease_s, renewed_at = clock_timestamp();

-- name: shared_head()$
-- The ledger's last position, read under a lock that no append can hold at the same time: an append that has locked
-- the head is waited for and its position returned; one that comes later finds the row written above committed.
select position from ledger.head for share;

-- name: withdraw(id)!
-- Take a gatekeeper out that will not answer any more, so that nobody waits for it.
delete from ledger.gatekeepers where id = :id;
