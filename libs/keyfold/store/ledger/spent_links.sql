-- name: spend(digest, expires_at)$
-- Note that a link is spent, and return true; null where it was spent before, by whomever.
insert into ledger.spent_links (digest, expires_at) values (:digest, :expires_at)
on conflict (digest) do nothing
returning true;

-- name: purge(until)$
-- Remove the links that were over before then, which nobody can spend any more, and return how many it were.
with removed as (
    delete from ledger.spent_links where expires_at < :until returning 1
)
select count(*) from removed;
