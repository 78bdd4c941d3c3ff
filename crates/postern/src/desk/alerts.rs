//! List alerts.

use postern_domain::alert::AlertStatus;
use postern_store::AlertFilter;

use super::views::AlertView;
use super::{Caller, Desk, DeskError};

impl Desk {
    /// Alerts, newest first, of one status or of all.
    ///
    /// # Errors
    /// The caller may not look, or the store fails.
    pub async fn alerts(
        &self,
        caller: &Caller,
        status: Option<AlertStatus>,
        limit: Option<u32>,
    ) -> Result<Vec<AlertView>, DeskError> {
        self.may_look(caller)?;
        let filter = AlertFilter { status, limit, ..AlertFilter::default() };
        Ok(self.store.alerts(&filter).await?.into_iter().map(Into::into).collect())
    }
}
