-- Count what was asked by the hour, and note how far the access log is complete
-- depends: 20261123_05_roles

-- migrate: apply

-- This also waits for the filing that is under way, and keeps out the next until all of this is committed:
-- whoever files moves its offsets first. So the counts below are of every row that is there by then.
alter table access_log.offsets add column caught_up_at timestamptz;

-- How many requests there were in an hour, one row for all that are alike but for what is not here. Kept in the
-- transaction that files the rows, so the two always agree. What a request did not have is '', so that the
-- combination can be the key. A reason of '' is an allowed request. The hour comes first in the key: what is
-- added and what is old lie together. Rows are rewritten in place, which needs room in the page.
create table access_log.hourly_counts (
    hour timestamptz not null,
    key_id text collate "C" not null,
    vendor_id text collate "C" not null,
    account_id text collate "C" not null,
    category text collate "C" not null,
    access text collate "C" not null,
    reason text collate "C" not null,
    requests bigint not null check (requests > 0),
    primary key (hour, key_id, vendor_id, account_id, category, access, reason)
) with (fillfactor = 70);

-- Whose hours are asked for. Requests without the id are no one's, and not in the index.
create index hourly_counts_key on access_log.hourly_counts (key_id, hour) where key_id <> '';
create index hourly_counts_account on access_log.hourly_counts (account_id, hour) where account_id <> '';
create index hourly_counts_vendor on access_log.hourly_counts (vendor_id, hour) where vendor_id <> '';

insert into access_log.hourly_counts
select
    date_trunc('hour', at, 'UTC') as hour,
    coalesce(key_id, '') as key_id,
    coalesce(vendor_id, '') as vendor_id,
    coalesce(account_id, '') as account_id,
    coalesce(category, '') as category,
    coalesce(access, '') as access,
    coalesce(reason, '') as reason,
    count(*) as requests
from access_log.events
group by 1, 2, 3, 4, 5, 6, 7;

grant select, insert, update (requests), delete on access_log.hourly_counts to keyfold_audit;
grant update (caught_up_at) on access_log.offsets to keyfold_audit;

grant select on access_log.hourly_counts, access_log.offsets to keyfold_registry;

-- migrate: rollback
