//! Copies to several addresses: the aliases that a mail server needs to make them.

use postern_domain::policy::CopyAlias;

use crate::service::StatusService;

impl StatusService {
    /// Every alias needed by a mail server whose protocol adds at most one recipient.
    pub(super) fn copy_aliases(&self) -> Vec<CopyAlias> {
        let settings = self.settings.load();
        let known = self.policies.books.load();
        let organizations = std::iter::once(&*settings.organization).chain(settings.tenants());
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
