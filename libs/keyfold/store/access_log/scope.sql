-- How the planner treats queries of the log, until the session ends.

-- name: prepare()#
-- Each statement is planned for its own values: a plan for any value would lock every partition. And it follows the
-- order of an index where it can, rather than gather and sort rows: the planner expects too few of them, because it
-- takes an account and its key for two independent conditions.
set plan_cache_mode = force_custom_plan;
set enable_bitmapscan = off;
set enable_sort = off;
set max_parallel_workers_per_gather = 0;
