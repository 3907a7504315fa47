DELETE FROM dead_letters
WHERE id IN (SELECT id FROM dead_letters WHERE failed_at < CAST(?1 AS INTEGER) LIMIT CAST(?2 AS INTEGER))
