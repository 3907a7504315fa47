INSERT INTO dead_letters (id, project_id, failed_at, problem, record)
VALUES (?1, ?2, CAST(?3 AS INTEGER), ?4, ?5)
ON CONFLICT (id) DO NOTHING
