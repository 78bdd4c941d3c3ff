//! Durable state: restrictions with their alerts, the audit trail, and the outbox.
//!
//! [`Store`] is what the rest of Postern asks. [`sqlite::SqliteStore`] keeps it in one file;
//! whatever else implements it has to pass the same suite (`conformance.rs`). The store
//! decides nothing: it does what it is told, whole or not at all.

pub mod acquaintances;
pub mod audit;
pub mod idempotency;
pub mod people;
pub mod sqlite;
pub mod traffic;

#[cfg(test)]
mod conformance;

use async_trait::async_trait;
use postern_domain::access::Role;
use postern_domain::alert::{Alert, AlertBook, AlertNote, AlertStatus, Severity, Trigger};
pub use postern_domain::organization::KeptOrganization;
use postern_domain::policy::{Allowance, PolicyBook};
use postern_domain::restriction::{Release, Released, Restriction, RestrictionRecord, Standing};
use postern_domain::{Domain, EntityId, EntityKind, OrganizationId, Reference, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use acquaintances::Acquaintances;
use audit::{AuditEntry, AuditReport, NewAuditEntry};
pub use idempotency::Idempotency;
pub use people::People;
pub use traffic::TrafficHistory;

/// Why the store could not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The entity is restricted already.
    #[error("{entity} is already restricted ({reference})")]
    AlreadyRestricted {
        /// Who.
        entity: EntityId,
        /// The restriction in force.
        reference: Reference,
    },
    /// The entity is not restricted.
    #[error("{entity} is not restricted")]
    NotRestricted {
        /// Who.
        entity: EntityId,
    },
    /// Somebody else was faster.
    #[error("{what} were changed meanwhile; look at them again")]
    Changed {
        /// What was to be changed.
        what: &'static str,
    },
    /// There is no alert of that reference.
    #[error("there is no alert {reference}")]
    NoAlert {
        /// The reference.
        reference: Reference,
    },
    /// The name of a token is taken.
    #[error("there is a token called {name:?} already; revoke it first or choose another name")]
    TokenExists {
        /// The name.
        name: String,
    },
    /// There is no token of that name.
    #[error("there is no token called {name:?}")]
    NoToken {
        /// The name.
        name: String,
    },
    /// There is a person of that address.
    #[error("{address} is a person already; postern person reset makes a new sign-up link")]
    PersonExists {
        /// The address.
        address: String,
    },
    /// There is no person of that address.
    #[error("there is no person {address}")]
    NoPerson {
        /// The address.
        address: String,
    },
    /// There is no session of that id.
    #[error("there is no session {id}")]
    NoSession {
        /// The id.
        id: String,
    },
    /// There is no restriction of that reference.
    #[error("there is no restriction {reference}")]
    NoRestriction {
        /// The reference.
        reference: Reference,
    },
    /// The entity's last release is not that of this restriction.
    #[error("{reference} is not the last restriction of {entity} that was released")]
    NotLastReleased {
        /// Who.
        entity: EntityId,
        /// The restriction that was meant.
        reference: Reference,
    },
    /// The time of the restriction has come.
    #[error("{reference} would have ended at {until} by itself; restrict {entity} anew if that is wanted")]
    TimeIsOver {
        /// Who.
        entity: EntityId,
        /// The restriction.
        reference: Reference,
        /// When it ends.
        until: Timestamp,
    },
    /// The same alert is open.
    #[error("an alert of the same policy about {entity} is open ({reference})")]
    AlreadyRaised {
        /// Who.
        entity: EntityId,
        /// The alert that is open.
        reference: Reference,
    },
    /// There is an organization of that id.
    #[error("there is an organization {id} already")]
    OrganizationExists {
        /// The id.
        id: OrganizationId,
    },
    /// Another organization has the domain.
    #[error("{domain} is another organization's")]
    DomainTaken {
        /// The domain.
        domain: Domain,
    },
    /// There is no organization of that id.
    #[error("there is no organization {id}")]
    NoOrganization {
        /// The id.
        id: OrganizationId,
    },
    /// The entity has no allowance.
    #[error("{entity} has no allowance")]
    NoAllowance {
        /// Who.
        entity: EntityId,
    },
    /// The database was written by a later version.
    #[error(
        "{path}: this database is from a newer version of Postern (schema {found}, this version knows {known}); \
         install that version again, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The database file.
        path: String,
        /// Its schema version.
        found: usize,
        /// The newest schema version that is known.
        known: usize,
    },
    /// The database can't be opened, read or written.
    #[error("{path}: {source}")]
    Database {
        /// The database file.
        path: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the database works, and holds something that this version can't read.
    pub fn is_unreadable(&self) -> bool {
        match self {
            StoreError::Database { source, .. } => source.is::<Unreadable>() || source.is::<serde_json::Error>(),
            _ => false,
        }
    }
}

