//! The parts of the platform that `web-sys` does not know, and those that are asked for many things at a time.

use js_sys::Promise;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::{
    AbortController, ReadableStream, ReadableStreamDefaultReader, Request, Response, StreamPipeOptions, WritableStream,
};

/// Stands between the strings of a list that crosses as one.
pub(super) const SEPARATOR: char = '\0';

#[wasm_bindgen(module = "/src/edge/platform.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    pub(super) fn head(request: &Request) -> Result<String, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn send(
        url: &str,
        headers: &str,
        body: &[u8],
        controller: &AbortController,
        client: &Request,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = send)]
    pub(super) fn send_stream(
        url: &str,
        headers: &str,
        body: &ReadableStream,
        controller: &AbortController,
        client: &Request,
    ) -> Result<Promise, JsValue>;

    /// A promise of a response. Where the call is given up it takes its time all the same, and its body is broken off.
    #[wasm_bindgen(catch, js_name = runModel)]
    pub(super) fn run_model(
        env: &JsValue,
        model: &str,
        body: &str,
        controller: &AbortController,
        client: &Request,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn gone(request: &Request) -> Result<bool, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn entropy(bytes: u32) -> Result<js_sys::Uint8Array, JsValue>;

    #[wasm_bindgen(catch, js_name = replyHead)]
    pub(super) fn reply_head(response: &Response, quota: u8) -> Result<String, JsValue>;

    #[wasm_bindgen(catch)]
    pub(super) fn respond(status: u16, headers: &str, body: &[u8]) -> Result<Response, JsValue>;

    #[wasm_bindgen(catch, js_name = respondWith)]
    pub(super) fn respond_with(
        status: u16,
        headers: &str,
        stream: Option<&ReadableStream>,
    ) -> Result<Response, JsValue>;

    /// A promise that a task is to settle.
    pub(super) type Debt;

    pub(super) fn owe(resume: &JsValue) -> Debt;

    pub(super) fn pay(debt: &Debt, value: &JsValue);

    #[wasm_bindgen(method, getter)]
    pub(super) fn promise(this: &Debt) -> Promise;

    pub(super) fn settle(promise: &Promise, id: u32, resume: &JsValue);

    #[wasm_bindgen(catch)]
    pub(super) fn wake(ms: f64, id: u32, resume: &JsValue) -> Result<f64, JsValue>;

    /// Reads into the buffer of `last`, what was read before, or into a new one of so many bytes.
    #[wasm_bindgen(catch, js_name = readOn)]
    pub(super) fn read_on(reader: &ByobReader, last: &JsValue, bytes: u32) -> Result<Promise, JsValue>;

    /// See `readAhead` of `platform.js`.
    pub(super) type Ahead;

    #[wasm_bindgen(catch, js_name = readAhead)]
    pub(super) fn read_ahead(body: &ReadableStream) -> Result<Ahead, JsValue>;

    /// Where the rest is read.
    #[wasm_bindgen(method, getter)]
    pub(super) fn reader(this: &Ahead) -> ByobReader;

    /// Nothing is read ahead any more.
    #[wasm_bindgen(method, getter)]
    pub(super) fn over(this: &Ahead) -> bool;

    /// Ends it: from now on nothing is read that nobody asks for.
    #[wasm_bindgen(method, catch)]
    pub(super) fn stop(this: &Ahead) -> Result<(), JsValue>;
}

