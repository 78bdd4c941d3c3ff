//! `postern demo`: a small organization sends through the real policy door in accelerated time, and one account is
//! compromised. Needs no mail server, and leaves nothing behind.

mod clock;
mod sender;

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use postern_domain::access::Role;

use crate::serve;
use clock::QuickClock;
use postern_cli::output::{BAD, BOLD, DIM, GOOD, WARN, bar, styled};
use postern_config as config;
use postern_services::clock::Clock;
use postern_services::node::Node;
use postern_services::outbox::mails;
use postern_services::present;
use postern_services::randomness::SystemRandomness;
use postern_services::service::views::UsageView;
use postern_services::service::{AlertFilter, Caller, CallerKind, ReleaseRequest, RestrictionFilter};
use postern_services::settings::Settings;
use sender::Sender;

/// Simulated time between two messages of the organization.
const STEP: Duration = Duration::from_secs(20);
const COLLEAGUES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
const VICTIM: &str = "mallory.smith";
/// Messages on an ordinary morning before the password is stolen.
const MORNING: u32 = 60;
/// Messages that the attacker tries to send.
const SPAM: u32 = 80;
const LIMIT: u32 = 500;

/// Runs the demonstration; `pace` is the real time between two messages.
///
/// # Errors
/// No free port or no temporary folder was available.
pub async fn run(pace: Duration) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    let port = free_port()?;
    let settings = settings(folder.path(), port)?;
    let clock = Arc::new(QuickClock::starting_at_nine());
    let running = serve::start(settings, Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(SystemRandomness)).await?;
    let node = Arc::clone(running.node());
    let played = play(&node, &clock, port, pace).await;
    running.stop().await?;
    played
}

/// The example organization, and what its admin sees of it.
struct Demo<'a> {
    node: &'a Node,
    clock: &'a QuickClock,
    sender: Sender,
    pace: Duration,
    caller: Caller,
}

impl Demo<'_> {
    async fn morning(&mut self) -> anyhow::Result<()> {
        title("Example Ltd on an ordinary morning");
        say(&format!(
            "Everybody may send to {LIMIT} external recipients in any hour. Messages go through the real policy door."
        ));
        for n in 0..MORNING {
            let user = COLLEAGUES[n as usize % COLLEAGUES.len()];
            self.sender.send(user, "192.0.2.20", 1 + n % 3).await?;
            self.clock.advance(STEP);
            tokio::time::sleep(self.pace).await;
        }
        for user in COLLEAGUES {
            self.show_usage(user).await?;
        }
        Ok(())
    }

    async fn compromise(&mut self) -> anyhow::Result<()> {
        title(&format!("{}: {VICTIM}'s password has been phished", present::time_of_day(self.clock.now())));
        say("Somebody logs in from 203.0.113.66 and sends to forty strangers at a time.");
        let mut refused = 0;
        for n in 0..SPAM {
            let answer = self.sender.send(VICTIM, "203.0.113.66", 40).await?;
            self.clock.advance(Duration::from_secs(2));
            if answer == "DUNNO" {
                if n % 3 == 2 {
                    self.show_usage(VICTIM).await?;
                }
            } else {
                refused += 1;
                if refused == 1 {
                    let time = present::time_of_day(self.clock.now());
                    anstream::println!("\n  {} {}", styled(BAD, time), styled(BAD, answer));
                    say("Restriction, alert and audit entry were written before that answer was given.");
                }
            }
            tokio::time::sleep(self.pace / 4).await;
        }
        let colleague = self.sender.send("alice", "192.0.2.20", 1).await?;
        let goes_on =
            if colleague == "DUNNO" { "Alice's mail goes on as before" } else { "Alice's mail was held back" };
        say(&format!("{refused} of {SPAM} messages were refused. {goes_on}."));
        Ok(())
    }

    async fn review(&self) -> anyhow::Result<()> {
        title("What an admin sees: postern restricted show mallory.smith");
        let restricted = self.node.services.restrictions.of(&self.caller, VICTIM).await?;
        let newest = restricted.into_iter().next().context("nobody was restricted")?;
        postern_cli::print_restriction(&newest.into());

        title("The alert mail that the admins get");
        for line in alert_text(self.node).await?.lines() {
            anstream::println!("  {DIM}│{DIM:#} {line}");
        }
        Ok(())
    }

    async fn release(&mut self) -> anyhow::Result<()> {
        title("The password is changed: postern restricted release mallory.smith --reason \"password changed\"");
        let services = &self.node.services;
        let request = ReleaseRequest { reason: "password changed".into(), reference: None, made_sure: Vec::new() };
        services.restrictions.release(&self.caller, VICTIM, &request).await?;
        let answer = self.sender.send(VICTIM, "192.0.2.21", 1).await?;
        let (style, said) = if answer == "DUNNO" { (GOOD, "passes") } else { (BAD, "is refused") };
        anstream::println!(
            "  The next message {}, at once. For 24 hours half of each limit holds:",
            styled(style, said)
        );
        self.show_usage(VICTIM).await?;
        let report = services.audit.verify(&self.caller, None).await?;
        say(&format!(
            "The audit trail has {} entries, and is {}.",
            report.entries,
            if report.broken_at.is_none() { "whole" } else { "broken" }
        ));
        Ok(())
    }

    async fn show_usage(&self, user: &str) -> anyhow::Result<()> {
        show(&self.node.services.usage.of(&self.caller, user).await?);
        Ok(())
    }
}

