//! Single sign-on (OpenID Connect Core 1.0: authorization code with PKCE, RFC 7636).

use std::collections::HashMap;
use std::pin::Pin;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AsyncHttpClient, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdTokenFields, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, StandardErrorResponse,
    StandardTokenResponse, TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::secret;
use super::{CALLBACK, Identity};
use crate::https;
use crate::present::with_sources;
use crate::settings::SingleSignOn;

/// How long the provider may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer accepted from a provider, in bytes.
const LONGEST: usize = 1024 * 1024;

/// All claims that the library has no field for, such as the groups.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    all: HashMap<String, Value>,
}

impl openidconnect::AdditionalClaims for Claims {}

type Fields = IdTokenFields<
    Claims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Client = openidconnect::Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What to remember while a person signs in at the provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pending {
    state: String,
    nonce: String,
    verifier: String,
}

/// Why single sign-on failed.
#[derive(Debug, thiserror::Error)]
pub enum SingleSignOnError {
    /// The provider can't be used.
    #[error("the single sign-on provider can't be used: {0}")]
    Provider(String),
    /// The answer does not belong to this request.
    #[error("this sign-in was begun elsewhere, or too long ago; begin again")]
    Stale,
    /// The provider gives no verified mail address for the person.
    #[error("the single sign-on provider gives no verified mail address for you; ask your admin")]
    NoAddress,
}

fn provider(error: &dyn std::error::Error) -> SingleSignOnError {
    SingleSignOnError::Provider(with_sources(error))
}

/// Why a request through our client failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Transport(String);

/// Our client, behind the library's interface.
struct Http<'h>(&'h https::Client);

impl<'c> AsyncHttpClient<'c> for Http<'_> {
    type Error = Transport;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Transport>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(call(self.0, request))
    }
}

async fn call(http: &https::Client, request: HttpRequest) -> Result<HttpResponse, Transport> {
    let (parts, body) = request.into_parts();
    let request = hyper::Request::from_parts(parts, Full::new(Bytes::from(body)));
    let talk = async {
        let answer = http.request(request).await.map_err(|error| Transport(with_sources(&error)))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, LONGEST).collect().await.map_err(|error| Transport(error.to_string()))?;
        Ok(HttpResponse::from_parts(parts, body.to_bytes().to_vec()))
    };
    match tokio::time::timeout(TIMEOUT, talk).await {
        Ok(answer) => answer,
        Err(_) => Err(Transport(format!("no answer within {} s", TIMEOUT.as_secs()))),
    }
}

/// Reads the provider's metadata and keys. Done for each sign-in: they are few, and the keys change.
async fn discover(settings: &SingleSignOn, base_url: &str, http: &https::Client) -> Result<Client, SingleSignOnError> {
    let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(|error| provider(&error))?;
    let ask = Http(http);
    let metadata = CoreProviderMetadata::discover_async(issuer, &ask).await.map_err(|error| provider(&error))?;
    let redirect = RedirectUrl::new(format!("{base_url}{CALLBACK}")).map_err(|error| provider(&error))?;
    let (id, secret) = (settings.client_id.clone(), settings.client_secret.clone());
    let client = Client::from_provider_metadata(metadata, ClientId::new(id), Some(ClientSecret::new(secret)));
    Ok(client.set_redirect_uri(redirect))
}