/// A value in the database that this version can't read.
#[derive(Debug, thiserror::Error)]
#[error("{column} holds {value:?}, which this version does not know")]
pub(crate) struct Unreadable {
    pub(crate) column: &'static str,
    pub(crate) value: String,
}

/// What a mail in the outbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailKind {
    /// Tells admins of an alert.
    Alert,
    /// Tells the owner of an account that it is restricted.
    Notice,
    /// Tells a program of an alert. The recipient is the webhook's name, the message a JSON body.
    Webhook,
}

impl MailKind {
    /// The name used in the store.
    pub fn key(self) -> &'static str {
        match self {
            MailKind::Alert => "alert",
            MailKind::Notice => "notice",
            MailKind::Webhook => "webhook",
        }
    }
}

/// A mail to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What it is.
    pub kind: MailKind,
    /// The alert policy that wants it; none for notices.
    pub policy: Option<String>,
    /// Envelope sender; empty for reports.
    pub sender: String,
    /// Envelope recipient.
    pub recipient: String,
    /// The message (RFC 5322).
    pub message: Vec<u8>,
}

/// A mail that waits in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMail {
    /// Its number in the outbox.
    pub id: i64,
    /// The incident it is about.
    pub reference: Reference,
    /// The mail.
    pub mail: Outgoing,
    /// How often it has been tried.
    pub attempts: u32,
    /// When it was put in.
    pub created_at: Timestamp,
}

/// What is to become of a mail that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The mail server took it.
    Delivered,
    /// It is to be tried again.
    Retry {
        /// When.
        at: Timestamp,
        /// Why it failed.
        error: String,
    },
    /// It will not be tried again.
    GivenUp {
        /// Why it failed.
        error: String,
    },
}

/// One incident that is to be written down, whole or not at all.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Whose it is.
    pub organization: OrganizationId,
    /// What the admins hear.
    pub alert: Alert,
    /// What the audit trail says.
    pub audit: NewAuditEntry,
    /// It is not written if an alert of the same trigger about the same entity was raised after this and is open.
    pub unless_open_since: Option<Timestamp>,
    /// The mails it causes.
    pub mails: Vec<Outgoing>,
    /// Alert policies of which at most so many alerts are told on one day (UTC): the mails that
    /// such a policy wants of further ones are left out.
    pub daily_notification_limits: Vec<(String, u32)>,
}

/// In which order restrictions are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RestrictionOrder {
    /// The newest in front.
    #[default]
    Newest,
    /// The oldest in front.
    Oldest,
    /// By entity.
    Entity,
    /// Those with the most refused attempts in front.
    Refused,
}

/// Which restrictions are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestrictionFilter {
    /// Only of this organization.
    pub organization: Option<OrganizationId>,
    /// Only of this entity.
    pub entity: Option<EntityId>,
    /// Only of this reference.
    pub reference: Option<Reference>,
    /// Only of this kind of entity.
    pub kind: Option<EntityKind>,
    /// Only where entity, reference or cause has this text in it.
    pub search: Option<String>,
    /// Those that have ended too.
    pub released: bool,
    /// In this order.
    pub order: RestrictionOrder,
    /// Only what comes after this one, by time and reference; the order is then the newest first.
    pub after: Option<(Timestamp, Reference)>,
    /// Without the first so many.
    pub skip: u32,
    /// At most so many; none: all.
    pub limit: Option<u32>,
}

/// A restriction with what happened to it since.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRestriction {
    /// The restriction.
    pub record: RestrictionRecord,
    /// Attempts that were refused while it was in force.
    pub refused: u64,
    /// When the last of them was.
    pub last_refused_at: Option<Timestamp>,
}

/// Which alerts are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Only of this organization.
    pub organization: Option<OrganizationId>,
    /// Only of this reference.
    pub reference: Option<Reference>,
    /// Only about this entity.
    pub entity: Option<EntityId>,
    /// Only of this status.
    pub status: Option<AlertStatus>,
    /// Only of this severity.
    pub severity: Option<Severity>,
    /// Only raised by this.
    pub policy: Option<Trigger>,
    /// Only where entity, reference or cause has this text in it.
    pub search: Option<String>,
    /// Only what comes after this one, by time and reference.
    pub after: Option<(Timestamp, Reference)>,
    /// Without the first so many.
    pub skip: u32,
    /// At most so many, newest first; none: all.
    pub limit: Option<u32>,
}

