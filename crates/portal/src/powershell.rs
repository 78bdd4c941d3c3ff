//! The PowerShell module, for download from the settings page.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::session::Signed;
use postern_services::powershell;

/// The name of the downloaded file.
const FILE: &str = "postern-powershell.zip";

/// The three lines that unpack the downloaded file, import the module and connect.
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
