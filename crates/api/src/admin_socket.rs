//! The admin socket: the API for this machine's admins, over a Unix socket in the data folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::Request;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::middleware::Next;
use axum::response::Response;
use axum::serve::IncomingStream;
use postern_domain::access::Role;
use tokio::net::{UnixListener, unix::UCred};
use tokio::sync::watch;

use super::routes;
use postern_services::service::{Authority, Caller, CallerKind, Services};

/// Header with the name of the person behind `sudo`. It is used for the audit trail only, and accepted only from
/// users who already have full access.
pub const ON_BEHALF_HEADER: &str = "x-postern-on-behalf-of";

/// The path of the admin socket in a data folder.
pub fn admin_socket_path(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

#[derive(Debug, Clone)]
struct Peer(Option<UCred>);

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Peer(stream.io().peer_cred().ok())
    }
}

/// Serves the API until `closing` becomes true.
///
/// # Errors
/// The listener fails permanently.
pub async fn serve_admin_socket(
    listener: UnixListener,
    services: Arc<Services>,
    mut closing: watch::Receiver<bool>,
) -> io::Result<()> {
    let once = axum::middleware::from_fn_with_state(Arc::clone(&services), super::idempotency::once);
    let local = super::monitoring::local_routes(&services);
    let app = routes(services)
        .merge(local)
        .fallback(super::nothing)
        .layer(once)
        .layer(axum::middleware::from_fn(name_caller));
    let app = app.layer(axum::middleware::from_fn(crate::finish::finish));
    axum::serve(listener, app.into_make_service_with_connect_info::<Peer>())
        .with_graceful_shutdown(async move {
            let _ = closing.wait_for(|closing| *closing).await;
        })
        .await
}

async fn name_caller(ConnectInfo(Peer(peer)): ConnectInfo<Peer>, mut request: Request, next: Next) -> Response {
    let behind = request.headers().get(ON_BEHALF_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let caller = caller(peer, behind);
    request.extensions_mut().insert(Authority::LocalUser(caller.name.clone()));
    request.extensions_mut().insert(caller);
    next.run(request).await
}

fn caller(peer: Option<UCred>, behind: Option<String>) -> Caller {
    let Some(peer) = peer else {
        return Caller { name: "unknown".into(), kind: CallerKind::LocalUser, organization: None, role: None };
    };
    let own = rustix::process::geteuid().as_raw();
    let role = (peer.uid() == 0 || peer.uid() == own).then_some(Role::OrganizationManagement);
    let user = user_name(Path::new("/etc/passwd"), peer.uid()).unwrap_or_else(|| format!("uid {}", peer.uid()));
    let name = match behind.filter(|behind| role.is_some() && *behind != user) {
        Some(behind) => format!("{user} (for {})", behind.chars().take(64).collect::<String>()),
        None => user,
    };
    Caller { name, kind: CallerKind::LocalUser, organization: None, role }
}

/// The name of a local user (passwd(5)); users from a directory are named by their number.
fn user_name(passwd: &Path, uid: u32) -> Option<String> {
    let text = std::fs::read_to_string(passwd).ok()?;
    let uid = uid.to_string();
    let line = text.lines().find(|line| line.split(':').nth(2) == Some(&uid))?;
    line.split(':').next().map(str::to_owned)
}
