//! The statements fit the tables. What they do is tested in tests/scripts/accounts-sql.test.mjs, in a real SQLite, which
//! runs the statements that are pinned here.

use std::path::Path;

use opengateway::accounts::histogram::{BOUNDS_MS, BUCKETS};
use opengateway::accounts::sql;

const MIGRATION: &str = include_str!("../../migrations/0002_accounts.sql");

/// The statement is the fixture's, to the letter. `WRITE_SQL_FIXTURES=1 cargo test` writes the fixtures anew.
pub(crate) fn assert_pinned(name: &str, statement: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sql").join(format!("{name}.sql"));
    let text = format!("{}\n", statement.replace(", ", ",\n"));
    if std::env::var_os("WRITE_SQL_FIXTURES").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{}", path.display());
}

/// The columns of a table.
fn columns(table: &str) -> Vec<&'static str> {
    let (_, rest) = MIGRATION.split_once(&format!("CREATE TABLE {table} (")).unwrap();
    let (body, _) = rest.split_once("\n) STRICT, WITHOUT ROWID;").unwrap();
    let columns = body.split(',').map(str::trim).filter(|column| column.contains("NOT NULL"));
    columns.map(|column| column.split_once(' ').unwrap().0).collect()
}

/// What stands in the first pair of parentheses.
fn inserted(statement: &str) -> Vec<&str> {
    let (_, rest) = statement.split_once('(').unwrap();
    rest.split_once(')').unwrap().0.split(',').map(str::trim).collect()
}

#[test]
fn the_statements_are_pinned() {
    for (name, statement) in [
        ("rollup", sql::rollup()),
        ("insert", sql::INSERT),
        ("dead_letter", sql::DEAD_LETTER),
        ("delete_requests", sql::DELETE_REQUESTS),
        ("delete_dead_letters", sql::DELETE_DEAD_LETTERS),
    ] {
        assert_pinned(name, statement);
    }
}

#[test]
fn what_is_written_are_the_columns_of_the_tables_in_their_order() {
    assert_eq!(inserted(sql::rollup()), columns("usage_daily"));
    assert_eq!(inserted(sql::DEAD_LETTER), columns("dead_letters"));
    let requests = include_str!("../../migrations/0001_requests.sql");
    let of_requests = requests.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    assert_eq!(inserted(sql::INSERT), of_requests.collect::<Vec<_>>());
}

#[test]
fn every_sum_is_added_to_what_is_there() {
    let (_, update) = sql::rollup().split_once("DO UPDATE SET ").unwrap();
    let updated: Vec<&str> =
        update.split(", ").filter_map(|term| term.split_once(" = ").map(|(name, _)| name)).collect();
    assert_eq!(updated, columns("usage_daily")[5..]);
}

#[test]
fn the_buckets_are_those_of_the_histogram() {
    for name in ["latency", "ttft"] {
        let of_table = columns("usage_daily").into_iter().filter(|column| column.starts_with(&format!("{name}_")));
        assert_eq!(of_table.count(), BUCKETS);
        for (bucket, bound) in BOUNDS_MS.iter().enumerate() {
            let above = if bucket > 0 { format!("{name}_ms > {} AND ", BOUNDS_MS[bucket - 1]) } else { String::new() };
            let range = format!("count(*) FILTER (WHERE {above}{name}_ms <= {bound})");
            assert!(sql::rollup().contains(&range) && MIGRATION.contains(&range), "{range}");
        }
        let open = format!("count(*) FILTER (WHERE {name}_ms > {})", BOUNDS_MS[BUCKETS - 2]);
        assert!(sql::rollup().contains(&open) && MIGRATION.contains(&open), "{open}");
    }
    let told: String = BOUNDS_MS.map(|bound| bound.to_string()).join(",");
    let comment: String = MIGRATION.replace("\n--", "").split_whitespace().collect();
    assert!(comment.contains(&told), "the comment names the bounds");
}

#[test]
fn no_index_and_no_trigger_costs_another_written_row() {
    assert!(MIGRATION.contains("DROP INDEX requests_by_project_and_time;"));
    for word in ["CREATE INDEX", "CREATE TRIGGER", "CREATE UNIQUE"] {
        assert!(!MIGRATION.contains(word), "{word}");
    }
}

#[test]
fn no_statement_reaches_the_platforms_bounds() {
    // 100 KB a statement; nowhere near it, since it is sent with each write.
    assert!(sql::rollup().len() < 8_000, "{}", sql::rollup().len());
    for statement in [sql::rollup(), sql::INSERT, sql::DEAD_LETTER] {
        assert!(!statement.contains("OR IGNORE"), "it would swallow a missing value");
    }
}