async fn play(node: &Node, clock: &QuickClock, port: u16, pace: Duration) -> anyhow::Result<()> {
    let caller = Caller {
        name: "you".into(),
        kind: CallerKind::LocalUser,
        organization: None,
        role: Some(Role::OrganizationManagement),
    };
    let mut demo = Demo { node, clock, sender: Sender::connect(port).await?, pace, caller };
    demo.morning().await?;
    demo.compromise().await?;
    demo.review().await?;
    demo.release().await?;
    title("Next");
    say("postern wiring postfix prints the lines that put Postern before your own mail server.");
    Ok(())
}

async fn alert_text(node: &Node) -> anyhow::Result<String> {
    let alert = node.shared.store.alerts(&AlertFilter::default()).await?.pop().context("no alert was raised")?.alert;
    let restricted =
        node.shared.store.restrictions(&RestrictionFilter::default()).await?.pop().context("nobody was restricted")?;
    let (text, _html) =
        mails::alert_bodies(&node.shared.settings.load(), &alert, Some(restricted.record.restriction()));
    Ok(text)
}

fn show(usage: &UsageView) {
    let Some(window) = usage.windows.first() else { return };
    let style = match usage.standing.as_str() {
        "restricted" => BAD,
        "probation" => WARN,
        _ => GOOD,
    };
    let limit = window.limit.map_or_else(String::new, |limit| limit.to_string());
    anstream::println!(
        "  {:<14} {} {:>4} of {limit:<4} external an hour  {}",
        usage.entity.name().split('@').next().unwrap_or_default(),
        styled(style, bar(window.count, window.limit)),
        window.count,
        styled(style, &usage.standing),
    );
}

fn title(text: &str) {
    anstream::println!("\n{}", styled(BOLD, text));
}

fn say(text: &str) {
    anstream::println!("  {text}");
}

fn settings(folder: &Path, port: u16) -> anyhow::Result<Settings> {
    let text = format!(
        "data = {:?}\n[organization]\nname = \"Example Ltd\"\ndomains = [\"example.com\"]\nadmins = [\"postmaster@example.com\"]\n\
         [policy_door]\nlisten = [\"127.0.0.1:{port}\"]\n[portal]\nlisten = \"127.0.0.1:{}\"\n\
         [smtp]\nserver = \"127.0.0.1:{}\"\n[outbound_policy]\nexternal_per_hour = {LIMIT}\n",
        folder.join("data").display().to_string(),
        free_port()?,
        free_port()?,
    );
    Ok(config::parse(&folder.join("postern.toml"), &text, std::iter::empty())?)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").context("no free port")?.local_addr()?.port())
}
