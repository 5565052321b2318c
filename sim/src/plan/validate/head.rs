//! What a request of a plan says beside its body: whether HTTP could say it.

use super::{PlanError, ensure};
use crate::plan::{HEAD_BYTES_MAX, HEADERS_MAX, METHOD_MAX, Request};

/// Whether method, path and headers can be sent. `place` names a field of the request.
pub(super) fn validate(request: &Request, place: impl Fn(&str) -> String) -> Result<(), PlanError> {
    let Request { method, path, headers, .. } = request;
    if let Some(method) = method {
        let is_right =
            (1..=METHOD_MAX).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase());
        let right = || format!("it is from 1 to {METHOD_MAX} upper-case letters, as GET");
        ensure(is_right, || place("method"), format_args!("{method:?}"), right)?;
    }
    if let Some(path) = path {
        let is_right = path.starts_with('/')
            && path.len() <= HEAD_BYTES_MAX
            && path.bytes().all(|byte| byte.is_ascii_graphic());
        let right =
            || format!("it begins with a slash and has at most {HEAD_BYTES_MAX} bytes of visible ASCII");
        ensure(is_right, || place("path"), format_args!("{path:?}"), right)?;
    }
    let many = headers.len();
    ensure(
        many <= HEADERS_MAX,
        || place("headers"),
        format_args!("a list of {many}"),
        || format!("a request has at most {HEADERS_MAX}"),
    )?;
    for (i, (name, value)) in headers.iter().enumerate() {
        ensure(
            is_name(name),
            || place(&format!("headers[{i}][0]")),
            format_args!("{name:?}"),
            || {
                format!(
                    "a name is from 1 to {HEAD_BYTES_MAX} lower-case letters, digits and signs of a token, as x-trace"
                )
            },
        )?;
        ensure(
            is_value(value),
            || place(&format!("headers[{i}][1]")),
            format_args!("{value:?}"),
            || format!("a value has at most {HEAD_BYTES_MAX} bytes of visible ASCII and spaces within"),
        )?;
    }
    Ok(())
}

/// A token of RFC 9110, in lower case.
fn is_name(name: &str) -> bool {
    let is_token =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=HEAD_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_token)
}

fn is_value(value: &str) -> bool {
    value.len() <= HEAD_BYTES_MAX
        && value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        && value.trim_ascii() == value
}
