-- Daily sums, what could not be recorded, and request ids that sort by time. Remote migrations are cut into statements
-- by Cloudflare, which breaks on what it does not expect: so no trigger, and in comments no quotes and no semicolon.

-- Request ids are UUIDv7 from now on: in the order of time, so old rows are found by the key alone. An index would be
-- one more written row a request. Rows from before get such an id, too, of the time they came and the random part of the
-- id they had. Otherwise they would never be deleted.
DROP INDEX requests_by_project_and_time;

UPDATE requests
SET id = printf('%08x-%04x-7%s', created_at >> 16, created_at & 65535, substr(id, 16))
WHERE substr(id, 15, 1) = '4';

-- What a project used on one day. It stays when the requests behind it have gone after RETENTION_DAYS.
--   day           YYYY-MM-DD, UTC, of created_at
--   provider      the one that answered, or the last one tried, empty if none was
--   model         the same of the catalogue id
--   error_class   empty = whole answers
--   cost_pico_usd the sum of the known costs, integer pico-dollars (1e-12 USD)
--   unpriced      requests with tokens but no known cost
--   estimated     requests whose tokens are estimated
--   latency_NN    how many took so long, in ms: up to 50, 100, 150, 200, 300, 400, 600, 800, 1000, 1500, 2000, 3000,
--                 4000, 6000, 8000, 12000, 20000, 30000, 60000, 120000 (inclusive), and longer
--   ttft_NN       the same for the time to the first token, of the streams that had one
CREATE TABLE usage_daily (
  project_id TEXT NOT NULL,
  day TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  error_class TEXT NOT NULL,
  requests INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost_pico_usd INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  estimated INTEGER NOT NULL,
  latency_00 INTEGER NOT NULL, latency_01 INTEGER NOT NULL, latency_02 INTEGER NOT NULL,
  latency_03 INTEGER NOT NULL, latency_04 INTEGER NOT NULL, latency_05 INTEGER NOT NULL,
  latency_06 INTEGER NOT NULL, latency_07 INTEGER NOT NULL, latency_08 INTEGER NOT NULL,
  latency_09 INTEGER NOT NULL, latency_10 INTEGER NOT NULL, latency_11 INTEGER NOT NULL,
  latency_12 INTEGER NOT NULL, latency_13 INTEGER NOT NULL, latency_14 INTEGER NOT NULL,
  latency_15 INTEGER NOT NULL, latency_16 INTEGER NOT NULL, latency_17 INTEGER NOT NULL,
  latency_18 INTEGER NOT NULL, latency_19 INTEGER NOT NULL, latency_20 INTEGER NOT NULL,
  ttft_00 INTEGER NOT NULL, ttft_01 INTEGER NOT NULL, ttft_02 INTEGER NOT NULL,
  ttft_03 INTEGER NOT NULL, ttft_04 INTEGER NOT NULL, ttft_05 INTEGER NOT NULL,
  ttft_06 INTEGER NOT NULL, ttft_07 INTEGER NOT NULL, ttft_08 INTEGER NOT NULL,
  ttft_09 INTEGER NOT NULL, ttft_10 INTEGER NOT NULL, ttft_11 INTEGER NOT NULL,
  ttft_12 INTEGER NOT NULL, ttft_13 INTEGER NOT NULL, ttft_14 INTEGER NOT NULL,
  ttft_15 INTEGER NOT NULL, ttft_16 INTEGER NOT NULL, ttft_17 INTEGER NOT NULL,
  ttft_18 INTEGER NOT NULL, ttft_19 INTEGER NOT NULL, ttft_20 INTEGER NOT NULL,
  PRIMARY KEY (project_id, day, provider, model, error_class)
) STRICT, WITHOUT ROWID;

-- A report over all projects reads the days that it is asked for, not all there ever were. Only a new row is written here
-- as well: sums that grow leave their day alone.
CREATE INDEX usage_daily_by_day ON usage_daily (day);

