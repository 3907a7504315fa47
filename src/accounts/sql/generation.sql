SELECT json_array(
  id, project_id, created_at, requested_model, model, provider, upstream_model, json(iif(stream, 'true', 'false')), status,
  error_class, attempts, latency_ms, ttft_ms,
  prompt_tokens, completion_tokens, prompt_tokens + completion_tokens, cached_tokens, reasoning_tokens, cost_pico_usd,
  cost_source, json(iif(estimated, 'true', 'false')), trail
) AS row
FROM requests
WHERE id = ?1
