//! Alert policies: who is notified of what, and whether notifications get through.

use std::sync::Arc;
use std::time::Duration;

use postern_domain::access::{Permission, ThrottleRule};
use postern_domain::alert::{AlertBook, AlertPolicy, Trigger};
use postern_domain::evidence::Cause;
use postern_domain::{EntityId, Fact};
use postern_store::sign_in_attempts::AttemptSource;
use postern_store::{MailKind, QueuedMail, Store};
use serde_json::{Map, Value, json};

use super::policies::file::{Null, normal};
use super::views::{AlertPolicyView, ChannelTestView};
use super::{BookEditor, Caller, Edit, ServiceError};
use crate::clock::Clock;
use crate::gate;
use crate::gate::AlertPolicies;
use crate::in_force::SettingsInForce;
use crate::outbox::Delivery;
use crate::present;
use crate::randomness::Randomness;

/// How many tests an organization may send at once, and how long it waits after more. A day without one forgets them.
const TESTS: ThrottleRule = ThrottleRule {
    free: 10,
    first: Duration::from_secs(60),
    most: Duration::from_secs(3600),
    forget: ThrottleRule::ACCOUNT.forget,
};

/// Lists, changes and tests alert policies.
pub struct AlertPolicyService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// Counts the tests that each organization sends.
    pub(crate) store: Arc<dyn Store>,
    /// Alert policies in force.
    pub(crate) books: Arc<AlertPolicies>,
    /// Writes changed books of policies, one edit at a time.
    pub(crate) editor: Arc<BookEditor>,
    /// Delivers mails and webhooks.
    pub(crate) delivery: Arc<Delivery>,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
    /// The source of references, secrets and salts; tests seed it.
    pub(crate) randomness: Arc<dyn Randomness>,
}

impl AlertPolicyService {
    /// Every alert policy, the built-in ones first.
    ///
    /// # Errors
    /// The caller may not view this.
    pub fn list(&self, caller: &Caller) -> Result<Vec<AlertPolicyView>, ServiceError> {
        caller.may(Permission::Look)?;
        let organization = caller.organization_or_first();
        let all = self.books.load();
        let stored = all.of(&organization);
        Ok(stored.book.all().iter().map(|policy| self.alert_policy_view(caller, policy, stored.revision)).collect())
    }

    /// One alert policy, by its name (case-insensitive).
    ///
    /// # Errors
    /// The caller may not view this, or there is no policy of this name.
    pub fn get(&self, caller: &Caller, name: &str) -> Result<AlertPolicyView, ServiceError> {
        caller.may(Permission::Look)?;
        let all = self.books.load();
        let stored = all.of(&caller.organization_or_first());
        let policy = stored.book.find(name).ok_or_else(|| no_policy(name))?;
        Ok(self.alert_policy_view(caller, policy, stored.revision))
    }

    fn alert_policy_view(&self, caller: &Caller, policy: &AlertPolicy, revision: u64) -> AlertPolicyView {
        let settings = self.settings.load();
        let organization = settings.organization(&caller.organization_or_first()).unwrap_or(&settings.organization);
        // Webhooks belong to the provider, so tenants do not see them.
        let tells = if caller.organization.is_some() { Vec::new() } else { gate::webhooks(&settings, policy) };
        AlertPolicyView {
            policy: policy.clone(),
            built_in: policy.is_built_in(),
            mails_to: gate::recipients(&settings, organization, policy),
            per_day: gate::limit(&settings, policy),
            tells,
            revision,
        }
    }

    /// Adds an alert policy: an object with at least `name` and `trigger`.
    ///
    /// # Errors
    /// The caller lacks permission, a setting is invalid, or the store fails.
    pub async fn add(&self, caller: &Caller, body: &Value) -> Result<AlertPolicyView, ServiceError> {
        let name = self.edit(caller, None, Edit::Add(body)).await?;
        self.get(caller, &name)
    }

    /// Changes the settings named in `patch` (RFC 7396); `expected` is the revision that the caller has seen.
    ///
    /// # Errors
    /// The caller lacks permission, there is no policy of this name, a setting is invalid, somebody else changed the
    /// policies first, or the store fails.
    pub async fn change(
        &self,
        caller: &Caller,
        name: &str,
        patch: &Value,
        expected: Option<u64>,
    ) -> Result<AlertPolicyView, ServiceError> {
        let new_name = self.edit(caller, expected, Edit::Change(name, patch)).await?;
        self.get(caller, &new_name)
    }

