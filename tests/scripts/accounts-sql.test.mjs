// The statements of src/accounts/sql/ in a real SQLite.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";

import { inRoot } from "../../scripts/lib/paths.mjs";

const BOUNDS_MS = [50, 100, 150, 200, 300, 400, 600, 800, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 12000, 20000, 30000, 60000, 120000];
const LARGEST = 2n ** 63n - 1n;

const statement = (name) => readFileSync(inRoot("src", "accounts", "sql", `${name}.sql`), "utf8");
const migration = (name) => readFileSync(inRoot("migrations", name), "utf8");

const MIGRATIONS = readdirSync(inRoot("migrations")).sort();

/** The database, with what the tests do with it. */
class Accounts {
  constructor({ upTo = MIGRATIONS.length } = {}) {
    this.database = new DatabaseSync(":memory:", { readBigInts: true });
    MIGRATIONS.slice(0, upTo).forEach((name) => this.database.exec(migration(name)));
  }

  /** Both statements over one array, as `edge/d1.rs` sends them: all or nothing. */
  flush(records, { text = `[${records.map(json).join(",")}]` } = {}) {
    this.database.exec("BEGIN");
    try {
      for (const name of ["rollup", "insert"]) this.database.prepare(statement(name)).run(text);
      this.database.exec("COMMIT");
    } catch (error) {
      this.database.exec("ROLLBACK");
      throw error;
    }
  }

  days() {
    return this.database.prepare("SELECT * FROM usage_daily ORDER BY project_id, day, provider, model, error_class").all().map((row) => ({ ...row }));
  }

  rows(table = "requests") {
    return this.database.prepare(`SELECT * FROM ${table} ORDER BY id`).all().map((row) => ({ ...row }));
  }
}

/** JSON with big integers as they are. */
const json = (value) => JSON.stringify(value, (_, part) => (typeof part === "bigint" ? JSON.rawJSON(part.toString()) : part));

let count = 0;
const record = (fields = {}) => ({
  id: `01990000-0000-7000-8000-${String(++count).padStart(12, "0")}`, project_id: "shop", created_at: Date.UTC(2026, 9, 6, 12), requested_model: "auto",
  model: "m", provider: "groq", upstream_model: "openai/m", stream: 0, status: 200, error_class: null, attempts: 1, prompt_tokens: 10,
  completion_tokens: 20, cached_tokens: 3, reasoning_tokens: 4, cost_pico_usd: 500, estimated: 0, latency_ms: 120, ttft_ms: null, trail: "groq/m=200",
  cost_source: "catalog",
  ...fields,
});

/** What the daily sums must be, in plain JavaScript. */
function model(records) {
  const days = new Map();
  const seen = new Set();
  const bucket = (ms) => { const at = BOUNDS_MS.findIndex((bound) => ms <= bound); return String(at < 0 ? 20 : at).padStart(2, "0"); };
  for (const r of records) {
    if (seen.has(r.id)) continue;
    seen.add(r.id);
    const key = [r.project_id, new Date(r.created_at).toISOString().slice(0, 10), r.provider ?? "", r.model ?? "", r.error_class ?? ""];
    const name = key.join("\0");
    if (!days.has(name)) {
      const histograms = ["latency", "ttft"].flatMap((kind) => Array.from({ length: 21 }, (_, i) => [`${kind}_${String(i).padStart(2, "0")}`, 0n]));
      const [project_id, day, provider, model, error_class] = key;
      days.set(name, {
        project_id, day, provider, model, error_class, requests: 0n, prompt_tokens: 0n, completion_tokens: 0n, cached_tokens: 0n,
        reasoning_tokens: 0n, cost_pico_usd: 0n, unpriced: 0n, estimated: 0n, ...Object.fromEntries(histograms),
      });
    }
    const day = days.get(name);
    day.requests += 1n;
    for (const tokens of ["prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"]) day[tokens] += BigInt(r[tokens]);
    if (r.cost_pico_usd !== null) day.cost_pico_usd += BigInt(r.cost_pico_usd);
    else if (r.prompt_tokens + r.completion_tokens > 0) day.unpriced += 1n;
    day.estimated += BigInt(r.estimated);
    day[`latency_${bucket(r.latency_ms)}`] += 1n;
    if (r.ttft_ms !== null) day[`ttft_${bucket(r.ttft_ms)}`] += 1n;
  }
  const key = (day) => [day.project_id, day.day, day.provider, day.model, day.error_class].join("\0");
  return [...days.values()].sort((one, other) => (key(one) < key(other) ? -1 : 1));
}

