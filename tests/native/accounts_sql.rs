//! The statements fit the tables. What they do is tested in a real SQLite: tests/scripts/accounts-sql.test.mjs.

use opengateway::accounts::day::Day;
use opengateway::accounts::histogram::{BOUNDS_MS, BUCKETS};
use opengateway::accounts::report::{COUNTS, GroupBy, sums};
use opengateway::accounts::sql::{self, GENERATION_FACTS, Param, ROW};

const MIGRATION: &str = include_str!("../../migrations/0002_accounts.sql");
const REPORT: &str = include_str!("../../src/accounts/sql/report.sql");

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
fn a_report_is_of_its_group_and_its_project() {
    let (from, to) = (Day::parse("2026-10-01").unwrap(), Day::parse("2026-10-31").unwrap());
    let texts = |texts: &[&str]| texts.iter().map(|text| Param::Text((*text).to_owned())).collect::<Vec<_>>();
    let [from_param, to_param] = texts(&["2026-10-01", "2026-10-31"]).try_into().unwrap();
    let days = vec![from_param, to_param, Param::Number(7)];
    let all = sums(None, from, to, None, 7);
    assert_eq!((all.sql.as_ref(), &all.params), (REPORT, &days));
    for by in GroupBy::ALL {
        let grouped = sums(None, from, to, Some(by), 7);
        assert_eq!(grouped.sql, REPORT.replace("/*key*/''", by.as_str()));
        assert_eq!(grouped.params, days);
    }
    let project = sums(Some("shop"), from, to, None, 7);
    assert_eq!(project.sql, REPORT.replace("/*project*/", "project_id = ?4 AND"));
    assert_eq!(project.params, [days, texts(&["shop"])].concat());
    for place in ["/*key*/''", "/*project*/"] {
        assert_eq!(REPORT.matches(place).count(), 1, "{place}");
    }
}

#[test]
fn what_a_client_sends_never_becomes_part_of_a_statement() {
    let day = Day::parse("2026-10-01").unwrap();
    assert_eq!(sums(Some("' OR 1=1 --"), day, day, None, 1).sql, sums(Some("shop"), day, day, None, 1).sql);
}

#[test]
fn what_is_written_are_the_columns_of_the_tables_in_their_order() {
    assert_eq!(inserted(sql::ROLLUP), columns("usage_daily"));
    assert_eq!(inserted(sql::DEAD_LETTER), columns("dead_letters"));
    let requests = include_str!("../../migrations/0001_requests.sql");
    let of_requests = requests.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let added = include_str!("../../migrations/0003_cost_source.sql").lines();
    let of_requests = of_requests
        .chain(added.filter_map(|line| line.strip_prefix("ALTER TABLE requests ADD COLUMN ")?.split(' ').next()));
    assert_eq!(inserted(sql::INSERT), of_requests.collect::<Vec<_>>());
}

#[test]
fn every_sum_is_added_to_what_is_there() {
    let (_, update) = sql::ROLLUP.split_once("DO UPDATE SET\n").unwrap();
    let name = |line: &'static str| line.trim().split_once(" = ").map(|(name, _)| name);
    let updated: Vec<&str> = update.lines().filter_map(name).collect();
    assert_eq!(updated, columns("usage_daily")[5..]);
}

#[test]
fn the_buckets_are_those_of_the_histogram() {
    for name in ["latency", "ttft"] {
        let of_table = columns("usage_daily").into_iter().filter(|column| column.starts_with(&format!("{name}_")));
        assert_eq!(of_table.count(), BUCKETS);
        for bucket in 0..BUCKETS {
            let column = format!("{name}_{bucket:02}");
            assert!(REPORT.contains(&format!("sum({column}) AS {column}")), "{column}");
            assert!(REPORT.contains(&format!("sum(iif(c = '', {column}, 0))")), "{column}");
        }
        for (bucket, bound) in BOUNDS_MS.iter().enumerate() {
            let above = if bucket > 0 { format!("{name}_ms > {} AND ", BOUNDS_MS[bucket - 1]) } else { String::new() };
            let range = format!("count(*) FILTER (WHERE {above}{name}_ms <= {bound})");
            assert!(sql::ROLLUP.contains(&range) && MIGRATION.contains(&range), "{range}");
        }
        let open = format!("count(*) FILTER (WHERE {name}_ms > {})", BOUNDS_MS[BUCKETS - 2]);
        assert!(sql::ROLLUP.contains(&open) && MIGRATION.contains(&open), "{open}");
    }
    let told: String = BOUNDS_MS.map(|bound| bound.to_string()).join(",");
    let comment: String = MIGRATION.replace("\n--", "").split_whitespace().collect();
    assert!(comment.contains(&told), "the comment names the bounds");
}

#[test]
fn what_is_read_has_as_many_members_as_the_code_takes() {
    let members = |statement: &str| {
        let (_, list) = statement.split_once("json_array(").unwrap();
        let (list, _) = list.split_once(&format!(") AS {ROW}")).unwrap();
        let mut depth = 0;
        let commas = list.chars().filter(|character| {
            depth += i32::from(*character == '(') - i32::from(*character == ')');
            *character == ',' && depth == 0
        });
        commas.count() + 1
    };
    assert_eq!(members(sql::GENERATION), GENERATION_FACTS.len() + 9);
    assert_eq!(members(REPORT), COUNTS.len() + 4);
}

#[test]
fn no_index_and_no_trigger_costs_another_row_for_each_request() {
    assert!(MIGRATION.contains("DROP INDEX requests_by_project_and_time;"));
    for word in ["CREATE TRIGGER", "CREATE UNIQUE"] {
        assert!(!MIGRATION.contains(word), "{word}");
    }
    // The day of a sum never changes, so its index is written once a day for each group.
    let indexes: Vec<&str> = MIGRATION.lines().filter(|line| line.contains("CREATE INDEX")).collect();
    assert_eq!(indexes, ["CREATE INDEX usage_daily_by_day ON usage_daily (day);"]);
}

#[test]
fn no_statement_reaches_the_platforms_bounds() {
    // 100 KB a statement; nowhere near it, since it is sent with each write.
    assert!(sql::ROLLUP.len() < 8_000, "{}", sql::ROLLUP.len());
    for statement in [sql::ROLLUP, sql::INSERT, sql::DEAD_LETTER] {
        assert!(!statement.contains("OR IGNORE"), "it would swallow a missing value");
    }
}
