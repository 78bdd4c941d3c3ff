//! The configuration lines that make Postfix call Postern.
//!
//! `docs/postfix.md` explains why in these three places.

use std::net::IpAddr;

use postern_domain::policy::CopyAlias;
use postern_services::settings::{Listen, Settings};
use postern_wire::policy::CONFIRM_CONTEXT;

/// One line of `main.cf`, and where it belongs in an existing list.
struct Line {
    parameter: &'static str,
    /// The restrictions before it in the same list.
    before: &'static str,
    context: &'static str,
    belongs: &'static str,
}

const LINES: [Line; 3] = [
    Line {
        parameter: "smtpd_sender_restrictions",
        before: "",
        context: "gate",
        belongs: "First in an existing list, before any permit_mynetworks or permit_sasl_authenticated.\n\
                  # Postern checks each recipient here; a restricted sender gets 550 5.1.8.",
    },
    Line {
        parameter: "smtpd_recipient_restrictions",
        before: "reject_unlisted_recipient, ",
        context: CONFIRM_CONTEXT,
        belongs: "In an existing list, after every rule that refuses (such as reject_unlisted_recipient),\n\
                  # but before permit_mynetworks and permit_sasl_authenticated. Postern learns here\n\
                  # which recipients passed, and does not count the others.",
    },
    Line {
        parameter: "smtpd_end_of_data_restrictions",
        before: "",
        context: "commit",
        belongs: "Last in an existing list, before any permit. Postern counts the accepted message here.",
    },
];

/// The lines of `main.cf`, with comments that explain where they belong; the last one defines the aliases that copies
/// to several addresses need.
pub fn postfix(settings: &Settings, aliases: &[CopyAlias]) -> String {
    let service = service(settings.policy_listen());
    let mut text = String::from(
        "# Postfix, main.cf. Then: postfix reload, and postern doctor.\n\
         # default_action is what Postfix does when it can't reach Postern: DUNNO lets mail\n\
         # through uncounted; 451 4.7.1 would defer it.\n",
    );
    for Line { parameter, before, context, belongs } in LINES {
        text += &format!(
            "# {belongs}\n{parameter} = {before}check_policy_service {{ {service}, timeout=20s, \
             default_action=DUNNO, policy_context={context} }}\n"
        );
    }
    text + &copies(aliases)
}

fn copies(aliases: &[CopyAlias]) -> String {
    if aliases.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "# add this table to an existing list: Postfix adds one copy to a message at most, so that copies to\n\
         # several addresses go to an alias, by policy:\n",
    );
    let mut entries = Vec::new();
    for CopyAlias { policy, alias, to, .. } in aliases {
        // Control characters in a policy's name must not break the comment line.
        let policy: String = policy.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text += &format!("#   {policy}: {alias}\n");
        entries.push(format!("{{ {alias} = {} }}", to.join(", ")));
    }
    text + &format!("virtual_alias_maps = inline:{{ {} }}\n", entries.join(", "))
}

/// Postfix's name for the first listener it can reach. TCP is preferred: smtpd often runs in a chroot, which hides
/// socket files.
fn service<'a>(listen: impl Iterator<Item = &'a Listen>) -> String {
    let names: Vec<_> = listen.map(service_name).collect();
    let tcp = names.iter().find(|name| name.starts_with("inet:"));
    tcp.or(names.first()).cloned().unwrap_or_else(|| "inet:127.0.0.1:10040".into())
}

/// A listener as `check_policy_service` names it.
pub fn service_name(listen: &Listen) -> String {
    match listen {
        Listen::Tcp(address) => {
            let host = match address.ip() {
                ip if !ip.is_unspecified() => ip.to_string(),
                IpAddr::V4(_) => "127.0.0.1".into(),
                IpAddr::V6(_) => "::1".into(),
            };
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            format!("inet:{host}:{}", address.port())
        }
        Listen::Unix(path) => format!("unix:{}", path.display()),
        // The address that systemd listens on is in the socket unit; this is the default.
        Listen::Systemd(_) => "inet:127.0.0.1:10040".into(),
    }
}
