//! `GET /v1/analytics`: what was used, by day, provider or model.

use super::database::{members, unreadable};
use super::query::parameters;
use crate::accounts::day::Day;
use crate::accounts::failure::D1Failure;
use crate::accounts::histogram::Histogram;
use crate::accounts::report::{COUNTS, GroupBy, sums};
use crate::accounts::sql::{Outcome, Statement};
use crate::json::ObjectWriter;
use crate::openai::error::ApiError;
use crate::project::ProjectId;
use crate::usage::price::usd;

/// The days of a report for which nobody says which: about a month.
pub const DEFAULT_DAYS: i64 = 30;

/// The longest report: a leap year. Each day's row is read anew for each report, and D1 counts what it reads.
pub const MAX_DAYS: i64 = 366;

/// The most groups in a report: more than the days of a year and the models of the catalogue. Clients may name models of
/// their own where a provider takes any, so there is no other bound.
pub const MAX_GROUPS: usize = 500;

/// What a report is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The project; none: all.
    pub project_id: Option<ProjectId>,
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// What a group is.
    pub group_by: GroupBy,
}

impl Query {
    /// Reads the query of an address. `now_ms` (milliseconds since the Unix epoch) says what day it is.
    ///
    /// # Errors
    /// 400, naming the parameter and what may stand there.
    pub fn parse(query: &str, now_ms: u64) -> Result<Self, ApiError> {
        let mut values = parameters(query, &["project_id", "to", "from", "group_by"])?.into_iter();
        let mut value = || values.next().flatten();
        let project_id = value().map(|id| {
            ProjectId::parse(&id).map_err(|problem| invalid("project_id", &format!("cannot be used: {problem}.")))
        });
        let to = day("to", value())?.unwrap_or(Day::of(now_ms));
        let from = day("from", value())?.unwrap_or(to.plus(1 - DEFAULT_DAYS));
        let days = to.since(from) + 1;
        if days < 1 {
            return Err(invalid(
                "from",
                &format!("({from}) is after `to` ({to}). Both are days, and both are included."),
            ));
        }
        if days > MAX_DAYS {
            let message = format!(
                "({from}) to `to` ({to}) is {days} days; a report has at most {MAX_DAYS} days. Send a later `from`."
            );
            return Err(invalid("from", &message));
        }
        let group_by = match value() {
            None => GroupBy::Day,
            Some(name) => GroupBy::ALL
                .into_iter()
                .find(|by| by.as_str() == name)
                .ok_or_else(|| invalid("group_by", "must be day, provider or model."))?,
        };
        Ok(Self { project_id: project_id.transpose()?, from, to, group_by })
    }
}

fn day(name: &'static str, text: Option<String>) -> Result<Option<Day>, ApiError> {
    let parse = |text: String| Day::parse(&text).ok_or_else(|| invalid(name, "must be a day, UTC, as YYYY-MM-DD."));
    text.map(parse).transpose()
}

fn invalid(param: &'static str, problem: &str) -> ApiError {
    ApiError::invalid("invalid_value", format!("`{param}` {problem}")).with_param(param)
}

/// The sums of everything, and those of each group. One group more than is shown tells whether there are more.
pub(super) fn statements(query: &Query) -> Vec<Statement> {
    let project = query.project_id.as_ref().map(ProjectId::as_str);
    let of = |group, limit| sums(project, query.from, query.to, group, limit);
    vec![of(None, 1), of(Some(query.group_by), MAX_GROUPS as u64 + 1)]
}

/// The report, as JSON, of what the [`statements`] came to.
///
/// # Errors
/// When the rows do not fit the code.
pub(super) fn report(query: &Query, outcomes: &[Outcome]) -> Result<String, D1Failure> {
    let [totals, groups] = outcomes else { return Err(unreadable()) };
    let totals = totals.rows.first().map_or(NOTHING, String::as_str);
    let groups = &groups.rows;
    let mut out = String::with_capacity(1024);
    let mut object = ObjectWriter::new(&mut out);
    object.string("object", "list");
    object.optional_string("project_id", query.project_id.as_ref().map(ProjectId::as_str));
    object.string("from", &query.from.to_string());
    object.string("to", &query.to.to_string());
    object.string("group_by", query.group_by.as_str());
    let data = object.key("data");
    data.push('[');
    for (index, row) in groups.iter().take(MAX_GROUPS).enumerate() {
        if index > 0 {
            data.push(',');
        }
        group(data, row, true)?;
    }
    data.push(']');
    object.boolean("has_more", groups.len() > MAX_GROUPS);
    group(object.key("totals"), totals, false)?;
    object.end();
    Ok(out)
}

/// The row of a report over no request.
const NOTHING: &str = "[\"\",0,0,{},0,0,0,0,0,0,0,[],[]]";

/// One group. Its counts stand in the row as they stand in the answer.
fn group(out: &mut String, row: &str, with_key: bool) -> Result<(), D1Failure> {
    let row = members(row)?;
    let [key, counts @ .., cost, latency, ttft] = row.as_slice() else { return Err(unreadable()) };
    if counts.len() != COUNTS.len() {
        return Err(unreadable());
    }
    let mut object = ObjectWriter::new(out);
    if with_key {
        // Without one no provider was asked.
        object.raw("key", if *key == "\"\"" { "null" } else { key });
    }
    let mut unpriced = false;
    for (name, count) in COUNTS.iter().zip(counts) {
        object.raw(name, count);
        unpriced |= *name == "unpriced_requests" && *count != "0";
    }
    let cost = cost.parse().map_err(|_| unreadable())?;
    // An unknown cost is not zero. Where some of it is known, that part is told.
    object.raw("cost_usd", &if cost == 0 && unpriced { "null".to_owned() } else { usd(cost) });
    for (name, counts) in [("latency_ms", latency), ("ttft_ms", ttft)] {
        let histogram = histogram(counts)?;
        let mut percentiles = ObjectWriter::new(object.key(name));
        for (name, percent) in [("p50", 50), ("p95", 95), ("p99", 99)] {
            match histogram.percentile(percent) {
                Some(ms) => percentiles.number(name, ms),
                None => percentiles.raw(name, "null"),
            }
        }
        percentiles.end();
    }
    object.end();
    Ok(())
}

fn histogram(counts: &str) -> Result<Histogram, D1Failure> {
    let mut histogram = Histogram::default();
    for (place, count) in histogram.0.iter_mut().zip(members(counts)?) {
        *place = count.parse().map_err(|_| unreadable())?;
    }
    Ok(histogram)
}
