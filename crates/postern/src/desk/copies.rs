//! Copies to several addresses: what a mail server has to know to make them.

use postern_domain::OrganizationId;
use serde::{Deserialize, Serialize};

use super::Desk;

/// One address that stands for several, to which a policy's copies go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CopyAlias {
    /// The policy.
    pub policy: String,
    /// Its organization.
    pub organization: OrganizationId,
    /// The address that the mail server is asked to add.
    pub alias: String,
    /// The addresses that it has to stand for.
    pub to: Vec<String>,
}

impl Desk {
    /// Every alias that a mail server needs whose protocol adds one recipient at most.
    pub(super) fn copy_aliases(&self) -> Vec<CopyAlias> {
        let settings = self.settings.load();
        let known = self.policies.load();
        let organizations = std::iter::once(&*settings.organization).chain(settings.tenants.values().map(|one| &**one));
        let mut aliases = Vec::new();
        for organization in organizations {
            let Some(domain) = organization.domains.first() else { continue };
            let book = &known.of(&organization.id).book;
            for policy in book.custom.iter().chain([&book.default]) {
                if let Some((alias, to)) =
                    policy.copies(domain.as_str()).and_then(|copies| Some((copies.alias?, copies.to)))
                {
                    aliases.push(CopyAlias {
                        policy: policy.name.clone(),
                        organization: organization.id.clone(),
                        alias,
                        to,
                    });
                }
            }
        }
        aliases.sort_by(|a, b| a.alias.cmp(&b.alias));
        aliases
    }
}
