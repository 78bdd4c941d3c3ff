//! Exchange's cmdlets: each a thin wrapper around a use case of the services, with the same roles.
//!
//! `integrations/cmdlets.toml` lists the cmdlets and their parameters ([`table`]); `bind` binds parameters to them;
//! the other modules carry them out. [`admin_api`] is the interface for Exchange's clients.

pub mod admin_api;
mod alerts;
mod answer;
pub mod bearer;
mod bind;
mod blocked;
mod error;
mod extras;
#[cfg(test)]
mod generated;
mod object;
mod policies;
mod rules;
pub mod table;
mod token;

use postern_domain::OrganizationId;
use postern_domain::access::Permission;
use serde_json::{Map, Value};

use bind::Bound;
pub use error::CmdletError;
pub use object::Object;
use postern_services::service::{Caller, Edit, ServiceError, Services};
use table::{Cmdlet, Needs};

/// The result of a cmdlet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Returned {
    /// Objects, in order.
    pub objects: Vec<Object>,
    /// Warnings, for people to read.
    pub warnings: Vec<String>,
}

impl From<Vec<Object>> for Returned {
    fn from(objects: Vec<Object>) -> Self {
        Self { objects, warnings: Vec::new() }
    }
}

/// One call: the caller, the cmdlet and the tenant.
struct Call<'a> {
    services: &'a Services,
    /// The caller, limited to the tenant.
    caller: &'a Caller,
    cmdlet: &'static Cmdlet,
    bound: Bound,
    organization: OrganizationId,
    /// The tenant's name in errors.
    tenant: String,
}

type Result<T> = std::result::Result<T, CmdletError>;

impl Call<'_> {
    /// The value of a mandatory parameter.
    fn required(&self, name: &str) -> &str {
        self.bound.text(name).unwrap_or_default()
    }

    /// A service's refusal about `identity`, in Exchange's words.
    fn refused(&self, error: &ServiceError, identity: &str) -> CmdletError {
        CmdletError::services(error, &self.cmdlet.name, identity, &self.tenant)
    }

    /// Whether an identity means the object of this kind and name: its name in any case, or its GUID.
    fn is_called(&self, identity: &str, kind: &str, name: &str) -> bool {
        name.eq_ignore_ascii_case(identity)
            || object::guid(kind, &self.organization, name).eq_ignore_ascii_case(identity)
    }

    /// Checks whether edits of outbound policies are possible, without making them.
    fn check(&self, edits: &[Edit<'_>], identity: &str) -> Result<Returned> {
        let checked = self.services.policies.check(self.caller, edits);
        checked.map(|()| Returned::default()).map_err(|error| self.refused(&error, identity))
    }

    fn missing(&self, identity: &str) -> CmdletError {
        CmdletError::missing(identity, &self.tenant)
    }
}

/// Carries out a cmdlet for a caller who is limited to the tenant.
///
/// # Errors
/// The cmdlet does not exist, a parameter is not valid, the caller's role does not permit the cmdlet, or a service
/// refuses.
pub async fn run(
    services: &Services,
    caller: &Caller,
    name: &str,
    parameters: &Map<String, Value>,
) -> Result<Returned> {
    let cmdlet = table::find(name).ok_or_else(|| CmdletError::unknown(name))?;
    let permission = match cmdlet.needs {
        Needs::Look => Permission::Look,
        Needs::Manage => Permission::Manage,
    };
    if !caller.role.is_some_and(|role| role.may(permission)) {
        return Err(CmdletError::denied(&cmdlet.name, &permission.to_string()));
    }
    let organization = caller.organization.clone().unwrap_or_else(OrganizationId::first);
    let settings = services.settings.load();
    let known = settings.organization(&organization).unwrap_or(&settings.organization);
    let tenant = known.domains.first().map_or_else(|| organization.to_string(), ToString::to_string);
    let bound = Bound::new(cmdlet, parameters)?;
    let call = Call { services, caller, cmdlet, bound, organization, tenant };
    let mut returned = carry_out(&call).await?;
    if call.bound.what_if {
        returned.warnings = vec![format!("What if: {}.", cmdlet.sentence(|name| call.bound.shown(name)))];
    }
    Ok(returned)
}

/// Runs the cmdlet. With -WhatIf it stops before the change itself, so that something that would fail is not reported
/// as possible.
async fn carry_out(call: &Call<'_>) -> Result<Returned> {
    match call.cmdlet.name.as_str() {
        "Get-BlockedSenderAddress" => blocked::senders(call).await,
        "Remove-BlockedSenderAddress" => blocked::release_sender(call).await,
        "Get-BlockedConnector" => blocked::connectors(call).await,
        "Remove-BlockedConnector" => blocked::release_connector(call).await,
        "Get-HostedOutboundSpamFilterPolicy" => policies::get(call).await,
        "New-HostedOutboundSpamFilterPolicy" => policies::new(call).await,
        "Set-HostedOutboundSpamFilterPolicy" => policies::set(call).await,
        "Remove-HostedOutboundSpamFilterPolicy" => policies::remove(call).await,
        "Get-HostedOutboundSpamFilterRule" => rules::get(call).await,
        "New-HostedOutboundSpamFilterRule" => rules::new(call).await,
        "Set-HostedOutboundSpamFilterRule" => rules::set(call).await,
        "Remove-HostedOutboundSpamFilterRule" => rules::remove(call).await,
        "Enable-HostedOutboundSpamFilterRule" => rules::enable(call, true).await,
        "Disable-HostedOutboundSpamFilterRule" => rules::enable(call, false).await,
        "Get-ProtectionAlert" => alerts::get(call),
        "New-ProtectionAlert" => alerts::new(call).await,
        "Set-ProtectionAlert" => alerts::set(call).await,
        "Remove-ProtectionAlert" => alerts::remove(call).await,
        "Get-PosternSender" => extras::senders(call).await,
        "Get-PosternUsage" => extras::usage(call).await,
        "Get-PosternExplanation" => extras::explanation(call).await,
        "Add-PosternAllowance" => extras::allow(call).await,
        "Block-PosternSender" => extras::block(call).await,
        name => Err(CmdletError::unknown(name)),
    }
}
