INSERT INTO requests (
  id, project_id, created_at, requested_model, model, provider, upstream_model, stream, status, error_class, attempts,
  prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, cost_pico_usd, estimated, latency_ms, ttft_ms,
  trail, cost_source)
-- Each element's text is made once; read from json_each itself it would be made for each of its fields.
WITH r AS MATERIALIZED (SELECT value FROM json_each(?1))
SELECT
  value ->> 'id', value ->> 'project_id', value ->> 'created_at', value ->> 'requested_model', value ->> 'model',
  value ->> 'provider', value ->> 'upstream_model', value ->> 'stream', value ->> 'status', value ->> 'error_class',
  value ->> 'attempts', value ->> 'prompt_tokens', value ->> 'completion_tokens', value ->> 'cached_tokens',
  value ->> 'reasoning_tokens', value ->> 'cost_pico_usd', value ->> 'estimated', value ->> 'latency_ms',
  value ->> 'ttft_ms', value ->> 'trail', value ->> 'cost_source'
FROM r
WHERE true
ON CONFLICT (id) DO NOTHING
