//! The scope of a policy: the entities it applies to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::entity::{EntityId, EntityKind};

/// Users, groups and domains that a policy applies to, and exceptions.
///
/// As in Exchange, an entity has to match one value of each condition that is set; if it matches
/// any exception, the policy does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// These accounts, or connectors given as `connector:NAME`.
    pub users: Vec<EntityId>,
    /// Members of these groups.
    pub groups: Vec<String>,
    /// Accounts in these domains and their subdomains.
    pub domains: Vec<String>,
    /// Not these accounts or connectors.
    pub except_users: Vec<EntityId>,
    /// Not members of these groups.
    pub except_groups: Vec<String>,
    /// Not accounts in these domains or their subdomains.
    pub except_domains: Vec<String>,
}

/// An entity and the groups it is in.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The account or connector.
    pub entity: &'a EntityId,
    /// Names of its groups.
    pub groups: &'a [String],
}

/// Why a scope does not match an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mismatch {
    /// It is none of the users.
    Users,
    /// It is in none of the groups.
    Groups,
    /// It is in none of the domains.
    Domains,
    /// It is one of the excepted users.
    ExceptUsers,
    /// It is in an excepted group.
    ExceptGroups,
    /// It is in an excepted domain.
    ExceptDomains,
}

impl Scope {
    /// Whether there is no condition at all.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && self.domains.is_empty()
    }

    /// Whether there is neither condition nor exception.
    pub fn is_for_everyone(&self) -> bool {
        *self == Self::default()
    }

    /// Checks whether the scope matches `member`.
    ///
    /// # Errors
    /// The scope does not match; the error specifies why.
    pub fn holds(&self, member: Member<'_>) -> Result<(), Mismatch> {
        let user = |users: &[EntityId]| users.contains(member.entity);
        let group = |groups: &[String]| {
            groups.iter().any(|group| member.groups.iter().any(|of| of.eq_ignore_ascii_case(group)))
        };
        let domain = |domains: &[String]| domains.iter().any(|domain| is_in_domain(member.entity, domain));
        let excepted = [
            (user(&self.except_users), Mismatch::ExceptUsers),
            (group(&self.except_groups), Mismatch::ExceptGroups),
            (domain(&self.except_domains), Mismatch::ExceptDomains),
            (!self.users.is_empty() && !user(&self.users), Mismatch::Users),
            (!self.groups.is_empty() && !group(&self.groups), Mismatch::Groups),
            (!self.domains.is_empty() && !domain(&self.domains), Mismatch::Domains),
        ];
        excepted.into_iter().find(|(holds, _)| *holds).map_or(Ok(()), |(_, why)| Err(why))
    }
}

fn is_in_domain(entity: &EntityId, domain: &str) -> bool {
    if entity.kind() != EntityKind::Account {
        return false;
    }
    let Some((_, of)) = entity.name().rsplit_once('@') else { return false };
    let below = of.len() > domain.len() && of.as_bytes()[of.len() - domain.len() - 1] == b'.';
    of == domain || (below && of.ends_with(domain))
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mismatch::Users => "is none of its users",
            Mismatch::Groups => "is in none of its groups",
            Mismatch::Domains => "is in none of its domains",
            Mismatch::ExceptUsers => "is one of its excepted users",
            Mismatch::ExceptGroups => "is in one of its excepted groups",
            Mismatch::ExceptDomains => "is in one of its excepted domains",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subdomains_are_in_a_domain_and_lookalikes_are_not() {
        let is = |account: &str| is_in_domain(&EntityId::account_named(account), "example.com");
        assert!(is("a@example.com") && is("a@x.example.com"));
        assert!(!is("a@badexample.com") && !is("a@example.com.net") && !is("a@com"));
        assert!(!is_in_domain(&EntityId::connector("x@example.com"), "example.com"));
    }
}
