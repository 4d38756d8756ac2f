-- Keep which numbers of each gatekeeper's run are filed
-- depends: 20261123_08_filings

-- migrate: apply

-- A run of a gatekeeper numbers its events from 1 without a gap. A row says which of the numbers of one block, 2048 that
-- follow one another, are there with a time in that hour. Kept in the transaction that files the rows, so the two always
-- agree. Blocks are what bounds a row: while consumers are far apart, every other number may be missing yet.
create table access_log.filed_numbers (
    gatekeeper text collate "C" not null,
    block bigint not null,
    hour timestamptz not null,
    numbers int8multirange not null,
    -- Of these numbers there is more than one row.
    twice int8multirange not null,
    -- How many rows there are.
    filed bigint not null check (filed >= 0),
    -- How many events were left out, because the log had them already.
    duplicates bigint not null check (duplicates >= 0),
    primary key (gatekeeper, block, hour)
) with (fillfactor = 70);

create index filed_numbers_hour on access_log.filed_numbers (hour, gatekeeper);

-- Up to which number of a run nothing is said any more, for the events are older than the log keeps them.
create table access_log.forgotten_numbers (
    gatekeeper text collate "C" primary key,
    number bigint not null,
    hour timestamptz not null
);

-- Waits for the filing that is under way, and keeps out the next until all of this is committed: whoever files moves its
-- offsets first. So what follows is of every row that is there by then.
lock table access_log.offsets in share row exclusive mode;

insert into access_log.filed_numbers
select
    gatekeeper,
    seq / 2048 as block,
    hour,
    range_agg(int8range(seq, seq + 1)) as numbers,
    coalesce(range_agg(int8range(seq, seq + 1)) filter (where copies > 1), '{}') as twice,
    sum(copies) as filed,
    0 as duplicates
from (
    select gatekeeper, seq, date_trunc('hour', at, 'UTC') as hour, count(*) as copies
    from access_log.events
    group by 1, 2, 3
) as filed
group by 1, 2, 3;

-- What a run had before its first row that is still there may have been dropped with its day: nobody knows.
insert into access_log.forgotten_numbers
select gatekeeper, min(lower(numbers)) - 1, min(hour)
from access_log.filed_numbers
group by gatekeeper
having min(lower(numbers)) > 1;

grant select, insert, update (numbers, twice, filed, duplicates), delete on access_log.filed_numbers to keyfold_audit;
grant select, insert, update (number, hour), delete on access_log.forgotten_numbers to keyfold_audit;

-- migrate: rollback
