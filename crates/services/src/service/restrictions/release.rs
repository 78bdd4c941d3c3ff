//! Release an entity, so that it may send again.

use postern_domain::access::Permission;
use postern_domain::filter::RestrictionFilter;
use postern_domain::restriction::{Release, Standing, windows_to_reset};
use postern_domain::window::Window;
use postern_domain::{EntityId, Fact, Reference};
use postern_ledger::Ledger;
use postern_store::StoreError;
use postern_store::audit::NewAuditEntry;

use crate::gate::SYSTEM;
use crate::service::views::RestrictionView;
use crate::service::{Caller, RestrictionService, ServiceError, reason};

pub use postern_domain::restriction::Recommendation;

/// A request for a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRequest {
    /// The reason for the audit trail, 1 to 1024 characters.
    pub reason: String,
    /// Release only if this restriction is the one in force.
    pub reference: Option<Reference>,
    /// What the admin made sure of before; recorded in the audit trail.
    pub made_sure: Vec<Recommendation>,
}

/// Who releases an entity, and why.
struct ReleaseTerms<'a> {
    /// Only if this restriction is the one in force.
    only: Option<&'a Reference>,
    by: &'a str,
    why: &'a str,
    made_sure: &'a [Recommendation],
}

impl RestrictionService {
    /// Releases an entity, from the next request of a mail server on.
    ///
    /// # Errors
    /// The caller lacks permission, no reason is given, the entity is not restricted, or the store or ledger fails;
    /// then it stays restricted.
    pub async fn release(
        &self,
        caller: &Caller,
        entity: &str,
        request: &ReleaseRequest,
    ) -> Result<RestrictionView, ServiceError> {
        caller.may(Permission::Manage)?;
        let why = reason(&request.reason)?;
        let entity = caller.entity(&self.settings.load(), entity)?;
        self.write_refusals().await;
        let terms = ReleaseTerms {
            only: request.reference.as_ref(),
            by: &caller.name,
            why: &why,
            made_sure: &request.made_sure,
        };
        self.release_one(&entity, terms).await
    }

    /// Releases every entity whose restriction has reached its end.
    pub async fn release_expired(&self) {
        for (entity, reference) in self.standings.expired(self.clock.now()) {
            let terms = ReleaseTerms { only: Some(&reference), by: SYSTEM, why: "its time had come", made_sure: &[] };
            match self.release_one(&entity, terms).await {
                Ok(_) => {}
                // Somebody else released it first.
                Err(ServiceError::NotFound(_)) => {
                    if let Err(error) = self.projector.catch_up().await {
                        tracing::error!(%entity, %reference, %error, "what became of a restriction can't be read");
                    }
                }
                Err(error) => tracing::error!(%entity, %reference, %error, "a release is overdue"),
            }
        }
    }

    async fn release_one(&self, entity: &EntityId, terms: ReleaseTerms<'_>) -> Result<RestrictionView, ServiceError> {
        let ReleaseTerms { only, by, why, made_sure } = terms;
        let in_force = RestrictionFilter { entity: Some(entity.clone()), ..RestrictionFilter::default() };
        let in_force = self.store.restrictions(&in_force).await?.pop();
        let in_force = in_force.filter(|stored| only.is_none_or(|only| stored.record.restriction().reference == *only));
        let not_restricted = || StoreError::NotRestricted { entity: entity.clone() };
        let stored = in_force.ok_or_else(not_restricted)?;
        let restriction = stored.record.restriction();
        let now = self.clock.now();
        let probation = self.settings.load().probation;
        let until = (!probation.duration.is_zero()).then(|| now.plus(probation.duration));
        let standing = until.map_or(Standing::Free, |until| Standing::Probation { until });
        let reset = self.reset_for(entity, restriction.window(), &standing).await?;
        // Reset the windows first: if the store fails after that, the entity is still restricted and can't send. In the
        // opposite order, the next mail would be refused again.
        self.ledger.reset(entity, &reset).await?;
        let release = Release { at: now, by: by.into(), reason: why.into(), probation_until: until };
        let organization = self.settings.load().directory.organization_of(entity);
        let audit = NewAuditEntry {
            at: now,
            organization: Some(organization),
            actor: by.into(),
            fact: Fact::RestrictionReleased {
                entity: entity.clone(),
                reference: restriction.reference.clone(),
                reason: why.into(),
                made_sure: made_sure.to_vec(),
                probation_until: until,
                windows_reset: reset,
            },
        };
        let released =
            self.projector.write(self.store.release(entity, Some(&restriction.reference), &release, &audit)).await?;
        self.metrics.releases.inc();
        tracing::info!(%entity, reference = %restriction.reference, by, why, "released");
        let record = postern_domain::restriction::RestrictionRecord::Released(released);
        Ok(postern_store::StoredRestriction { record, ..stored }.into())
    }

    async fn reset_for(
        &self,
        entity: &EntityId,
        made_for: Option<Window>,
        standing: &Standing,
    ) -> Result<Vec<Window>, ServiceError> {
        let now = self.clock.now();
        let (_, limits) = self.limits.of(entity, standing, now);
        let usage = self.ledger.usage(entity).await?;
        Ok(windows_to_reset(made_for, &usage, &limits, now))
    }
}
