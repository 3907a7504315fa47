WITH part AS (
  SELECT
    /*key*/'' AS k, error_class AS c,
    min(9223372036854775807, ifnull(sum(cost_pico_usd / 1000000) * 1000000 + sum(cost_pico_usd % 1000000), 0)) AS cost_pico_usd,
    sum(requests) AS requests, sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
    sum(cached_tokens) AS cached_tokens, sum(reasoning_tokens) AS reasoning_tokens, sum(unpriced) AS unpriced,
    sum(estimated) AS estimated, sum(latency_00) AS latency_00, sum(latency_01) AS latency_01,
    sum(latency_02) AS latency_02, sum(latency_03) AS latency_03, sum(latency_04) AS latency_04,
    sum(latency_05) AS latency_05, sum(latency_06) AS latency_06, sum(latency_07) AS latency_07,
    sum(latency_08) AS latency_08, sum(latency_09) AS latency_09, sum(latency_10) AS latency_10,
    sum(latency_11) AS latency_11, sum(latency_12) AS latency_12, sum(latency_13) AS latency_13,
    sum(latency_14) AS latency_14, sum(latency_15) AS latency_15, sum(latency_16) AS latency_16,
    sum(latency_17) AS latency_17, sum(latency_18) AS latency_18, sum(latency_19) AS latency_19,
    sum(latency_20) AS latency_20, sum(ttft_00) AS ttft_00, sum(ttft_01) AS ttft_01, sum(ttft_02) AS ttft_02,
    sum(ttft_03) AS ttft_03, sum(ttft_04) AS ttft_04, sum(ttft_05) AS ttft_05, sum(ttft_06) AS ttft_06,
    sum(ttft_07) AS ttft_07, sum(ttft_08) AS ttft_08, sum(ttft_09) AS ttft_09, sum(ttft_10) AS ttft_10,
    sum(ttft_11) AS ttft_11, sum(ttft_12) AS ttft_12, sum(ttft_13) AS ttft_13, sum(ttft_14) AS ttft_14,
    sum(ttft_15) AS ttft_15, sum(ttft_16) AS ttft_16, sum(ttft_17) AS ttft_17, sum(ttft_18) AS ttft_18,
    sum(ttft_19) AS ttft_19, sum(ttft_20) AS ttft_20
  FROM usage_daily
  WHERE /*project*/ day >= ?1 AND day <= ?2
  GROUP BY 1, 2
)
SELECT json_array(
  k, sum(requests), sum(iif(c = '', requests, 0)), json(json_group_object(c, requests) FILTER (WHERE c <> '')),
  sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), sum(reasoning_tokens),
  sum(unpriced), sum(estimated),
  min(9223372036854775807, ifnull(sum(cost_pico_usd / 1000000) * 1000000 + sum(cost_pico_usd % 1000000), 0)),
  json_array(
    sum(iif(c = '', latency_00, 0)), sum(iif(c = '', latency_01, 0)), sum(iif(c = '', latency_02, 0)),
    sum(iif(c = '', latency_03, 0)), sum(iif(c = '', latency_04, 0)), sum(iif(c = '', latency_05, 0)),
    sum(iif(c = '', latency_06, 0)), sum(iif(c = '', latency_07, 0)), sum(iif(c = '', latency_08, 0)),
    sum(iif(c = '', latency_09, 0)), sum(iif(c = '', latency_10, 0)), sum(iif(c = '', latency_11, 0)),
    sum(iif(c = '', latency_12, 0)), sum(iif(c = '', latency_13, 0)), sum(iif(c = '', latency_14, 0)),
    sum(iif(c = '', latency_15, 0)), sum(iif(c = '', latency_16, 0)), sum(iif(c = '', latency_17, 0)),
    sum(iif(c = '', latency_18, 0)), sum(iif(c = '', latency_19, 0)), sum(iif(c = '', latency_20, 0))
  ),
  json_array(
    sum(iif(c = '', ttft_00, 0)), sum(iif(c = '', ttft_01, 0)), sum(iif(c = '', ttft_02, 0)),
    sum(iif(c = '', ttft_03, 0)), sum(iif(c = '', ttft_04, 0)), sum(iif(c = '', ttft_05, 0)),
    sum(iif(c = '', ttft_06, 0)), sum(iif(c = '', ttft_07, 0)), sum(iif(c = '', ttft_08, 0)),
    sum(iif(c = '', ttft_09, 0)), sum(iif(c = '', ttft_10, 0)), sum(iif(c = '', ttft_11, 0)),
    sum(iif(c = '', ttft_12, 0)), sum(iif(c = '', ttft_13, 0)), sum(iif(c = '', ttft_14, 0)),
    sum(iif(c = '', ttft_15, 0)), sum(iif(c = '', ttft_16, 0)), sum(iif(c = '', ttft_17, 0)),
    sum(iif(c = '', ttft_18, 0)), sum(iif(c = '', ttft_19, 0)), sum(iif(c = '', ttft_20, 0))
  )
) AS row
FROM part
GROUP BY k
ORDER BY k
LIMIT CAST(?3 AS INTEGER)