/// Which audit entries are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only about this organization.
    pub organization: Option<OrganizationId>,
    /// Only of actions that begin with this, such as `policy` or `policy.change`.
    pub action: Option<String>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only about exactly this.
    pub target: Option<String>,
    /// Only where actor, action, target or detail has this text in it.
    pub search: Option<String>,
    /// Only from this time on.
    pub since: Option<Timestamp>,
    /// Only before this time.
    pub until: Option<Timestamp>,
    /// Only before this entry.
    pub before: Option<i64>,
    /// Without the first so many.
    pub skip: u32,
    /// At most so many, newest first; none: all.
    pub limit: Option<u32>,
}

/// An alert with what became of its mails.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptAlert {
    /// The alert.
    pub alert: Alert,
    /// Mails that are still to be delivered.
    pub waiting: u32,
    /// Mails that were delivered.
    pub delivered: u32,
    /// Mails that were given up.
    pub given_up: u32,
    /// Why a mail was last not delivered.
    pub last_error: Option<String>,
}

/// How the outbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct OutboxState {
    /// Mails that are still to be delivered.
    pub waiting: u32,
    /// Mails that have been tried at least once and are still to be delivered.
    pub retrying: u32,
    /// Mails that were given up.
    pub given_up: u32,
}

/// A book of policies that is changed by one at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versioned<B> {
    /// The policies.
    pub book: B,
    /// How often they have been changed.
    pub revision: u64,
}

/// A part of the configuration file that is taken over into the store when it says something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSection {
    /// `[outbound_policy]`
    OutboundPolicy,
    /// `[[alert_policy]]`
    AlertPolicies,
}

impl FileSection {
    /// The name used in the store.
    pub fn key(self) -> &'static str {
        match self {
            FileSection::OutboundPolicy => "policies.file.default",
            FileSection::AlertPolicies => "alert_policies.file.default",
        }
    }
}

/// What a part of the configuration file says, that is taken over with a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOver {
    /// Which part.
    pub section: FileSection,
    /// What it said when it was last taken over, in JSON.
    pub before: Option<String>,
    /// What it says now.
    pub says: String,
}

/// The outbound policies as they are kept.
pub type KeptPolicies = Versioned<PolicyBook>;
/// The alert policies as they are kept.
pub type KeptAlertPolicies = Versioned<AlertBook>;

/// An alert that is not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAlert {
    /// What raised it.
    pub trigger: Trigger,
    /// About whom.
    pub entity: EntityId,
    /// When.
    pub raised_at: Timestamp,
}

/// An API token as it is kept; the token itself is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeptToken {
    /// What it is for.
    pub name: String,
    /// The organization it is for; none: all of them.
    #[serde(default)]
    pub organization: Option<OrganizationId>,
    /// What it may do.
    pub role: Role,
    /// Since when.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Until when; none: until it is revoked.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// Attempts that were refused under a restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// The restriction.
    pub reference: Reference,
    /// How many since it was last told.
    pub count: u64,
    /// When the last one was.
    pub last: Timestamp,
}

/// Durable state. Every call is one transaction; what it wrote survives a power cut once it
/// has returned.
#[async_trait]
pub trait Store: People + Idempotency + Acquaintances + TrafficHistory {
    /// Writes a restriction with its alert, audit entry and mails.
    ///
    /// # Errors
    /// [`StoreError::AlreadyRestricted`], or the database fails.
    async fn restrict(&self, restriction: &Restriction, incident: &Incident) -> Result<(), StoreError>;

    /// Writes an incident that restricts nobody.
    ///
    /// # Errors
    /// [`StoreError::AlreadyRaised`], or the database fails.
    async fn raise(&self, incident: &Incident) -> Result<(), StoreError>;

    /// Ends the restriction of `entity` and resolves its alert. With `only`, not if another
    /// restriction than that one is in force.
    ///
    /// # Errors
    /// [`StoreError::NotRestricted`], or the database fails.
    async fn release(
        &self,
        entity: &EntityId,
        only: Option<&Reference>,
        release: &Release,
        audit: &NewAuditEntry,
    ) -> Result<Released, StoreError>;

