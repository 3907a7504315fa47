//! Messages to Durable Objects.

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortSignal, RequestInit, Response};
use worker::Env;

use super::js::ObjectNamespace;
use super::task::settled;

/// The binding of that name, if there is one.
pub(super) fn namespace(env: &Env, binding: &str) -> Option<ObjectNamespace> {
    Reflect::get(env, &binding.into()).ok().filter(JsValue::is_object).map(JsCast::unchecked_into)
}

/// Posts `body` to the object of that name.
///
/// # Errors
/// Whatever the platform throws when the object cannot be reached, or has not answered in full after `timeout_ms`.
pub(super) async fn post(
    namespace: &ObjectNamespace,
    name: &str,
    url: &str,
    body: &str,
    timeout_ms: u32,
) -> Result<Response, JsValue> {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(body));
    init.set_signal(Some(&AbortSignal::timeout_with_u32(timeout_ms)));
    Ok(settled(&namespace.by_name(name)?.fetch(url, &init)?).await?.unchecked_into())
}