/** A generator of random numbers from 0 to 1 that gives the same ones each time (mulberry32). */
function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function randomRecords(random, number) {
  const below = (n) => Math.floor(random() * n);
  const one = (...choices) => choices[below(choices.length)];
  return Array.from({ length: number }, () => {
    const tried = below(12) > 0;
    return record({
      project_id: one("shop", "blog"),
      created_at: Date.UTC(2026, 9, 6, 23, 59) + below(2) * 60_000 + below(1000),
      provider: tried ? one("groq", "cerebras") : null,
      model: tried ? one("m", "n") : null,
      error_class: tried ? one(null, null, null, "stream_cut", "client_closed") : "rate_limited",
      prompt_tokens: one(0, below(5000)),
      completion_tokens: one(0, below(900)),
      cached_tokens: below(100),
      cost_pico_usd: one(null, 0, below(1e9), 2n ** 53n + BigInt(below(1000)) * 2n + 1n),
      estimated: below(2),
      latency_ms: one(below(200), below(5000), one(...BOUNDS_MS) + below(2), 130_000),
      ttft_ms: one(null, below(3000), one(...BOUNDS_MS) + below(2)),
    });
  });
}

describe("a flush", () => {
  test("writes what it is given", () => {
    const accounts = new Accounts();
    const sent = record({ cost_pico_usd: 9007199254740993n, ttft_ms: 56, error_class: "stream_cut" });
    accounts.flush([sent]);
    const [row] = accounts.rows();
    for (const [name, value] of Object.entries(sent)) assert.equal(row[name], typeof value === "number" ? BigInt(value) : value, name);
    assert.deepEqual(accounts.days(), model([sent]));
  });

  test("that is repeated counts nothing twice", () => {
    const accounts = new Accounts();
    const records = [record(), record({ error_class: "stream_cut" }), record({ provider: null, model: null })];
    for (let i = 0; i < 3; i++) accounts.flush(records);
    accounts.flush([...records.slice(1), record()]);
    assert.equal(accounts.rows().length, 4);
    assert.equal(accounts.days().reduce((sum, day) => sum + day.requests, 0n), 4n);
  });

  test("counts one of two records with the same id, and the same one in both tables", () => {
    const accounts = new Accounts();
    const first = record({ prompt_tokens: 1 });
    accounts.flush([first, record(), { ...first, prompt_tokens: 1000, model: "n" }]);
    assert.deepEqual(accounts.days().map((day) => [day.model, day.requests, day.prompt_tokens]), [["m", 2n, 11n]]);
    assert.equal(accounts.rows().find(({ id }) => id === first.id).prompt_tokens, 1n);
  });

  test("of no record does nothing", () => {
    const accounts = new Accounts();
    accounts.flush([]);
    assert.deepEqual([accounts.rows(), accounts.days()], [[], []]);
  });

  test("of a request that no provider got, or whose cost nobody knows, says so", () => {
    const accounts = new Accounts();
    accounts.flush([
      record({ provider: null, model: null, upstream_model: null, error_class: "rate_limited", prompt_tokens: 0, completion_tokens: 0, cost_pico_usd: null }),
      record({ cost_pico_usd: null }),
      record({ cost_pico_usd: 0 }),
    ]);
    const [none, some] = accounts.days();
    assert.deepEqual([none.provider, none.model, none.error_class, none.unpriced, none.cost_pico_usd], ["", "", "rate_limited", 0n, 0n]);
    assert.deepEqual([some.requests, some.unpriced, some.cost_pico_usd], [2n, 1n, 0n]);
  });

  for (const [what, fields] of Object.entries({
    "no project": { project_id: null },
    "no id": { id: null },
    "a text for a number": { status: "two hundred" },
    "a fraction for a number": { prompt_tokens: 1.5 },
    "no time": { created_at: null },
    "a cost that no integer holds": { cost_pico_usd: 2n ** 64n - 1n },
  })) {
    test(`with a record that has ${what} is refused as a whole`, () => {
      const accounts = new Accounts();
      assert.throws(() => accounts.flush([record(), record(fields)]), /constraint failed|cannot store|datatype mismatch/);
      assert.deepEqual([accounts.rows(), accounts.days()], [[], []]);
    });
  }

  test("of what is no JSON is refused", () => {
    for (const text of ["", "[", "[{}", "{"]) assert.throws(() => new Accounts().flush([], { text }), /malformed JSON/);
  });

  test("is exact far above what a float holds, and stops at the largest integer", () => {
    const accounts = new Accounts();
    const costs = [2n ** 53n + 1n, 2n ** 60n + 7n, 1n];
    accounts.flush(costs.map((cost_pico_usd) => record({ cost_pico_usd })));
    assert.equal(accounts.days()[0].cost_pico_usd, costs[0] + costs[1] + costs[2]);
    accounts.flush([record({ cost_pico_usd: LARGEST }), record({ cost_pico_usd: LARGEST })]);
    accounts.flush([record({ cost_pico_usd: LARGEST })]);
    assert.equal(accounts.days()[0].cost_pico_usd, LARGEST);
    assert.equal(accounts.days()[0].requests, 6n, "and no request is lost for it");
  });

  test("each, of thousands of records in batches that overlap, adds up to what a plain sum gives", () => {
    const random = seeded(20261006);
    const records = randomRecords(random, 4000);
    const accounts = new Accounts();
    for (let at = 0; at < records.length;) {
      const length = 1 + Math.floor(random() * 120);
      const again = Math.floor(random() * 40);
      accounts.flush(records.slice(Math.max(0, at - again), at + length));
      at += length;
    }
    assert.equal(accounts.rows().length, records.length);
    assert.deepEqual(accounts.days(), model(records));
  });
});

