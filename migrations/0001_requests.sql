-- One row a request. No prompt, no answer, no key, ever.
-- Times are milliseconds (created_at since the Unix epoch). Money is integer pico-dollars (1e-12 USD). Read it with
-- CAST(cost_pico_usd AS TEXT), since JavaScript numbers lose it above 2^53.
CREATE TABLE requests (
  id TEXT NOT NULL PRIMARY KEY,
  project_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  requested_model TEXT NOT NULL,
  model TEXT,
  provider TEXT,
  upstream_model TEXT,
  stream INTEGER NOT NULL,
  status INTEGER NOT NULL,
  error_class TEXT,
  attempts INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost_pico_usd INTEGER,
  estimated INTEGER NOT NULL,
  latency_ms INTEGER NOT NULL,
  ttft_ms INTEGER,
  trail TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_by_project_and_time ON requests (project_id, created_at);
