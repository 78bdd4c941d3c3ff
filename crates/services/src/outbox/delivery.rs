//! Delivers one mail or webhook and returns the other side's answer.

use std::sync::Arc;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as LettreTls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use postern_domain::Timestamp;
use postern_store::{MailKind, QueuedMail};

use super::{OwnMail, webhooks};
use crate::present::{self, with_sources};
use crate::settings::{Settings, Smtp, Tls};

/// How long one conversation with the mail server may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a mail or webhook was not delivered.
#[derive(Debug)]
pub struct Failure {
    /// Why it failed, in one line.
    pub error: String,
    /// The server refused it permanently, so a retry is unlikely to help.
    pub(super) refused: bool,
    /// The server could not be reached, so the next mail would fail as well.
    pub(super) unreachable: bool,
}

/// Delivers mails and webhooks.
pub struct Delivery {
    own_mail: Arc<OwnMail>,
    webhooks: webhooks::Sender,
}

impl Delivery {
    /// Creates it. Mails are registered with `own_mail` while they are being sent.
    ///
    /// # Errors
    /// This machine's certificates can't be read.
    pub fn new(own_mail: Arc<OwnMail>) -> std::io::Result<Self> {
        Ok(Self { own_mail, webhooks: webhooks::Sender::new()? })
    }

    /// Delivers a mail or webhook, and returns the other side's answer.
    ///
    /// # Errors
    /// The other side did not accept it, or could not be reached.
    pub async fn deliver(&self, settings: &Settings, queued: &QueuedMail, now: Timestamp) -> Result<String, Failure> {
        match queued.mail.kind {
            MailKind::Webhook => self.webhooks.deliver(settings, queued, now).await,
            MailKind::Alert | MailKind::Notice => self.mail(&settings.smtp, queued).await,
        }
    }

    async fn mail(&self, smtp: &Smtp, queued: &QueuedMail) -> Result<String, Failure> {
        let mail = &queued.mail;
        let unusable = |error: String| Failure { error, refused: true, unreachable: false };
        let parse = |address: &str| address.parse().map_err(|e| unusable(format!("<{address}>: {e}")));
        let sender = if mail.sender.is_empty() { None } else { Some(parse(&mail.sender)?) };
        let envelope = Envelope::new(sender, vec![parse(&mail.recipient)?]).map_err(|e| unusable(e.to_string()))?;
        let transport = transport(smtp).map_err(unusable)?;
        let _expected = self.own_mail.expect(&mail.sender, &mail.recipient);
        match transport.send_raw(&envelope, &mail.message).await {
            Ok(response) => {
                let lines: Vec<_> = response.message().collect();
                Ok(format!("{} {}", response.code(), lines.join(" ")))
            }
            Err(error) => Err(Failure {
                refused: error.is_permanent(),
                unreachable: !error.is_permanent() && !error.is_transient(),
                error: with_sources(&error),
            }),
        }
    }
}

fn transport(smtp: &Smtp) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let parameters = || {
        let builder = TlsParameters::builder(smtp.server.host.clone());
        // A certificate for a public name doesn't cover 127.0.0.1, and on loopback nobody can intercept.
        let here = smtp.server.is_loopback();
        let builder = builder.dangerous_accept_invalid_certs(here).dangerous_accept_invalid_hostnames(here);
        builder.build_rustls().map_err(|error| with_sources(&error))
    };
    let tls = match smtp.tls {
        Tls::None => LettreTls::None,
        Tls::Opportunistic => LettreTls::Opportunistic(parameters()?),
        Tls::Required => LettreTls::Required(parameters()?),
        Tls::Implicit => LettreTls::Wrapper(parameters()?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.server.host)
        .port(smtp.server.port)
        .hello_name(ClientId::Domain(present::host_name()))
        .timeout(Some(TIMEOUT))
        .tls(tls);
    if let Some((username, password)) = &smtp.login {
        builder = builder.credentials(Credentials::new(username.clone(), password.clone()));
    }
    Ok(builder.build())
}
