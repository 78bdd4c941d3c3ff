//! Metrics, with Prometheus types and names.

use std::sync::atomic::AtomicU64;

use postern_domain::window::Charge;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Every metric, and the registry that writes them out.
pub struct Metrics {
    registry: Registry,
    /// Requests answered by the policy door.
    pub requests: Counter,
    /// Requests that broke the protocol.
    pub malformed: Counter,
    /// Connections open at the policy door.
    pub connections: Gauge,
    /// Connections turned away because there were too many.
    pub connections_refused: Counter,
    /// Seconds from a complete request to its answer.
    pub answer_seconds: Histogram,
    /// Requests about mail without a login or connector.
    pub unauthenticated: Counter,
    /// Requests about Postern's own mail.
    pub own_mail: Counter,
    /// Calls of the counter engine that failed.
    pub ledger_errors: Counter,
    /// Messages that were accepted and counted.
    pub messages: Counter,
    /// External recipients counted.
    pub recipients_external: Counter,
    /// Internal recipients counted.
    pub recipients_internal: Counter,
    /// Recipients counted on the escape lane.
    pub recipients_lane: Counter,
    /// Requests answered with a refusal.
    pub refused: Counter,
    /// Requests answered with a deferral.
    pub deferred: Counter,
    /// Limits exceeded under policies in report-only mode.
    pub report_only: Counter,
    /// Restrictions that were made.
    pub restrictions: Counter,
    /// Releases, by an admin or automatically.
    pub releases: Counter,
    /// Alerts raised without a restriction.
    pub alerts: Counter,
    /// Failures of the store.
    pub store_errors: Counter,
    /// Failures of the usage journal.
    pub journal_errors: Counter,
    /// Mails that the mail server accepted.
    pub mails_delivered: Counter,
    /// Deliveries that failed and will be retried.
    pub mails_retried: Counter,
    /// Mails given up.
    pub mails_given_up: Counter,
    /// Entities restricted now.
    pub restricted: Gauge,
    /// Entities on probation now.
    pub on_probation: Gauge,
    /// Entities with usage.
    pub entities: Gauge,
    /// Mails that are still to be delivered.
    pub mails_waiting: Gauge<i64>,
    /// 1 if the store works.
    pub store_up: Gauge<i64>,
    /// Sign-ins that failed.
    pub sign_ins_failed: Counter,
    /// Configurations that were put in force on reload.
    pub reloads: Counter,
    /// Configurations that were refused on reload.
    pub reloads_refused: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("postern");
        let r = &mut registry;
        // From microseconds on the hot path to seconds for a contended recipient.
        let buckets = [0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0];
        let answer_seconds = Histogram::new(buckets);
        r.register_with_unit(
            "policy_answer",
            "Time from a whole request to its answer",
            Unit::Seconds,
            answer_seconds.clone(),
        );
        Self {
            answer_seconds,
            requests: counter(r, "policy_requests", "Policy requests answered"),
            malformed: counter(r, "policy_malformed", "Policy requests that broke the protocol"),
            connections: gauge(r, "policy_connections", "Connections open at the policy door"),
            connections_refused: counter(r, "policy_connections_refused", "Connections beyond max_connections"),
            unauthenticated: counter(r, "policy_unauthenticated", "Requests without a login or connector, passed"),
            ledger_errors: counter(
                r,
                "counter_engine_errors",
                "Calls of the counter engine that failed; mail passed uncounted",
            ),
            own_mail: counter(r, "policy_own_mail", "Requests about Postern's own mail, passed"),
            messages: counter(r, "messages", "Messages counted"),
            recipients_external: counter(r, "recipients_external", "External recipients counted"),
            recipients_internal: counter(r, "recipients_internal", "Internal recipients counted"),
            recipients_lane: counter(r, "recipients_escape_lane", "Recipients counted on the escape lane"),
            refused: counter(r, "policy_refused", "Requests answered with a refusal"),
            deferred: counter(r, "policy_deferred", "Requests answered with a deferral"),
            report_only: counter(r, "report_only", "Limits passed under policies in report-only mode"),
            restrictions: counter(r, "restrictions", "Restrictions made"),
            releases: counter(r, "releases", "Restrictions ended, by an admin or by time"),
            alerts: counter(r, "alerts", "Alerts raised without a restriction"),
            store_errors: counter(r, "store_errors", "Failures of the store"),
            journal_errors: counter(r, "journal_errors", "Failures of the usage journal"),
            mails_delivered: counter(r, "mails_delivered", "Alert mails and notices delivered"),
            mails_retried: counter(r, "mails_retried", "Deliveries that failed and are tried again"),
            mails_given_up: counter(r, "mails_given_up", "Mails given up"),
            restricted: gauge(r, "restricted_entities", "Entities restricted now"),
            on_probation: gauge(r, "probation_entities", "Entities on probation now"),
            entities: gauge(r, "usage_entities", "Entities with usage in any window"),
            mails_waiting: gauge(r, "mails_waiting", "Mails waiting in the outbox"),
            store_up: gauge(r, "store_up", "1 if the store works"),
            sign_ins_failed: counter(r, "sign_ins_failed", "Sign-ins that failed"),
            reloads: counter(r, "config_reloads", "Configurations taken over on reload"),
            reloads_refused: counter(r, "config_reloads_refused", "Configurations refused on reload"),
            registry,
        }
    }
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter<u64, AtomicU64> {
    let metric = Counter::default();
    registry.register(name, help, metric.clone());
    metric
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    let metric = Gauge::default();
    registry.register(name, help, metric.clone());
    metric
}

impl Metrics {
    /// Counts a message and its recipients.
    pub fn count_message(&self, charge: Charge) {
        self.messages.inc();
        let counts = [
            (&self.recipients_external, charge.external),
            (&self.recipients_internal, charge.internal),
            (&self.recipients_lane, charge.lane),
        ];
        for (counter, n) in counts.into_iter().filter(|(_, n)| *n > 0) {
            counter.inc_by(u64::from(n));
        }
    }

    /// Everything in the OpenMetrics text format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
