-- name: renew(id, host, applied_position, lease_s, journalled, journalled_at)^
-- Say how far this gatekeeper is, and how many decisions it has journalled as of a time by its own clock, at this server's time, and hear how far the ledger is. The time is asked for here and
-- not at the start of the transaction, so that it lies after the moment that the gatekeeper took for the start of its
-- lease. The head is read under a lock that no append can hold at the same time: an append that has locked it is waited
-- for and its position returned; one that comes later finds the row committed. One statement, which commits by itself:
-- a gatekeeper that freezes between two would hold that lock, and keep every append waiting.
-- Whoever waits for the gatekeepers hears at the commit if this one has applied more than its row said. A lease must
-- not be held on a row that a crash of this server takes back, whatever is set for it: nobody would wait for it.
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

-- name: tell(id, applied_position)^
-- Say that this gatekeeper has applied more, and no more than that: no lease is renewed, so the head need not be
-- locked, and what a crash of this server loses is told again by the next beat, so the disk need not be waited for.
-- That matters: a commit that notifies keeps every other one that does, an append's above all, waiting for its disk.
with told as (
    update ledger.gatekeepers
    set applied_position = :applied_position
    where id = :id and applied_position < :applied_position
    returning applied_position
)
select set_config('synchronous_commit', 'off', true), pg_notify('keyfold_enforcement', applied_position::text)
from told;

-- name: withdraw(id)$
-- Take a gatekeeper out that will not answer any more, so that nobody waits for it, nor waits on who does already.
with gone as (
    delete from ledger.gatekeepers where id = :id returning id
)
select pg_notify('keyfold_enforcement', '') from gone;

-- name: forget_dead(margin_s, kept_s)!
-- Remove the rows of gatekeepers whose lease has been over for so long. One that renews at the same time keeps its
-- row, for the condition is looked at again once its row is free; one that renews later writes a new row. A row
-- without a lease's length is never removed: nothing here can tell that its gatekeeper allows no more.
delete from ledger.gatekeepers
where renewed_at + make_interval(secs => lease_s + :margin_s::double precision + :kept_s::double precision)
    < clock_timestamp();