/// Returns where to redirect the person's browser, and what to remember until it comes back.
///
/// # Errors
/// The provider can't be reached or understood.
pub async fn begin(
    settings: &SingleSignOn,
    base_url: &str,
    http: &https::Client,
) -> Result<(String, Pending), SingleSignOnError> {
    let client = discover(settings, base_url, http).await?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let (url, state, nonce) = client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(settings.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(challenge)
        .url();
    let pending =
        Pending { state: state.secret().clone(), nonce: nonce.secret().clone(), verifier: verifier.into_secret() };
    Ok((url.to_string(), pending))
}

/// Returns the person whom the provider has authenticated, after it has redirected the browser back.
///
/// # Errors
/// The answer belongs to no request of ours, the provider can't be used, or it gives no address.
pub async fn finish(
    settings: &SingleSignOn,
    base_url: &str,
    http: &https::Client,
    pending: Pending,
    state: &str,
    code: String,
) -> Result<Identity, SingleSignOnError> {
    if secret::hash(&pending.state) != secret::hash(state) {
        return Err(SingleSignOnError::Stale);
    }
    let client = discover(settings, base_url, http).await?;
    let ask = Http(http);
    let exchange = client.exchange_code(AuthorizationCode::new(code)).map_err(|error| provider(&error))?;
    let tokens = exchange
        .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier))
        .request_async(&ask)
        .await
        .map_err(|error| provider(&error))?;
    let wrong = |what: &str| SingleSignOnError::Provider(what.to_owned());
    let token = tokens.id_token().ok_or_else(|| wrong("it sent no ID token"))?;
    let verifier = client.id_token_verifier();
    let claims = token.claims(&verifier, &Nonce::new(pending.nonce)).map_err(|error| provider(&error))?;
    if let Some(expected) = claims.access_token_hash() {
        let algorithm = token.signing_alg().map_err(|error| provider(&error))?;
        let key = token.signing_key(&verifier).map_err(|error| provider(&error))?;
        let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).map_err(|e| provider(&e))?;
        if hash != *expected {
            return Err(wrong("its access token does not belong to its ID token"));
        }
    }
    let subject = format!("{} {}", claims.issuer().as_str(), claims.subject().as_str());
    let mut found = Found::default();
    found.add(
        claims.email().map(|email| email.as_str()),
        claims.email_verified(),
        claims.additional_claims().all.get(&settings.groups_claim),
    );
    // Many providers return scope claims only from the userinfo endpoint (Core section 5.4).
    if !found.is_complete()
        && let Ok(request) = client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
    {
        let info: UserInfoClaims<Claims, CoreGenderClaim> =
            request.request_async(&ask).await.map_err(|error| provider(&error))?;
        found.add(
            info.email().map(|email| email.as_str()),
            info.email_verified(),
            info.additional_claims().all.get(&settings.groups_claim),
        );
    }
    let address = found.address.filter(|_| !found.unverified).ok_or(SingleSignOnError::NoAddress)?;
    Ok(Identity { subject, address, groups: found.groups.unwrap_or_default() })
}

/// The combined claims of the ID token and the userinfo endpoint.
#[derive(Debug, Default)]
struct Found {
    /// Whether one of them says that an address is not verified. No other can make up for that.
    unverified: bool,
    address: Option<String>,
    groups: Option<Vec<String>>,
}

impl Found {
    fn add(&mut self, email: Option<&str>, verified: Option<bool>, groups: Option<&Value>) {
        self.unverified |= verified == Some(false);
        // A provider that does not send `email_verified` is taken to vouch for its addresses.
        if self.address.is_none() {
            self.address = email.map(str::to_lowercase);
        }
        if self.groups.is_none() {
            self.groups = groups.map(texts);
        }
    }

    fn is_complete(&self) -> bool {
        self.address.is_some() && self.groups.is_some()
    }
}

/// The texts of a claim that is a string or a list of strings.
fn texts(claim: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match claim {
        Value::Array(items) => items.iter().filter_map(text).collect(),
        single => text(single).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_said_to_be_unverified_is_never_taken() {
        let taken = |claims: &[(Option<&str>, Option<bool>)]| {
            let mut found = Found::default();
            for (email, verified) in claims {
                found.add(*email, *verified, None);
            }
            found.address.filter(|_| !found.unverified)
        };
        let (ann, none) = (Some("Ann@example.com"), None);
        for good in [vec![(ann, Some(true))], vec![(ann, None)], vec![(none, None), (ann, None)]] {
            assert_eq!(taken(&good).as_deref(), Some("ann@example.com"), "{good:?}");
        }
        let bad = [
            vec![(ann, Some(false))],
            vec![(ann, Some(false)), (ann, None)],
            vec![(ann, Some(false)), (ann, Some(true))],
            vec![(ann, None), (ann, Some(false))],
            vec![(none, Some(false)), (ann, None)],
        ];
        for bad in bad {
            assert_eq!(taken(&bad), None, "{bad:?}");
        }
    }
}
