//! `[sign_in]` and `[single_sign_on]`: how people sign in.

use std::time::Duration;

use postern_domain::access::Role;
use postern_services::built_with;
use postern_services::settings::{SignIn, SingleSignOn};

use crate::reader::Section;
use crate::values;

pub(super) fn sign_in(mut s: Section<'_>) -> SignIn {
    let minutes = |n: u32| Duration::from_secs(u64::from(n) * 60);
    let sign_in = SignIn {
        idle: minutes(s.number("idle_minutes", 1..=43_200).unwrap_or(60)),
        session: minutes(s.number("session_hours", 1..=8760).unwrap_or(12) * 60),
        invitation: minutes(s.number("invitation_hours", 1..=8760).unwrap_or(72) * 60),
    };
    s.finish();
    sign_in
}

pub(super) fn single_sign_on(s: Option<Section<'_>>) -> Option<SingleSignOn> {
    let mut s = s?;
    let name = s.text("name", values::any).unwrap_or_else(|| "single sign-on".into());
    let issuer = s.text("issuer", values::web_url);
    let client_id = s.text("client_id", values::any);
    let client_secret = s.text("client_secret_file", values::secret_file);
    let groups_claim = s.text("groups_claim", values::any).unwrap_or_else(|| "groups".into());
    let scopes = s.list("scopes", values::any).unwrap_or_else(|| vec!["email".into(), "profile".into()]);
    let recheck = Duration::from_secs(u64::from(s.number("recheck_minutes", 1..=1440).unwrap_or(60)) * 60);
    let roles = [
        (Role::OrganizationManagement, "organization_management"),
        (Role::SecurityAdministrator, "security_administrator"),
        (Role::SecurityReader, "security_reader"),
        (Role::GlobalReader, "global_reader"),
    ];
    let roles: Vec<_> = roles.into_iter().filter_map(|(role, key)| Some((role, s.list(key, values::any)?))).collect();
    if !built_with::SINGLE_SIGN_ON {
        s.invalid("issuer", &built_with::left_out("single sign-on", "single-sign-on"));
    }
    if issuer.is_none() {
        s.missing("issuer", "name the provider, for example \"https://login.example.com/realms/staff\"");
    }
    if client_id.is_none() {
        s.missing("client_id", "say what the provider knows Postern by, for example \"postern\"");
    }
    if client_secret.is_none() {
        s.missing("client_secret_file", "name the file that holds the client secret");
    }
    if roles.is_empty() {
        s.missing("organization_management", "list the groups that give a role, or nobody can sign in");
    }
    s.finish();
    Some(SingleSignOn {
        name,
        issuer: issuer?,
        client_id: client_id?,
        client_secret: client_secret?,
        groups_claim,
        scopes,
        recheck,
        roles,
    })
}
