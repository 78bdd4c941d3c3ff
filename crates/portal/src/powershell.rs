//! The PowerShell module, to be saved from the settings.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::session::Signed;
use postern_services::powershell;

/// The file that is saved.
const FILE: &str = "postern-powershell.zip";

/// The three lines that make use of the saved file.
pub(super) fn lines(portal: &str) -> String {
    let [import, connect] = powershell::first_lines("./Postern", portal);
    format!("Expand-Archive {FILE} -DestinationPath .\n{import}\n{connect}")
}

pub(super) async fn module(_: Signed) -> Response {
    match powershell::zip() {
        Ok(bytes) => {
            let headers = [
                (header::CONTENT_TYPE, "application/zip".to_owned()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{FILE}\"")),
            ];
            (headers, bytes).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the PowerShell module can't be compressed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
