//! Basic credentials for the proxy (RFC 7617, RFC 9110 section 11.7.2).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::PROXY_AUTHORIZATION;

use super::HttpError;
use crate::Credentials;

/// RFC 7617 pads, some clients don't; nothing is ambiguous without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads the user and password that a client sends to the proxy; `None` when it sends none.
///
/// # Errors
/// The field is there and is not Basic, or is broken.
pub fn basic_credentials(headers: &HeaderMap) -> Result<Option<Credentials>, HttpError> {
    let mut values = headers.get_all(PROXY_AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().map_err(|_| HttpError::ProxyAuthorization)?,
        (Some(_), Some(_)) => return Err(HttpError::ProxyAuthorization),
    };
    let (scheme, token) = value
        .trim()
        .split_once(' ')
        .ok_or(HttpError::ProxyAuthorization)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(HttpError::AuthScheme(scheme.into()));
    }
    let pair = BASE64
        .decode(token.trim_start())
        .map_err(|_| HttpError::BasicCredentials)?;
    // A user name has no colon, a password may have some.
    let colon = pair
        .iter()
        .position(|byte| *byte == b':')
        .ok_or(HttpError::BasicCredentials)?;
    let (user, password) = (&pair[..colon], &pair[colon + 1..]);
    Ok(Some(Credentials {
        user: user.try_into()?,
        password: password.try_into()?,
    }))
}
