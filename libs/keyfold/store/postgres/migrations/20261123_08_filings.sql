-- Number the filings of the access log in the order in which they become visible
-- depends: 20261123_06_hourly-counts

-- migrate: apply

-- A filing is a transaction that filed rows, and each row says which. Null for rows from before there were any.
alter table access_log.events add column filing bigint;

-- Drawn as a filing begins, for its rows need it: the order of these says nothing.
create sequence access_log.filing_ids as bigint;

-- Drawn as a filing ends, under a lock that is held until it is committed: whoever sees a number has seen all
-- those before it, or never will. A rolled back filing leaves a gap.
create sequence access_log.filing_numbers as bigint;

-- Where the rows of a filing are: for each hour of theirs, from which time until which, both included. There is
-- always a newest number, and all from the oldest one on are there: the first of all filed nothing.
create table access_log.filings (
    number bigint not null,
    since timestamptz not null,
    until timestamptz not null,
    filing bigint not null,
    filed_at timestamptz not null default clock_timestamp(),
    primary key (number, since)
);

insert into access_log.filings (number, since, until, filing) values (0, 'epoch', 'epoch', 0);

grant usage on sequence access_log.filing_ids, access_log.filing_numbers to keyfold_audit;
grant select, insert, delete on access_log.filings to keyfold_audit;

-- migrate: rollback
