-- Let services look up what a login is bound to, find invitations, and spend links once
-- depends: 20261130_04_daily-sums

-- migrate: apply

-- What each login was bound to, event by event. A service that believes tokens may see this of the ledger and no more:
-- an id in place of the login's names, and what it is bound to. The last event of a login says how it stands.
create view ledger.logins with (security_barrier) as
select stream, version, type = 'keyfold.login.bound' as is_bound, account_id, vendor_id
from ledger.events
where type in ('keyfold.login.bound', 'keyfold.login.ended');

-- Lists of an account's or a vendor's logins and invitations, and of all invitations.
create index events_signing_in on ledger.events (coalesce(account_id, vendor_id), type, position)
where type in ('keyfold.login.bound', 'keyfold.invitation.made');
create index events_invitations on ledger.events (position) where type = 'keyfold.invitation.made';

-- Links that were spent, each by the SHA-256 of its id, until nobody could spend it any more.
create table ledger.spent_links (
    digest bytea primary key check (octet_length(digest) = 32),
    expires_at timestamptz not null
);

create index spent_links_age on ledger.spent_links (expires_at);

grant select on ledger.logins to keyfold_registry, keyfold_gatekeeper, keyfold_audit;
grant select, insert, delete on ledger.spent_links to keyfold_registry;

-- migrate: rollback
