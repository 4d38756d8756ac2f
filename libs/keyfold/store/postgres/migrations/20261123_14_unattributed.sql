-- Find what names no account and no vendor
-- depends: 20261123_13_daily-counts

-- migrate: apply

-- Keeps filing waiting while it reads the rows that are there. The others' rows are not in it: of most rows that are filed
-- nothing is asked but whether they name an account.
create index events_unattributed on access_log.events (at desc, event_id desc)
where account_id is null and vendor_id is null;

-- The counts of these requests were always kept, under '' for what they do not name.
create index hourly_counts_unattributed on access_log.hourly_counts (hour) where account_id = '' and vendor_id = '';
create index daily_counts_unattributed on access_log.daily_counts (day) where account_id = '' and vendor_id = '';

-- migrate: rollback
