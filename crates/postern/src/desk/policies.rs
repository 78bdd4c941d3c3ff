//! Show outbound policies.

use super::views::PolicyView;
use super::{Caller, Desk, DeskError};

impl Desk {
    /// The outbound policies in the order in which they are looked at.
    ///
    /// # Errors
    /// The caller may not look.
    pub fn policies(&self, caller: &Caller) -> Result<Vec<PolicyView>, DeskError> {
        self.may_look(caller)?;
        let settings = self.settings.load();
        let policy = &settings.outbound_policy;
        Ok(vec![PolicyView {
            name: policy.name.clone(),
            limits: policy.limits,
            action: policy.action,
            probation_hours: settings.probation.duration.as_secs() / 3600,
            probation_percent: settings.probation.percent,
        }])
    }
}
