// The part of TOML that the catalogue's files are written in, read with the place of every value, so that one value can be
// replaced and every other byte of the file stays. A form that it does not know is an error and never a guess; that the
// result is a catalogue is checked by build.rs.
import { Failure } from "../processes.mjs";

const SPACE = /[ \t\n]*/y;
const BARE = /[A-Za-z0-9_-]+/y;
const NUMBER = /-?\d+(?:\.\d+)?(?![\w.:-])/y;

/** A number as it is written, since a float would not be exact. */
export class NumberText {
  constructor(text) {
    this.text = text;
  }
}

/**
 * A file's assignments in their order: `{table, key, value, keyStart, start, end}`, offsets into the text, where `table` counts
 * the headers before it (0: none) and `headers[table - 1]` is `{text, start}`. A value is a string, boolean, `NumberText`, array of
 * `{value, start, end}`, or a Map of the same by key.
 */
export function readToml(text, path) {
  const reader = new Reader(text, path);
  const [headers, assignments] = [[], []];
  for (reader.blank(); reader.at < text.length; reader.blank()) {
    const start = reader.at;
    if (text[start] === "[") {
      const end = text.indexOf("\n", start) === -1 ? text.length : text.indexOf("\n", start);
      const header = text.slice(start, end).replace(/\s*(#.*)?$/, "");
      if (!/^\[{1,2}[A-Za-z0-9_-]+\]{1,2}$/.test(header)) reader.fail(`${header} is no header that is edited here`);
      headers.push({ text: header, start });
      reader.at = end;
    } else {
      const key = reader.key();
      reader.expect("=");
      reader.skip(/[ \t]*/y);
      assignments.push({ table: headers.length, key, keyStart: start, ...reader.value() });
      reader.skip(/[ \t]*(?:#[^\n]*)?/y);
      if (reader.at < text.length && text[reader.at] !== "\n") reader.fail("two things in one line");
    }
  }
  return { headers, assignments };
}

class Reader {
  constructor(text, path) {
    Object.assign(this, { text, path, at: 0 });
  }

  fail(problem) {
    const line = this.text.slice(0, this.at).split("\n").length;
    throw new Failure(`${this.path}:${line}: ${problem}`);
  }

  skip(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  /** White space, line ends and comments. */
  blank() {
    for (let before = -1; before !== this.at;) {
      before = this.at;
      this.skip(SPACE);
      this.skip(/#[^\n]*/y);
    }
  }

  expect(character) {
    this.skip(/[ \t]*/y);
    if (this.text[this.at] !== character) this.fail(`expected ${character}`);
    this.at += 1;
  }

  key() {
    return this.text[this.at] === '"' ? this.string() : this.skip(BARE) || this.fail("expected a name");
  }

  string() {
    const found = this.skip(/"(?:[^"\\\n]|\\["\\])*"/y);
    if (found === "" || this.text[this.at] === '"') this.fail("a text of a form that is not edited here");
    return found.slice(1, -1).replace(/\\(.)/g, "$1");
  }

  /** The value that begins here and where it stands. */
  value() {
    const start = this.at;
    return { value: this.bareValue(), start, end: this.at };
  }

  bareValue() {
    const first = this.text[this.at];
    if (first === '"') return this.string();
    if (first === "[") return this.array();
    if (first === "{") return this.inlineTable();
    const number = this.skip(NUMBER);
    if (number !== "") return new NumberText(number);
    const word = this.skip(BARE);
    if (word !== "true" && word !== "false") this.fail("a value of a form that is not edited here");
    return word === "true";
  }

  array() {
    const values = [];
    this.list("[", "]", () => values.push(this.value()));
    return values;
  }

  inlineTable() {
    const members = new Map();
    this.list("{", "}", () => {
      const key = this.key();
      this.expect("=");
      this.skip(/[ \t]*/y);
      members.set(key, this.value());
    });
    return members;
  }

  list(open, close, member) {
    this.expect(open);
    for (this.blank(); this.text[this.at] !== close; this.blank()) {
      member();
      this.blank();
      if (this.text[this.at] === ",") this.at += 1;
      else if (this.text[this.at] !== close) this.fail(`expected , or ${close}`);
    }
    this.at += 1;
  }
}

/** `text` with `edits` of `{start, end, text}` made, which must not overlap; what is put in at one place keeps its order. */
export function edited(text, edits) {
  const fromTheEnd = edits.map((edit, index) => ({ ...edit, index }));
  fromTheEnd.sort((a, b) => b.start - a.start || b.end - a.end || b.index - a.index);
  return fromTheEnd.reduce((result, edit) => result.slice(0, edit.start) + edit.text + result.slice(edit.end), text);
}

/** A text in quotes. */
export const quoted = (text) => `"${text.replace(/["\\]/g, "\\$&")}"`;