const FROM = "2026-10-01";
const TO = "2026-10-31";

/** The statement of a report, as src/accounts/report.rs makes it. */
function reportSql({ project = null, group = null }) {
  const sql = statement("report").replace("/*key*/''", group ?? "/*key*/''");
  return project ? sql.replace("/*project*/", "project_id = ?4 AND") : sql;
}

/** The rows of a report. D1 binds a number as a float. */
function report(accounts, { project = null, group = null, limit = 500.0 } = {}) {
  const values = [FROM, TO, limit, project].filter((value) => value !== null);
  return accounts.database.prepare(reportSql({ project, group })).all(...values).map(({ row }) => row);
}

/** What the row of a report must be, of the days of `model` that belong to its group. */
function reportRow(key, days) {
  const sum = (rows, name) => rows.reduce((all, row) => all + row[name], 0n);
  const whole = days.filter((day) => day.error_class === "");
  const failed = {};
  for (const day of days.filter(({ error_class }) => error_class !== "")) failed[day.error_class] = (failed[day.error_class] ?? 0n) + day.requests;
  const histogram = (kind) => Array.from({ length: 21 }, (_, i) => sum(whole, `${kind}_${String(i).padStart(2, "0")}`));
  return [
    key, sum(days, "requests"), sum(whole, "requests"), Object.fromEntries(Object.entries(failed).sort()),
    ...["prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "unpriced", "estimated", "cost_pico_usd"].map((name) => sum(days, name)),
    histogram("latency"), histogram("ttft"),
  ];
}

describe("a report", () => {
  const accounts = new Accounts();
  const records = randomRecords(seeded(99), 2000);
  // The last moment before its days, their first and last one, and the first one after them.
  const edges = [Date.UTC(2026, 9, 1) - 1, Date.UTC(2026, 9, 1), Date.UTC(2026, 10, 1) - 1, Date.UTC(2026, 10, 1)];
  records.push(...edges.map((created_at) => record({ created_at })));
  accounts.flush(records);
  const days = model(records);
  for (const project of [null, "shop"]) {
    for (const group of [null, "day", "provider", "model"]) {
      const name = `of ${project ?? "all projects"} ${group ? `by ${group}` : "as a whole"}`;
      test(`${name} is the sum of its days, exactly, and leaves other days and projects out`, () => {
        const wanted = days.filter((day) => day.day >= FROM && day.day <= TO && (project ?? day.project_id) === day.project_id);
        const keys = [...new Set(wanted.map((day) => (group ? day[group] : "")))].sort();
        const expected = keys.map((key) => json(reportRow(key, wanted.filter((day) => !group || day[group] === key))));
        assert.deepEqual(report(accounts, { project, group }), expected);
        assert.ok(wanted.length > 10 && wanted.length < days.length);
      });
    }
  }

  test("has no more groups than it is told", () => {
    const many = new Accounts();
    many.flush(["d", "b", "a", "c"].map((provider) => record({ provider })));
    assert.deepEqual(report(many, { group: "provider", limit: 3 }).map((row) => JSON.parse(row)[0]), ["a", "b", "c"]);
  });

  test("over nothing has no row", () => {
    for (const group of [null, "day"]) assert.deepEqual(report(new Accounts(), { group }), []);
  });

  test("does not fail where a sum of money has no end", () => {
    const rich = new Accounts();
    rich.flush(["a", "b", "c"].map((provider) => record({ provider, cost_pico_usd: LARGEST })));
    assert.match(report(rich)[0], /,9223372036854775807,\[/);
  });

  test("of one project reads its days by the key", () => {
    const plan = accounts.database.prepare(`EXPLAIN QUERY PLAN ${reportSql({ project: "shop", group: "model" })}`).all(FROM, TO, 500, "shop");
    assert.ok(plan.some(({ detail }) => /SEARCH usage_daily USING PRIMARY KEY \(project_id=\? AND day>\? AND day<\?\)/.test(detail)), json(plan));
  });

  test("and a request take no more arguments in one function than D1 does", () => {
    const D1_ARGUMENTS = 32;
    for (const sql of [statement("report"), statement("generation")]) {
      const counts = callsIn(sql, "json_array");
      assert.ok(counts.length > 0 && counts.every((count) => count <= D1_ARGUMENTS), `${counts}`);
    }
  });
});

/** How many arguments each call of a function has. */
function callsIn(sql, name) {
  return [...sql.matchAll(new RegExp(`\\b${name}\\(`, "g"))].map(({ index }) => {
    let [depth, count] = [0, 1];
    for (let at = index + name.length; ; at++) {
      if (sql[at] === "(") depth += 1;
      else if (sql[at] === ")" && --depth === 0) return count;
      else if (sql[at] === "," && depth === 1) count += 1;
    }
  });
}

describe("a request of the accounts", () => {
  test("is read as it was written", () => {
    const accounts = new Accounts();
    const sent = record({ cost_pico_usd: 9007199254740993n, ttft_ms: 56, error_class: "stream_cut", requested_model: 'a "b"', cost_source: "provider" });
    accounts.flush([sent, record()]);
    const { row } = accounts.database.prepare(statement("generation")).get(sent.id);
    assert.equal(row, json([
      sent.id, "shop", sent.created_at, 'a "b"', "m", "groq", "openai/m", false, 200, "stream_cut", 1, 120, 56, 10, 20, 30, 3, 4, 9007199254740993n, "provider", false, sent.trail,
    ]));
    assert.equal(accounts.database.prepare(statement("generation")).get("another"), undefined);
  });
});

describe("a record from before", () => {
  test("has no source of its cost, and comes in all the same", () => {
    const accounts = new Accounts();
    const { cost_source: _, ...before } = record();
    accounts.flush([before]);
    assert.deepEqual(accounts.rows().map(({ id, cost_source }) => [id, cost_source]), [[before.id, null]]);
  });
});

describe("the migration", () => {
  test("has no quotes and no semicolons in comments, at which Cloudflare cuts it into wrong statements", () => {
    for (const name of readdirSync(inRoot("migrations"))) {
      for (const comment of migration(name).match(/--.*$/gm)) assert.doesNotMatch(comment, /['"`;]/, name);
      assert.doesNotMatch(migration(name), /CREATE\s+TRIGGER|\r/i, name);
    }
  });

  test("counts the requests that are there, and gives them ids of their time", () => {
    const accounts = new Accounts({ upTo: 1 });
    const records = randomRecords(seeded(7), 300).map((one) => ({ ...one, id: crypto.randomUUID() }));
    const insert = statement("insert").replace(", cost_source", "").replace(", value ->> 'cost_source'", "");
    accounts.database.prepare(insert).run(`[${records.map(json).join(",")}]`);
    for (const name of MIGRATIONS.slice(1)) accounts.database.exec(migration(name));
    assert.deepEqual(accounts.days(), model(records));
    const rows = accounts.rows();
    assert.equal(rows.length, records.length);
    assert.ok(rows.every(({ cost_source }) => cost_source === null), "nobody knows any more");
    assert.ok(rows.every(({ id }) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)));
    assert.ok(rows.every(({ id, created_at }) => BigInt(`0x${id.replace("-", "").slice(0, 12)}`) === created_at));
  });
});

describe("a dead letter", () => {
  test("is kept once", () => {
    const accounts = new Accounts();
    const insert = accounts.database.prepare(statement("dead_letter"));
    // D1 binds a number as a float.
    for (const problem of ["first", "second"]) insert.run("id-1", "shop", 1790000000000.0, problem, "{}");
    assert.deepEqual(accounts.rows("dead_letters"), [{ id: "id-1", project_id: "shop", failed_at: 1790000000000n, problem: "first", record: "{}" }]);
  });
});

describe("the retention", () => {
  test("deletes what is older, the oldest first, and no more than it is told", () => {
    const accounts = new Accounts();
    const ids = ["00000000-0001", "00000000-0002", "00000000-0003", "00000000-0004"].map((time) => `${time}-7abc-8000-000000000000`);
    accounts.flush(ids.toReversed().map((id) => record({ id })));
    const run = accounts.database.prepare(statement("delete_requests"));
    const below = "00000000-0004-7000-8000-000000000000";
    assert.equal(run.run(below, 2).changes, 2n);
    assert.deepEqual(accounts.rows().map(({ id }) => id), ids.slice(2));
    assert.equal(run.run(below, 2).changes, 1n);
    assert.equal(run.run(below, 2).changes, 0n);
    assert.deepEqual(accounts.rows().map(({ id }) => id), ids.slice(3));
    assert.equal(accounts.days().reduce((sum, day) => sum + day.requests, 0n), 4n, "the daily sums stay");
  });

  test("deletes old dead letters", () => {
    const accounts = new Accounts();
    const insert = accounts.database.prepare(statement("dead_letter"));
    [1000, 2000, 3000].forEach((at) => insert.run(`id-${at}`, "shop", at, "problem", "{}"));
    assert.equal(accounts.database.prepare(statement("delete_dead_letters")).run(3000, 100).changes, 2n);
    assert.deepEqual(accounts.rows("dead_letters").map(({ id }) => id), ["id-3000"]);
  });
});
