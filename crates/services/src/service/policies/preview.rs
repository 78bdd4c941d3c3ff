//! Preview: what an outbound policy would have done with the mail of the last days.

use std::sync::{Arc, Mutex, PoisonError};

use postern_domain::access::Permission;
use postern_domain::gate::limits_for;
use postern_domain::policy::{Allowance, OutboundPolicy, PolicyBook};
use postern_domain::restriction::Standing;
use postern_domain::traffic::{self, BUCKETS_PER_HOUR, Traffic};
use postern_domain::window::Excess;
use postern_domain::{EntityId, Timestamp};
use serde_json::Value;

use super::file;
use crate::service::{Caller, PolicyService, ServiceError};

/// The number of days that are examined.
pub const DAYS: u32 = 7;
/// The largest number of entities that are listed.
const NAMED: usize = 200;

/// What a policy would have done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PreviewView {
    /// The entities it would have acted on, by when they would have exceeded a limit, earliest first.
    pub entities: Vec<EffectView>,
    /// The number of such entities, including those not listed.
    pub count: usize,
}

/// What a policy would have done to one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectView {
    /// The account or connector.
    pub entity: EntityId,
    /// Approximately when it would have exceeded the limit: the beginning of those ten minutes.
    pub at: Timestamp,
    /// The limit, and what would have been counted.
    pub excess: Excess,
    /// Whether the limits that apply to it now would have been exceeded as well.
    pub also_now: bool,
}

impl PolicyService {
    /// What a policy would have done in the last [`DAYS`] days: `name` with the settings of `patch` changed, or without
    /// a name, a new policy with them. Takes as long as reading all stored traffic.
    ///
    /// # Errors
    /// As for [`PolicyService::change`].
    pub async fn preview(
        &self,
        caller: &Caller,
        name: Option<&str>,
        patch: &Value,
    ) -> Result<PreviewView, ServiceError> {
        caller.may(Permission::Manage)?;
        let organization = caller.organization_or_first();
        let settings = self.settings.load_full();
        let now = self.policies.books.load().of(&organization).book.clone();
        let mut changed = now.clone();
        let edited = match name {
            Some(name) => file::change(&settings, &organization, &mut changed, name, patch)?,
            None => file::add(&settings, &organization, &mut changed, patch)?,
        };
        changed.check()?;
        let Some((policy, _)) = changed.find(&edited) else { return Ok(PreviewView::default()) };
        let least = traffic::least_limit(&policy.limits());
        let since = traffic::bucket(self.clock.now()).saturating_sub(DAYS * 24 * BUCKETS_PER_HOUR);
        self.traffic.write().await;
        let effects = Arc::new(Mutex::new(Vec::new()));
        let (policies, at) = (Arc::clone(&self.policies), self.clock.now());
        let (into, directory_cache) = (Arc::clone(&effects), arc_swap::Guard::into_inner(self.directory_cache.load()));
        let visit = move |entity: EntityId, sent: &[(u32, Traffic)]| {
            if settings.directory.organization_of(&entity) == organization
                && let Some(effect) = effect(
                    &entity,
                    sent,
                    &directory_cache,
                    [&now, &changed],
                    &edited,
                    policies.allowance(&entity, at).as_ref(),
                    at,
                )
            {
                into.lock().unwrap_or_else(PoisonError::into_inner).push(effect);
            }
        };
        self.store.scan_traffic(since, least, Box::new(visit)).await?;
        let mut entities = std::mem::take(&mut *effects.lock().unwrap_or_else(PoisonError::into_inner));
        entities.sort_by_key(|effect| effect.at);
        let count = entities.len();
        entities.truncate(NAMED);
        Ok(PreviewView { entities, count })
    }
}

/// What the policy called `edited` would have done to an entity, if it is the one that applies.
fn effect(
    entity: &EntityId,
    sent: &[(u32, Traffic)],
    directory_cache: &crate::directory::Snapshot,
    [now, changed]: [&PolicyBook; 2],
    edited: &str,
    allowance: Option<&Allowance>,
    at: Timestamp,
) -> Option<EffectView> {
    let member = directory_cache.member(entity);
    let policy = changed.choose(member);
    if policy.name != edited {
        return None;
    }
    let limits = |policy: &OutboundPolicy| limits_for(&Standing::Free, policy, 100, allowance, at);
    let passed = |policy: &OutboundPolicy| traffic::first_excess(sent, &limits(policy));
    let (bucket, excess) = passed(policy)?;
    let also_now = passed(now.choose(member)).is_some();
    Some(EffectView { entity: entity.clone(), at: traffic::bucket_start(bucket), excess, also_now })
}
