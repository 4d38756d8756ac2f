-- name: last(stream)^
-- How a login stands: what it was bound to last, and whether it is still. Written in every service's words: of the
-- ledger it needs this alone.
select is_bound, account_id, vendor_id from ledger.logins where stream = :stream order by version desc limit 1;

-- name: logins_of(tenant, before, limit)
-- The logins that an account or a vendor has, by where they were bound, newest first, below a position.
select bound.position, bound.stream
from ledger.events as bound
where coalesce(bound.account_id, bound.vendor_id) = :tenant and bound.type = 'keyfold.login.bound'
    and bound.position < :before
    and not exists (
        select from ledger.events as later
        where later.stream = bound.stream and later.version > bound.version
    )
order by bound.position desc
limit :limit;

-- name: invitations_of(tenant, before, limit)
-- The invitations to an account or a vendor, newest first, below a position.
select position, stream
from ledger.events
where coalesce(account_id, vendor_id) = :tenant and type = 'keyfold.invitation.made' and position < :before
order by position desc
limit :limit;

-- name: all_invitations(before, limit)
-- The invitations to anybody, newest first, below a position.
select position, stream
from ledger.events
where type = 'keyfold.invitation.made' and position < :before
order by position desc
limit :limit;
