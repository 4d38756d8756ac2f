-- Add the counts of whole days up further
-- depends: 20261130_03_whole

-- migrate: apply

-- What the counts of a day come to where fewer things are told apart, for accounts and vendors of which a day has many
-- counts. Added up once the day is over, from access_log.daily_counts, by libs.store.access_sums.
create table access_log.daily_sums (
    -- An account, one of its keys, or a vendor, by a name of its kind: 'account/…', 'key/account/key', 'vendor/…'.
    owner text collate "C" not null,
    -- Which of the columns below are not told, as grouping() has it: they are ''. And 32 where only denials are counted.
    kind smallint not null,
    day timestamptz not null,
    vendor_id text collate "C" not null,
    key_id text collate "C" not null,
    category text collate "C" not null,
    access text collate "C" not null,
    reason text collate "C" not null,
    requests bigint not null check (requests > 0),
    primary key (owner, kind, day, vendor_id, key_id, category, access, reason)
);

create index daily_sums_day on access_log.daily_sums (day);

-- Whose sums of which days are those of the counts; '' says of a day that everybody's are, who has many. A filing of that
-- day takes it back, in its own transaction.
create table access_log.summed_days (
    owner text collate "C" not null,
    day timestamptz not null,
    primary key (owner, day)
);

create index summed_days_day on access_log.summed_days (day);

grant select, insert, delete on access_log.daily_sums, access_log.summed_days to keyfold_audit;

-- migrate: rollback