    /// Undoes the release of the restriction of that reference: it is in force again as it was, and so is its alert. `audit`
    /// says when.
    ///
    /// # Errors
    /// [`StoreError::NoRestriction`], [`StoreError::AlreadyRestricted`], [`StoreError::NotLastReleased`],
    /// [`StoreError::TimeIsOver`], or the database fails.
    async fn undo_release(&self, reference: &Reference, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Restrictions, newest first.
    ///
    /// # Errors
    /// The database fails.
    async fn restrictions(&self, filter: &RestrictionFilter) -> Result<Vec<KeptRestriction>, StoreError>;

    /// How many restrictions there are, whatever `skip` and `limit` say.
    ///
    /// # Errors
    /// The database fails.
    async fn count_restrictions(&self, filter: &RestrictionFilter) -> Result<u64, StoreError>;

    /// What an entity may do: by the restriction in force, else by its last release.
    ///
    /// # Errors
    /// The database fails.
    async fn standing(&self, entity: &EntityId) -> Result<Standing, StoreError>;

    /// The standing of every entity that is restricted, or on probation at `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn standings(&self, now: Timestamp) -> Result<Vec<(EntityId, Standing)>, StoreError>;

    /// Adds to the number of attempts that restrictions refused.
    ///
    /// # Errors
    /// The database fails.
    async fn note_refusals(&self, refusals: &[Refusals]) -> Result<(), StoreError>;

    /// Alerts, newest first.
    ///
    /// # Errors
    /// The database fails.
    async fn alerts(&self, filter: &AlertFilter) -> Result<Vec<KeptAlert>, StoreError>;

    /// Notes what somebody did about an alert, and gives it the status the note says.
    ///
    /// # Errors
    /// [`StoreError::NoAlert`], or the database fails.
    async fn note_alert(
        &self,
        reference: &Reference,
        note: &AlertNote,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError>;

    /// What people did about an alert, oldest first.
    ///
    /// # Errors
    /// The database fails.
    async fn alert_notes(&self, reference: &Reference) -> Result<Vec<AlertNote>, StoreError>;

    /// Alerts about entities, or with `only` about that one, that were raised after `since` and are not closed: the
    /// newest of each trigger and entity.
    ///
    /// # Errors
    /// The database fails.
    async fn open_alerts(&self, only: Option<&EntityId>, since: Timestamp) -> Result<Vec<OpenAlert>, StoreError>;

    /// Restrictions without an end that are in force since before `before`, and of which nobody
    /// was told yet that this is long.
    ///
    /// # Errors
    /// The database fails.
    async fn overdue(&self, before: Timestamp) -> Result<Vec<KeptRestriction>, StoreError>;

    /// Writes an incident about a restriction that is overdue, once.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if it was told or released meanwhile, or the database fails.
    async fn raise_overdue(&self, restriction: &Reference, incident: &Incident) -> Result<(), StoreError>;

    /// The alert policies of every organization that has some of its own, or with `only` of that one.
    ///
    /// # Errors
    /// The database fails.
    async fn alert_policies(
        &self,
        only: Option<&OrganizationId>,
    ) -> Result<Vec<(OrganizationId, KeptAlertPolicies)>, StoreError>;

    /// Writes an organization's alert policies, if they are still those of `kept.revision` (0:
    /// there are none), and counts the revision up. With `file`, what that says is taken over.
    ///
    /// # Errors
    /// [`StoreError::Changed`], or the database fails.
    async fn save_alert_policies(
        &self,
        organization: &OrganizationId,
        kept: &KeptAlertPolicies,
        file: Option<&TakenOver>,
        audit: &[NewAuditEntry],
    ) -> Result<(), StoreError>;

    /// What a part of the configuration file said when it was last taken over, in JSON.
    ///
    /// # Errors
    /// The database fails.
    async fn taken_over(&self, section: FileSection) -> Result<Option<String>, StoreError>;

    /// Notes what a part of the configuration file says, where that changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if another process has taken something over meanwhile, or the database fails.
    async fn note_taken_over(&self, file: &TakenOver) -> Result<(), StoreError>;

    /// Organizations besides the first one, by id.
    ///
    /// # Errors
    /// The database fails.
    async fn organizations(&self) -> Result<Vec<KeptOrganization>, StoreError>;

    /// Adds an organization.
    ///
    /// # Errors
    /// [`StoreError::OrganizationExists`], [`StoreError::DomainTaken`], or the database fails.
    async fn add_organization(&self, new: &KeptOrganization, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Writes an organization in place of `before`, which has the same id, if it is still that.
    ///
    /// # Errors
    /// [`StoreError::NoOrganization`], [`StoreError::Changed`], [`StoreError::DomainTaken`], or the database fails.
    async fn save_organization(
        &self,
        before: &KeptOrganization,
        new: &KeptOrganization,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError>;

    /// Removes an organization with its policies, people and tokens. What happened stays.
    ///
    /// # Errors
    /// [`StoreError::NoOrganization`], or the database fails.
    async fn remove_organization(&self, id: &OrganizationId, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// The outbound policies of every organization that has some of its own, or with `only` of that one.
    ///
    /// # Errors
    /// The database fails.
    async fn policies(&self, only: Option<&OrganizationId>) -> Result<Vec<(OrganizationId, KeptPolicies)>, StoreError>;

    /// Writes an organization's outbound policies, if they are still those of `kept.revision` (0:
    /// there are none), and counts the revision up. With `file`, what that says is taken over.
    ///
    /// # Errors
    /// [`StoreError::Changed`], or the database fails.
    async fn save_policies(
        &self,
        organization: &OrganizationId,
        kept: &KeptPolicies,
        file: Option<&TakenOver>,
        audit: &[NewAuditEntry],
    ) -> Result<(), StoreError>;

    /// Grants an allowance, in place of one that the entity may have.
    ///
    /// # Errors
    /// The database fails.
    async fn grant(&self, allowance: &Allowance, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Ends the allowance of an entity before its time. `audit` says when and by whom.
    ///
    /// # Errors
    /// [`StoreError::NoAllowance`], or the database fails.
    async fn end_allowance(&self, entity: &EntityId, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Allowances in force at `now`, or with `only` that entity's, the one that ends first in front.
    ///
    /// # Errors
    /// The database fails.
    async fn allowances(&self, only: Option<&EntityId>, now: Timestamp) -> Result<Vec<Allowance>, StoreError>;

    /// Keeps a token by the SHA-256 of it.
    ///
    /// # Errors
    /// [`StoreError::TokenExists`], or the database fails.
    async fn add_token(&self, token: &KeptToken, hash: &[u8; 32], audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Revokes the organization's token of that name. `audit` says when and by whom.
    ///
    /// # Errors
    /// [`StoreError::NoToken`], or the database fails.
    async fn revoke_token(
        &self,
        organization: Option<&OrganizationId>,
        name: &str,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError>;

    /// Tokens that are not revoked, oldest first.
    ///
    /// # Errors
    /// The database fails.
    async fn tokens(&self) -> Result<Vec<KeptToken>, StoreError>;

    /// The token of that hash, unless it is revoked; it may be expired.
    ///
    /// # Errors
    /// The database fails.
    async fn token(&self, hash: &[u8; 32]) -> Result<Option<KeptToken>, StoreError>;

    /// Notes that a token was used.
    ///
    /// # Errors
    /// The database fails.
    async fn token_used(&self, hash: &[u8; 32], at: Timestamp) -> Result<(), StoreError>;

    /// Adds to the audit trail.
    ///
    /// # Errors
    /// The database fails.
    async fn record(&self, entry: &NewAuditEntry) -> Result<AuditEntry, StoreError>;

    /// Audit entries after the one of that number in the whole trail, or with `only` those about that organization, oldest
    /// first, at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    async fn changes_after(
        &self,
        only: Option<&OrganizationId>,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// The number in the whole trail of the organization's entry of this number of its own; none: there is none.
    ///
    /// # Errors
    /// The database fails.
    async fn seq_of(&self, organization: &OrganizationId, own: i64) -> Result<Option<i64>, StoreError>;

    /// The number of the newest audit entry that this process knows of; 0 if there is none. It changes after the
    /// entry's transaction is committed.
    fn newest_change(&self) -> watch::Receiver<i64>;

    /// How many alerts there are, whatever `skip` and `limit` say.
    ///
    /// # Errors
    /// The database fails.
    async fn count_alerts(&self, filter: &AlertFilter) -> Result<u64, StoreError>;

    /// Audit entries, newest first.
    ///
    /// # Errors
    /// The database fails.
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError>;

    /// Checks the whole chain of audit entries. With `must_hold`, whether an entry of that
    /// hash is in it.
    ///
    /// # Errors
    /// The database fails; a broken chain is no error but the answer.
    async fn verify_audit(&self, must_hold: Option<[u8; 32]>) -> Result<AuditReport, StoreError>;

    /// Mails, or with `webhooks` those, that are due at `now`, oldest first.
    ///
    /// # Errors
    /// The database fails.
    async fn due_mails(&self, now: Timestamp, webhooks: bool, limit: u32) -> Result<Vec<QueuedMail>, StoreError>;

    /// Notes what became of a mail that was tried at `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn tried(&self, id: i64, delivery: &Delivery, now: Timestamp) -> Result<(), StoreError>;

    /// How the outbox stands, and when the next mail is due.
    ///
    /// # Errors
    /// The database fails.
    async fn outbox(&self) -> Result<(OutboxState, Option<Timestamp>), StoreError>;

    /// Whether the store can be written right now.
    ///
    /// # Errors
    /// It can't.
    async fn check(&self) -> Result<(), StoreError>;
}
