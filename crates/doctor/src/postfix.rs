//! Reads Postfix's configuration from `postconf`.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// The restriction lists, in the order in which smtpd runs them for a recipient and then for
/// the message (SMTPD_ACCESS_README).
pub(super) const LISTS: [&str; 7] = [
    "smtpd_client_restrictions",
    "smtpd_helo_restrictions",
    "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions",
    "smtpd_data_restrictions",
    "smtpd_end_of_data_restrictions",
];

/// Other parameters that matter to the checks.
const OTHERS: [&str; 8] = [
    "smtpd_delay_reject",
    "smtpd_policy_service_default_action",
    "smtpd_sasl_auth_enable",
    "mydestination",
    "virtual_mailbox_domains",
    "relay_domains",
    "virtual_alias_maps",
    "mail_version",
];

/// Postfix's default for `smtpd_policy_service_default_action` (postconf(5)).
pub(super) const DEFAULT_ACTION_UNSET: &str = "451 4.3.5 Server configuration problem";

/// A Postfix configuration as `postconf` shows it.
#[derive(Debug, Clone, Default)]
pub(super) struct PostfixConfig {
    /// `main.cf`, macros expanded.
    pub(super) main: BTreeMap<String, String>,
    /// Each smtpd service of `master.cf`, with the parameters it overrides.
    pub(super) services: BTreeMap<String, BTreeMap<String, String>>,
}

/// One element of a restriction list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rule {
    /// `check_policy_service` with its server and its attributes.
    PolicyService { server: String, attributes: BTreeMap<String, String> },
    /// Anything else, by name.
    Other(String),
}

impl PostfixConfig {
    /// A parameter's effective value for one service.
    pub(super) fn value(&self, service: &str, name: &str) -> &str {
        let overridden = self.services.get(service).and_then(|overrides| overrides.get(name));
        overridden.or_else(|| self.main.get(name)).map_or("", String::as_str)
    }

    /// The effective restriction list of one service.
    pub(super) fn rules(&self, service: &str, list: &str) -> Vec<Rule> {
        rules(self.value(service, list))
    }
}

/// Reads the configuration of the default instance, or of the one in `folder`; none if Postfix is not installed.
pub(super) fn read(folder: Option<&Path>) -> anyhow::Result<Option<PostfixConfig>> {
    let mut names = LISTS.to_vec();
    names.extend(OTHERS);
    let mut arguments = vec!["-x"];
    arguments.extend(names);
    let Some(main) = postconf(folder, &arguments)? else { return Ok(None) };
    let master = postconf(folder, &["-M"])?.unwrap_or_default();
    let overrides = postconf(folder, &["-xP"])?.unwrap_or_default();
    Ok(Some(parse(&main, &master, &overrides)))
}

fn postconf(folder: Option<&Path>, arguments: &[&str]) -> anyhow::Result<Option<String>> {
    // It is in /usr/sbin, which is not in every user's path.
    for program in ["postconf", "/usr/sbin/postconf"] {
        let mut command = Command::new(program);
        if let Some(folder) = folder {
            command.arg("-c").arg(folder);
        }
        match command.args(arguments).output() {
            Ok(output) if output.status.success() => {
                return Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()));
            }
            Ok(output) => bail!("postconf {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("postconf can't be run"),
        }
    }
    Ok(None)
}

fn parse(main: &str, master: &str, overrides: &str) -> PostfixConfig {
    let assignments = |text: &str| -> BTreeMap<String, String> {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
    };
    let mut services = BTreeMap::new();
    for line in master.lines() {
        // service type private unpriv chroot wakeup maxproc command
        let fields: Vec<&str> = line.split_whitespace().collect();
        if let [name, kind, _, _, _, _, _, "smtpd", ..] = fields.as_slice() {
            services.insert(format!("{name}/{kind}"), BTreeMap::new());
        }
    }
    for (name, value) in assignments(overrides) {
        if let Some((service, parameter)) = name.rsplit_once('/')
            && let Some(overridden) = services.get_mut(service)
        {
            overridden.insert(parameter.to_owned(), value);
        }
    }
    PostfixConfig { main: assignments(main), services }
}

/// Parses a restriction list: words separated by commas and white space, with braces around one element
/// (SMTPD_POLICY_README, "Advanced policy client configuration").
pub(super) fn rules(text: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut words = words(text).into_iter();
    while let Some(word) = words.next() {
        if word == "check_policy_service" {
            let service = words.next().unwrap_or_default();
            rules.push(policy_service(&service));
        } else {
            rules.push(Rule::Other(word));
        }
    }
    rules
}

pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut depth = 0u32;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            c if depth == 0 && (c == ',' || c.is_whitespace()) => {
                words.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn policy_service(text: &str) -> Rule {
    let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        return Rule::PolicyService { server: text.to_owned(), attributes: BTreeMap::new() };
    };
    // Attributes are separated by commas or white space; a value that contains either is in braces.
    let inner = inner.replace(" = ", "=");
    let mut parts = words(&inner).into_iter();
    let server = parts.next().unwrap_or_default();
    let attributes = parts.filter_map(|part| {
        let part = part.trim_matches(|c: char| c == '{' || c == '}' || c.is_whitespace());
        part.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
    });
    Rule::PolicyService { server, attributes: attributes.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_with_braces_and_commas() {
        let rules = rules(
            "permit_mynetworks, check_policy_service { inet:127.0.0.1:10040, timeout=20s, default_action=DUNNO, \
             policy_context=gate } reject_unauth_destination check_policy_service unix:private/policy",
        );
        let Rule::PolicyService { server, attributes } = &rules[1] else { panic!("{rules:?}") };
        assert_eq!(server, "inet:127.0.0.1:10040");
        assert_eq!(attributes["default_action"], "DUNNO");
        assert_eq!(attributes["policy_context"], "gate");
        assert_eq!(rules[0], Rule::Other("permit_mynetworks".into()));
        assert_eq!(rules[2], Rule::Other("reject_unauth_destination".into()));
        assert!(matches!(&rules[3], Rule::PolicyService { server, .. } if server == "unix:private/policy"));
    }

    #[test]
    fn values_in_braces_keep_their_spaces() {
        let rules = rules("check_policy_service { inet:localhost:10040, { default_action = 451 4.7.1 later } }");
        let Rule::PolicyService { attributes, .. } = &rules[0] else { panic!("{rules:?}") };
        assert_eq!(attributes["default_action"], "451 4.7.1 later");
    }

    #[test]
    fn services_override_main_cf() {
        let master = "smtp       inet  n       -       y       -       -       smtpd\n\
                      submission inet  n       -       y       -       -       smtpd\n    -o syslog_name=x\n\
                      pickup     unix  n       -       y       60      1       pickup\n";
        let overrides = "submission/inet/smtpd_sender_restrictions = permit\npickup/unix/x = y\n";
        let config = parse("smtpd_sender_restrictions = reject\n", master, overrides);
        assert_eq!(config.services.len(), 2);
        assert_eq!(config.value("smtp/inet", "smtpd_sender_restrictions"), "reject");
        assert_eq!(config.value("submission/inet", "smtpd_sender_restrictions"), "permit");
    }
}
