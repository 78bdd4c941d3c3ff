//! "Why am I restricted?": the page behind the link in a refusal, open to anyone who has the complete link.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use postern_domain::Timestamp;

use super::page::{Frame, render};
use super::refusal::Refusal;
use super::texts;
use postern_services::present;
use postern_services::service::{Services, WhyView};

#[derive(Template)]
#[template(path = "why.html")]
struct WhyPage {
    frame: Frame,
    why: WhyView,
}

impl WhyPage {
    fn time(at: &Timestamp) -> String {
        present::time(*at)
    }
}

pub(super) async fn show(
    State(services): State<Arc<Services>>,
    Path((reference, signature)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let why = services.restrictions.why(&reference, &signature).await?;
    Ok(render(&WhyPage { frame: Frame::open(&services, "why-title"), why }))
}