-- The requests that are there already are in no sum yet.
INSERT INTO usage_daily
SELECT project_id, date(created_at / 1000, 'unixepoch'), ifnull(provider, ''), ifnull(model, ''),
  ifnull(error_class, ''), count(*), sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), sum(reasoning_tokens),
  ifnull(sum(cost_pico_usd), 0), sum(cost_pico_usd IS NULL AND prompt_tokens + completion_tokens > 0), sum(estimated),
  count(*) FILTER (WHERE latency_ms <= 50),
  count(*) FILTER (WHERE latency_ms > 50 AND latency_ms <= 100),
  count(*) FILTER (WHERE latency_ms > 100 AND latency_ms <= 150),
  count(*) FILTER (WHERE latency_ms > 150 AND latency_ms <= 200),
  count(*) FILTER (WHERE latency_ms > 200 AND latency_ms <= 300),
  count(*) FILTER (WHERE latency_ms > 300 AND latency_ms <= 400),
  count(*) FILTER (WHERE latency_ms > 400 AND latency_ms <= 600),
  count(*) FILTER (WHERE latency_ms > 600 AND latency_ms <= 800),
  count(*) FILTER (WHERE latency_ms > 800 AND latency_ms <= 1000),
  count(*) FILTER (WHERE latency_ms > 1000 AND latency_ms <= 1500),
  count(*) FILTER (WHERE latency_ms > 1500 AND latency_ms <= 2000),
  count(*) FILTER (WHERE latency_ms > 2000 AND latency_ms <= 3000),
  count(*) FILTER (WHERE latency_ms > 3000 AND latency_ms <= 4000),
  count(*) FILTER (WHERE latency_ms > 4000 AND latency_ms <= 6000),
  count(*) FILTER (WHERE latency_ms > 6000 AND latency_ms <= 8000),
  count(*) FILTER (WHERE latency_ms > 8000 AND latency_ms <= 12000),
  count(*) FILTER (WHERE latency_ms > 12000 AND latency_ms <= 20000),
  count(*) FILTER (WHERE latency_ms > 20000 AND latency_ms <= 30000),
  count(*) FILTER (WHERE latency_ms > 30000 AND latency_ms <= 60000),
  count(*) FILTER (WHERE latency_ms > 60000 AND latency_ms <= 120000),
  count(*) FILTER (WHERE latency_ms > 120000),
  count(*) FILTER (WHERE ttft_ms <= 50),
  count(*) FILTER (WHERE ttft_ms > 50 AND ttft_ms <= 100),
  count(*) FILTER (WHERE ttft_ms > 100 AND ttft_ms <= 150),
  count(*) FILTER (WHERE ttft_ms > 150 AND ttft_ms <= 200),
  count(*) FILTER (WHERE ttft_ms > 200 AND ttft_ms <= 300),
  count(*) FILTER (WHERE ttft_ms > 300 AND ttft_ms <= 400),
  count(*) FILTER (WHERE ttft_ms > 400 AND ttft_ms <= 600),
  count(*) FILTER (WHERE ttft_ms > 600 AND ttft_ms <= 800),
  count(*) FILTER (WHERE ttft_ms > 800 AND ttft_ms <= 1000),
  count(*) FILTER (WHERE ttft_ms > 1000 AND ttft_ms <= 1500),
  count(*) FILTER (WHERE ttft_ms > 1500 AND ttft_ms <= 2000),
  count(*) FILTER (WHERE ttft_ms > 2000 AND ttft_ms <= 3000),
  count(*) FILTER (WHERE ttft_ms > 3000 AND ttft_ms <= 4000),
  count(*) FILTER (WHERE ttft_ms > 4000 AND ttft_ms <= 6000),
  count(*) FILTER (WHERE ttft_ms > 6000 AND ttft_ms <= 8000),
  count(*) FILTER (WHERE ttft_ms > 8000 AND ttft_ms <= 12000),
  count(*) FILTER (WHERE ttft_ms > 12000 AND ttft_ms <= 20000),
  count(*) FILTER (WHERE ttft_ms > 20000 AND ttft_ms <= 30000),
  count(*) FILTER (WHERE ttft_ms > 30000 AND ttft_ms <= 60000),
  count(*) FILTER (WHERE ttft_ms > 60000 AND ttft_ms <= 120000),
  count(*) FILTER (WHERE ttft_ms > 120000)
FROM requests
GROUP BY 1, 2, 3, 4, 5;

-- Records that the tables above refuse, whole, for a person to look at. failed_at in milliseconds since the Unix epoch.
CREATE TABLE dead_letters (
  id TEXT NOT NULL PRIMARY KEY,
  project_id TEXT NOT NULL,
  failed_at INTEGER NOT NULL,
  problem TEXT NOT NULL,
  record TEXT NOT NULL
) STRICT, WITHOUT ROWID;
