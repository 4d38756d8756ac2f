-- name: position()$
-- How far Kafka is known to have the ledger.
select position from ledger.relay_checkpoint;

-- name: set_back(position)$
-- Set the checkpoint back if it is further, and return where it was. The relay sees it when it has nothing to do, or at
-- its next batch.
with before as (
    select position from ledger.relay_checkpoint for update
),
moved as (
    update ledger.relay_checkpoint set position = least(before.position, :position) from before
)
select position from before;

-- name: advance(start, end)$
-- Move the checkpoint from where the caller saw it, and answer whether it was still there: a relay that was
-- thought dead must not move what its successor has moved since. The disk is not waited for: what a crash of this
-- server takes back is sent again, and the next append would have to wait for the disk too.
with moved as (
    update ledger.relay_checkpoint set position = :end where position = :start returning 1
)
select count(*) = 1, set_config('synchronous_commit', 'off', true) from moved;