    /// Removes an alert policy.
    ///
    /// # Errors
    /// As for [`AlertPolicyService::change`]; a built-in one can't be removed.
    pub async fn remove(&self, caller: &Caller, name: &str, expected: Option<u64>) -> Result<(), ServiceError> {
        self.edit(caller, expected, Edit::Remove(name)).await.map(|_| ())
    }

    /// Checks whether a change is possible; changes nothing.
    ///
    /// # Errors
    /// Those of the change itself, except for the store's.
    pub fn check(&self, caller: &Caller, edit: Edit<'_>) -> Result<(), ServiceError> {
        caller.may(Permission::Manage)?;
        let mut book = self.books.load().of(&caller.organization_or_first()).book.clone();
        self.edit_alert_policies(caller, &mut book, edit).map(|_| ())
    }

    /// Changes the book; returns the name of the alert policy in it.
    fn edit_alert_policies(
        &self,
        caller: &Caller,
        book: &mut AlertBook,
        edit: Edit<'_>,
    ) -> Result<String, ServiceError> {
        match edit {
            Edit::Add(body) => {
                let trigger = body.get("trigger").cloned().unwrap_or(Value::Null);
                let built_in = AlertPolicy::built_in(read_trigger(&trigger)?);
                let policy =
                    self.patched(caller, AlertPolicy { name: String::new(), ..built_in }, body, Null::IsNothing)?;
                if book.find(&policy.name).is_some() {
                    let why = format!("there is an alert policy called {:?} already", policy.name);
                    return Err(ServiceError::Conflict(why));
                }
                let name = policy.name.clone();
                book.put(policy);
                Ok(name)
            }
            Edit::Change(name, patch) => {
                let found = book.find(name).ok_or_else(|| no_policy(name))?.clone();
                let policy = self.patched(caller, found.clone(), patch, Null::TakesBack)?;
                if found.is_built_in() && (policy.name != found.name || policy.trigger != found.trigger) {
                    return Err(ServiceError::Conflict(
                        "a built-in alert policy keeps its name and its trigger".into(),
                    ));
                }
                let new_name = policy.name.clone();
                book.rename(&found.name, policy)?;
                Ok(new_name)
            }
            Edit::Remove(name) => {
                let found = book.find(name).ok_or_else(|| no_policy(name))?;
                if found.is_built_in() {
                    let instead = "a built-in alert policy can't be removed; set enabled to false instead";
                    return Err(ServiceError::Conflict(instead.into()));
                }
                book.remove(name);
                Ok(name.to_owned())
            }
        }
    }

    /// Sets what `patch` names, one key after the other, so that an error names the key.
    fn patched(
        &self,
        caller: &Caller,
        mut policy: AlertPolicy,
        patch: &Value,
        null: Null,
    ) -> Result<AlertPolicy, ServiceError> {
        let invalid = |field: &str, problem: String| ServiceError::Invalid { field: field.to_owned().into(), problem };
        let patch = patch.as_object().ok_or_else(|| invalid("body", "expected an object".into()))?;
        let organization = caller.organization_or_first();
        for (key, value) in patch {
            let mut object = to_object(&policy);
            let takes_back = value.is_null() && null == Null::TakesBack;
            let built_in = || to_object(&AlertPolicy::built_in(policy.trigger)).get(key).cloned();
            let value = if takes_back { built_in().unwrap_or(Value::Null) } else { value.clone() };
            let value = match key.as_str() {
                "recipients" => normal(&self.settings.load(), &organization, "notify", value)
                    .map_err(|error| renamed(error, key))?,
                "trigger" => json!(read_trigger(&value)?),
                _ => normal(&self.settings.load(), &organization, key, value)?,
            };
            if object.insert(key.clone(), value).is_none() {
                let known: Vec<_> = object.keys().filter(|known| *known != key).cloned().collect();
                return Err(invalid(key, format!("there is no such setting; expected one of {}", known.join(", "))));
            }
            policy = serde_json::from_value(Value::Object(object)).map_err(|error| invalid(key, error.to_string()))?;
        }
        let settings = self.settings.load();
        let foreign = caller.organization.is_some();
        let unknown = |name: &&String| foreign || !settings.webhooks.iter().any(|webhook| webhook.name == **name);
        if let Some(name) = policy.webhooks.iter().find(unknown) {
            return Err(invalid(
                "webhooks",
                format!("contains {name:?}, but the configuration has no [[webhook]] with that name"),
            ));
        }
        policy.check()?;
        Ok(policy)
    }