#[wasm_bindgen]
extern "C" {
    /// workerd's native pass-through stream. `new TransformStream()` is a JavaScript one: it wakes the isolate for each
    /// chunk.
    pub(super) type IdentityTransformStream;

    #[wasm_bindgen(constructor)]
    pub(super) fn new() -> IdentityTransformStream;

    #[wasm_bindgen(method, getter)]
    pub(super) fn readable(this: &IdentityTransformStream) -> ReadableStream;

    #[wasm_bindgen(method, getter)]
    pub(super) fn writable(this: &IdentityTransformStream) -> WritableStream;

    /// The same for so many bytes: what is sent from it has a `content-length`.
    pub(super) type FixedLengthStream;

    #[wasm_bindgen(constructor, catch)]
    pub(super) fn new(bytes: f64) -> Result<FixedLengthStream, JsValue>;

    #[wasm_bindgen(method, getter)]
    pub(super) fn readable(this: &FixedLengthStream) -> ReadableStream;

    #[wasm_bindgen(method, getter)]
    pub(super) fn writable(this: &FixedLengthStream) -> WritableStream;

    /// What `reader.read()` resolves to.
    pub(super) type ReadResult;

    #[wasm_bindgen(method, getter)]
    pub(super) fn done(this: &ReadResult) -> bool;

    #[wasm_bindgen(method, getter)]
    pub(super) fn value(this: &ReadResult) -> JsValue;

    /// A reader that fills a buffer of ours, so that one read takes all that has piled up.
    #[wasm_bindgen(js_name = ReadableStreamBYOBReader)]
    pub(super) type ByobReader;

    #[wasm_bindgen(constructor, catch, js_class = "ReadableStreamBYOBReader")]
    pub(super) fn new(stream: &ReadableStream) -> Result<ByobReader, JsValue>;

    #[wasm_bindgen(method)]
    pub(super) fn read(this: &ByobReader, view: &js_sys::Uint8Array) -> Promise;

    /// Workers' own: comes back with `least` bytes, or with fewer at the end.
    #[wasm_bindgen(method, catch, js_name = readAtLeast)]
    pub(super) fn read_at_least(this: &ByobReader, least: u32, view: &js_sys::Uint8Array) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method)]
    pub(super) fn cancel(this: &ByobReader) -> Promise;

    #[wasm_bindgen(method, catch, js_name = releaseLock)]
    pub(super) fn release_lock(this: &ByobReader) -> Result<(), JsValue>;

    #[wasm_bindgen(catch, js_name = clearTimeout)]
    pub(super) fn clear_timeout(handle: f64) -> Result<(), JsValue>;

    /// A `ReadableStream` whose methods may throw: `web-sys` declares them as if they never did, and a throw through
    /// WebAssembly takes every request of the isolate with it.
    #[wasm_bindgen(js_name = ReadableStream)]
    pub(super) type Body;

    #[wasm_bindgen(method, catch)]
    pub(super) fn tee(this: &Body) -> Result<js_sys::Array, JsValue>;

    #[wasm_bindgen(method, catch, js_name = getReader)]
    pub(super) fn reader(this: &Body) -> Result<ReadableStreamDefaultReader, JsValue>;

    #[wasm_bindgen(method, catch, js_name = pipeTo)]
    pub(super) fn pipe_to(this: &Body, to: &WritableStream, options: &StreamPipeOptions) -> Result<Promise, JsValue>;

    /// A D1 database.
    pub(super) type D1Database;

    #[wasm_bindgen(method, catch)]
    pub(super) fn prepare(this: &D1Database, sql: &str) -> Result<D1Statement, JsValue>;

    #[wasm_bindgen(method, catch)]
    pub(super) fn batch(this: &D1Database, statements: &js_sys::Array) -> Result<js_sys::Promise, JsValue>;

    /// A statement of D1.
    pub(super) type D1Statement;

    #[wasm_bindgen(method, catch, variadic)]
    pub(super) fn bind(this: &D1Statement, values: &js_sys::Array) -> Result<D1Statement, JsValue>;

    /// A binding to Durable Objects.
    pub(super) type ObjectNamespace;

    #[wasm_bindgen(method, catch, js_name = getByName)]
    pub(super) fn by_name(this: &ObjectNamespace, name: &str) -> Result<ObjectStub, JsValue>;

    /// What messages to a Durable Object are sent through.
    pub(super) type ObjectStub;

    #[wasm_bindgen(method, catch)]
    pub(super) fn fetch(this: &ObjectStub, url: &str, init: &web_sys::RequestInit) -> Result<js_sys::Promise, JsValue>;

    /// What a Durable Object is given of itself.
    pub(super) type ObjectState;

    #[wasm_bindgen(method, getter)]
    pub(super) fn id(this: &ObjectState) -> ObjectId;

    #[wasm_bindgen(method, getter)]
    pub(super) fn storage(this: &ObjectState) -> ObjectStorage;

    /// Who a Durable Object is.
    pub(super) type ObjectId;

    #[wasm_bindgen(method, getter)]
    pub(super) fn name(this: &ObjectId) -> Option<String>;

    /// A Durable Object's storage and its alarm.
    pub(super) type ObjectStorage;

    #[wasm_bindgen(method, getter)]
    pub(super) fn sql(this: &ObjectStorage) -> Sql;

    #[wasm_bindgen(method, catch, js_name = getAlarm)]
    pub(super) fn alarm(this: &ObjectStorage) -> Result<js_sys::Promise, JsValue>;

    /// Milliseconds since the Unix epoch.
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    pub(super) fn set_alarm(this: &ObjectStorage, at_ms: f64) -> Result<js_sys::Promise, JsValue>;

    /// A Durable Object's SQLite.
    pub(super) type Sql;

    #[wasm_bindgen(method, catch, variadic)]
    pub(super) fn exec(this: &Sql, query: &str, values: &js_sys::Array) -> Result<Cursor, JsValue>;

    /// The rows of an answer.
    pub(super) type Cursor;

    /// An iterator over arrays of values.
    #[wasm_bindgen(method, catch)]
    pub(super) fn raw(this: &Cursor) -> Result<js_sys::Iterator, JsValue>;
}

/// What an error says, for the log.
pub(super) fn words(error: &JsValue) -> String {
    let message = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    message.or_else(|| error.as_string()).unwrap_or_else(|| "an error without words".to_owned())
}
