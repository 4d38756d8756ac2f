-- name: renew(id, host, applied_position, lease_s, journalled, journalled_at)^
-- Reports this gatekeeper's position and how many decisions it has journalled as of a time by its own clock, and returns
-- the ledger's head. `renewed_at` is read within the statement, by this server's clock: so it lies after the moment that
-- the gatekeeper took for the start of its lease. The head is read under a lock that no append can hold at the same time:
-- this waits for an append that has locked it and returns its position; a later append finds the row committed. It is one
-- statement, which commits by itself: a gatekeeper that froze between two would hold the lock and block every append.
-- The commit notifies those who wait for gatekeepers if this one has applied more than its row said. The commit is
-- synchronous whatever this server's settings are: if a crash took the row back, nobody would wait for its lease.
with before as (
    select applied_position from ledger.gatekeepers where id = :id
),
written as (
    insert into ledger.gatekeepers
        (id, host, applied_position, lease_s, renewed_at, journalled, journalled_at)
    values (:id, :host, :applied_position, :lease_s, clock_timestamp(), :journalled, :journalled_at)
    on conflict (id) do update
    set applied_position = excluded.applied_position,
        lease_s = excluded.lease_s,
        renewed_at = clock_timestamp(),
        journalled = excluded.journalled,
        journalled_at = excluded.journalled_at
    returning applied_position
),
head as (
    select position, hash from ledger.head for share
)
select
    head.position,
    head.hash,
    case when current_setting('synchronous_commit') in ('off', 'local')
        then set_config('synchronous_commit', 'on', true) end,
    case when before.applied_position is distinct from written.applied_position
        then pg_notify('keyfold_enforcement', written.applied_position::text) end
from head cross join written left join before on true;

-- name: register(id, public_key)!
-- Before the first lease, so that nothing is allowed by a run that is not here. Nobody may read, change or delete it again.
insert into ledger.gatekeeper_runs (id, public_key) values (:id, :public_key) on conflict do nothing;

-- name: tell(id, applied_position)^
-- Reports that this gatekeeper has applied more, and only that. It renews no lease, so it need not lock the head; and the
-- next beat repeats what a crash of this server loses, so it need not wait for the disk. That matters: a commit that
-- notifies makes every other such commit, above all an append's, wait for its disk.
with updated as (
    update ledger.gatekeepers
    set applied_position = :applied_position
    where id = :id and applied_position < :applied_position
    returning applied_position
)
select set_config('synchronous_commit', 'off', true), pg_notify('keyfold_enforcement', applied_position::text)
from updated;

-- name: withdraw(id)$
-- Removes a gatekeeper that answers nothing any more, and wakes those who wait for it.
with gone as (
    delete from ledger.gatekeepers where id = :id returning id
)
select pg_notify('keyfold_enforcement', '') from gone;

-- name: forget_dead(margin_s, kept_s)!
-- Deletes the rows of gatekeepers whose lease has been over for `kept_s` and the margin. One that renews at the same time
-- keeps its row, because the condition is checked again once the row is free; one that renews later writes a new row. A
-- row without a lease's length is never deleted: nothing here shows that its gatekeeper no longer allows anything.
delete from ledger.gatekeepers
where renewed_at + make_interval(secs => lease_s + :margin_s::double precision + :kept_s::double precision)
    < clock_timestamp();