    /// Makes an edit; returns the name of the alert policy in the changed book.
    async fn edit(&self, caller: &Caller, expected: Option<u64>, edit: Edit<'_>) -> Result<String, ServiceError> {
        caller.may(Permission::Manage)?;
        let mut name = String::new();
        self.editor
            .edit_book::<AlertBook>(caller, expected, None, |book, _| {
                let before = book.clone();
                name = self.edit_alert_policies(caller, book, edit)?;
                Ok(differences(&before, book))
            })
            .await?;
        Ok(name)
    }

    /// Sends a test through every channel of an alert policy now, and returns the answer of each. Stores nothing but that
    /// the organization has sent one.
    ///
    /// # Errors
    /// The caller lacks permission, there is no policy of this name, or the organization has sent too many tests.
    pub async fn test(&self, caller: &Caller, name: &str) -> Result<Vec<ChannelTestView>, ServiceError> {
        caller.may(Permission::Manage)?;
        let id = caller.organization_or_first();
        let policy = self.books.load().of(&id).book.find(name).cloned().ok_or_else(|| no_policy(name))?;
        let now = self.clock.now();
        let source = AttemptSource { key: format!("alert test {id}"), rule: TESTS };
        let wait = self.store.begin_attempt(&[source], now).await?;
        if !wait.is_zero() {
            let wait = present::duration(wait);
            return Err(ServiceError::Busy(format!("many tests were sent already; try again in {wait}")));
        }
        let settings = self.settings.load_full();
        let organization = settings.organization(&id).unwrap_or(&settings.organization);
        let mut notification = gate::AlertPolicies::notification_by(&settings, organization, &policy);
        if caller.organization.is_some() {
            notification.webhooks.clear();
        }
        let entity = EntityId::account_named(format!("test@{}", organization.domains[0]));
        let reason = format!("this is a test, requested by {}; nobody is restricted", caller.name);
        let reference = self.randomness.reference();
        let alert = gate::alert(reference, policy.trigger, &notification, Some(entity), Cause::Manual { reason }, now);
        let mut tests = Vec::new();
        for mail in notification.messages(&settings, &alert, None) {
            let queued = QueuedMail { id: 0, reference: alert.reference.clone(), mail, attempts: 0, created_at: now };
            let answer = self.delivery.deliver(&settings, &queued, now).await;
            tests.push(ChannelTestView {
                channel: if queued.mail.kind == MailKind::Webhook { "webhook" } else { "mail" }.into(),
                recipient: queued.mail.recipient,
                delivered: answer.is_ok(),
                answer: answer.unwrap_or_else(|failure| failure.error),
            });
        }
        tracing::info!(by = caller.name, policy = policy.name, channels = tests.len(), "alert policy tested");
        Ok(tests)
    }
}

/// The differences, policy by policy. A renamed policy counts as one removed and one added.
fn differences(before: &AlertBook, after: &AlertBook) -> Vec<Fact> {
    let mut facts = Vec::new();
    for old in before.all().iter().filter(|old| after.find(&old.name).is_none()) {
        facts.push(Fact::AlertPolicyRemoved { name: old.name.clone(), from: Some(Box::new(old.clone())) });
    }
    for new in after.all() {
        let to = Some(Box::new(new.clone()));
        match before.find(&new.name) {
            None => facts.push(Fact::AlertPolicyAdded { name: new.name.clone(), to }),
            Some(old) if old == new => {}
            Some(old) => {
                let from = Some(Box::new(old.clone()));
                facts.push(Fact::AlertPolicyChanged { name: new.name.clone(), from, to });
            }
        }
    }
    facts
}

fn no_policy(name: &str) -> ServiceError {
    ServiceError::NotFound(format!("there is no alert policy called {name:?}"))
}

fn read_trigger(value: &Value) -> Result<Trigger, ServiceError> {
    value.as_str().and_then(Trigger::from_name).ok_or_else(|| {
        let names = Trigger::ALL.map(|trigger| format!("{:?}", trigger.name())).join(", ");
        ServiceError::Invalid { field: "trigger".into(), problem: format!("is {value}, expected one of {names}") }
    })
}

/// The same error, for another field.
fn renamed(error: ServiceError, name: &str) -> ServiceError {
    match error {
        ServiceError::Invalid { problem, .. } => ServiceError::Invalid { field: name.to_owned().into(), problem },
        other => other,
    }
}

fn to_object(policy: &AlertPolicy) -> Map<String, Value> {
    match json!(policy) {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
