-- How the log is to be read by whoever asks it, until the session ends.

-- name: prepare()#
-- Each statement is planned for its very values: a plan for any value would lock every partition. And it goes
-- along an index in its order if it can, rather than gather and sort rows that are taken for fewer than they
-- are: to the planner an account and its key are two conditions that have nothing to do with each other.
set plan_cache_mode = force_custom_plan;
set enable_bitmapscan = off;
set enable_sort = off;
set max_parallel_workers_per_gather = 0;
