-- Count what was asked by the day too
-- depends: 20261123_11_closed-runs

-- migrate: apply

-- Waits for the filing that is under way, and keeps out the next until all of this is committed: whoever files moves its
-- offsets first. So the counts below are of every row that is there by then.
lock table access_log.offsets in share row exclusive mode;

-- As access_log.hourly_counts, for a day in UTC: what a chart of three months reads, and what tells where to look for
-- rows that are few.
create table access_log.daily_counts (
    day timestamptz not null,
    key_id text collate "C" not null,
    vendor_id text collate "C" not null,
    account_id text collate "C" not null,
    category text collate "C" not null,
    access text collate "C" not null,
    reason text collate "C" not null,
    requests bigint not null check (requests > 0),
    primary key (day, key_id, vendor_id, account_id, category, access, reason)
) with (fillfactor = 70);

-- A key's days are among its account's.
create index daily_counts_account on access_log.daily_counts (account_id, day) where account_id <> '';
create index daily_counts_vendor on access_log.daily_counts (vendor_id, day) where vendor_id <> '';

insert into access_log.daily_counts
select date_trunc('day', hour, 'UTC'), key_id, vendor_id, account_id, category, access, reason, sum(requests)
from access_log.hourly_counts
group by 1, 2, 3, 4, 5, 6, 7;

grant select, insert, update (requests), delete on access_log.daily_counts to keyfold_audit;

-- migrate: rollback
