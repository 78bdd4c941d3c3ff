//! Judges whether Postfix is connected to Postern correctly. Pure: a configuration in, findings out.

use std::collections::BTreeSet;

use super::postfix::{DEFAULT_ACTION_UNSET, LISTS, PostfixConfig, Rule};
use postern_domain::finding::{Finding, Level};
use postern_services::gate::ServerReport;
use postern_wire::policy::CONFIRM_CONTEXT;

const PRINT_LINES: &str = "postern wiring postfix prints the lines";
/// With fewer requests than this, the lack of logins proves nothing.
const ENOUGH_QUESTIONS: u64 = 10;

/// One place where Postfix calls Postern.
struct Place<'a> {
    list: &'static str,
    context: &'a str,
    default_action: Option<&'a str>,
    /// An earlier rule that prevents the call.
    shadowed_by: Option<&'a str>,
}

/// Checks every smtpd service. `services` are Postern's listeners as Postfix names them; `servers` lists what mail
/// servers have requested so far, if the daemon could report it.
pub(super) fn check(
    config: &PostfixConfig,
    services: &[String],
    accepted_domains: &[String],
    servers: Option<&[ServerReport]>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut asked_anywhere = false;
    for service in config.services.keys() {
        let found = service_findings(config, service, services);
        asked_anywhere |= found.is_some();
        match found {
            Some(found) => add_new(&mut findings, found),
            None if overrides_lists(config, service) => findings.push(Finding::new(
                "wiring",
                Level::Warning,
                format!("{service}: Postfix does not ask Postern here: master.cf overrides the lists of main.cf"),
                format!("take the -o smtpd_…_restrictions of {service} out of master.cf, or add the lines there"),
            )),
            None => {}
        }
    }
    if !asked_anywhere {
        let service = services.first().map_or("inet:127.0.0.1:10040", String::as_str);
        findings.push(Finding::new(
            "wiring",
            Level::Error,
            format!("Postfix does not ask Postern: no restriction list has check_policy_service {service}"),
            format!("{PRINT_LINES} for main.cf"),
        ));
    }
    findings.extend(logins(config, servers));
    findings.extend(domains(config, accepted_domains));
    findings
}

/// Merges the same finding for several services into one.
fn add_new(findings: &mut Vec<Finding>, found: Vec<Finding>) {
    for finding in found {
        let same = |f: &Finding| f.check == finding.check && without_service(f) == without_service(&finding);
        if !findings.iter().any(same) {
            findings.push(finding);
        }
    }
}

fn without_service(finding: &Finding) -> &str {
    finding.message.split_once(": ").map_or(finding.message.as_str(), |(_, rest)| rest)
}

fn overrides_lists(config: &PostfixConfig, service: &str) -> bool {
    config.services.get(service).is_some_and(|overrides| LISTS.iter().any(|list| overrides.contains_key(*list)))
}

fn service_findings(config: &PostfixConfig, service: &str, ours: &[String]) -> Option<Vec<Finding>> {
    let rules: Vec<_> = LISTS.iter().map(|list| (*list, config.rules(service, list))).collect();
    let places: Vec<_> = rules.iter().flat_map(|(list, rules)| places(list, rules, ours)).collect();
    if places.is_empty() {
        return None;
    }
    let mut findings: Vec<Finding> = places.iter().filter_map(|place| shadowed(service, place)).collect();
    findings.extend(stages(service, &places));
    findings.extend(default_action(config, service, &places));
    if config.value(service, "smtpd_delay_reject") == "no" {
        findings.push(Finding::new(
            "delay-reject",
            Level::Error,
            format!("{service}: smtpd_delay_reject is no, so smtpd_sender_restrictions run at MAIL FROM and name no recipient"),
            "set smtpd_delay_reject = yes, which is Postfix's default",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("wiring", format!("{service}: Postfix asks Postern at every stage it should")));
    }
    Some(findings)
}

fn places<'a>(list: &'static str, rules: &'a [Rule], ours: &[String]) -> Vec<Place<'a>> {
    let mut shadowed_by = None;
    let mut places = Vec::new();
    for rule in rules {
        match rule {
            Rule::Other(name)
                if ["permit_mynetworks", "permit_sasl_authenticated", "permit"].contains(&name.as_str()) =>
            {
                shadowed_by = shadowed_by.or(Some(name.as_str()));
            }
            Rule::Other(_) => {}
            Rule::PolicyService { server, attributes } if is_ours(server, ours) => places.push(Place {
                list,
                context: attributes.get("policy_context").map_or("", String::as_str),
                default_action: attributes.get("default_action").map(String::as_str),
                shadowed_by,
            }),
            Rule::PolicyService { .. } => {}
        }
    }
    places
}

fn is_ours(server: &str, ours: &[String]) -> bool {
    let server = server.replace("inet:localhost:", "inet:127.0.0.1:");
    ours.iter().any(|service| {
        // A socket inside the chroot is named relative to the queue folder.
        let relative = || service.strip_prefix("unix:").zip(server.strip_prefix("unix:"));
        *service == server || relative().is_some_and(|(ours, theirs)| ours.ends_with(&format!("/{theirs}")))
    })
}

fn shadowed(service: &str, place: &Place<'_>) -> Option<Finding> {
    let by = place.shadowed_by?;
    let list = place.list;
    let who = match by {
        "permit_mynetworks" => "clients in mynetworks",
        "permit_sasl_authenticated" => "users who logged in",
        _ => "anyone",
    };
    Some(Finding::new(
        "order",
        Level::Error,
        format!("{service}: in {list}, check_policy_service comes after {by}, so Postern is never asked about {who}"),
        format!("move check_policy_service before {by} in {list}"),
    ))
}

fn stages(service: &str, places: &[Place<'_>]) -> Vec<Finding> {
    let at = |list: &str| places.iter().any(|place| place.list == list);
    let mut findings = Vec::new();
    let gate = places.iter().any(|place| place.list == "smtpd_sender_restrictions" && place.context != CONFIRM_CONTEXT);
    let end = at("smtpd_end_of_data_restrictions");
    let early = ["smtpd_client_restrictions", "smtpd_helo_restrictions"];
    for list in early.into_iter().filter(|list| at(list)) {
        findings.push(Finding::new(
            "stage",
            Level::Error,
            format!(
                "{service}: {list} is the wrong stage: what Postern refuses there reaches the client under another code"
            ),
            format!("move check_policy_service to smtpd_sender_restrictions; {PRINT_LINES}"),
        ));
    }
    if !gate {
        let only_end = end && places.iter().all(|place| place.list == "smtpd_end_of_data_restrictions");
        let effect = if only_end {
            "only the number of recipients is known, so all count as external, and a refusal comes after the whole message as 550 5.0.0"
        } else {
            "the client sees 550 5.1.2 or 5.0.0 in place of 550 5.1.8"
        };
        findings.push(Finding::new(
            "stage",
            Level::Error,
            format!("{service}: smtpd_sender_restrictions does not ask Postern, which is the stage it should ask at: {effect}"),
            PRINT_LINES,
        ));
    }
    if !end {
        findings.push(Finding::new(
            "stage-end",
            Level::Warning,
            format!("{service}: smtpd_end_of_data_restrictions does not query Postern: messages that are abandoned are counted anyway"),
            PRINT_LINES,
        ));
    }
    let confirms = places.iter().any(|p| p.list == "smtpd_recipient_restrictions" && p.context == CONFIRM_CONTEXT);
    if gate && !confirms {
        findings.push(Finding::new(
            "stage-confirm",
            Level::Warning,
            format!("{service}: smtpd_recipient_restrictions does not confirm recipients: one that a later rule refuses can't be distinguished from the others"),
            PRINT_LINES,
        ));
    }
    findings
}

fn default_action(config: &PostfixConfig, service: &str, places: &[Place<'_>]) -> Option<Finding> {
    let general = config.value(service, "smtpd_policy_service_default_action");
    let is_unset = |action: &str| action.is_empty() || action == DEFAULT_ACTION_UNSET;
    let unset = places.iter().find(|place| is_unset(place.default_action.unwrap_or(general)))?;
    Some(Finding::new(
        "default-action",
        Level::Error,
        format!(
            "{service}: in {}, smtpd_policy_service_default_action is unset: while Postern is unavailable, Postfix answers everything with {DEFAULT_ACTION_UNSET}",
            unset.list
        ),
        "set it explicitly: default_action=DUNNO in the braces lets mail through uncounted, 451 4.7.1 … defers it",
    ))
}

/// Checks whether anyone logs in: without a login there is no account to count.
fn logins(config: &PostfixConfig, servers: Option<&[ServerReport]>) -> Vec<Finding> {
    let offers = |service: &String| config.value(service, "smtpd_sasl_auth_enable") == "yes";
    if !config.services.keys().any(offers) {
        return vec![Finding::new(
            "sasl",
            Level::Error,
            "no smtpd service has smtpd_sasl_auth_enable = yes, so sasl_username is always empty and no account can be counted",
            "turn SMTP AUTH on for submission, or name the hosts that relay without a login as [[connector]]",
        )];
    }
    let Some(servers) = servers else { return Vec::new() };
    let asked: u64 = servers.iter().map(|server| server.rcpt + server.data + server.end_of_message).sum();
    let named: u64 = servers.iter().map(|server| server.accounts + server.connectors).sum();
    if asked == 0 {
        let advice = "send a message as a user who logs in, then look at postern usage ACCOUNT";
        return vec![Finding::new(
            "traffic",
            Level::Info,
            "no mail server has sent a request about a message yet",
            advice,
        )];
    }
    if named == 0 && asked >= ENOUGH_QUESTIONS {
        return vec![Finding::new(
            "sasl",
            Level::Error,
            format!(
                "all of {asked} requests came with an empty sasl_username and from no connector, so nothing is counted"
            ),
            "query Postern where users log in (submission), before any proxy that strips the login; list hosts that relay without one as [[connector]]",
        )];
    }
    vec![Finding::ok("traffic", format!("{asked} requests so far, {named} of them about accounts and connectors"))]
}

/// Domains that Postfix accepts as its own and Postern would count as external.
fn domains(config: &PostfixConfig, accepted: &[String]) -> Option<Finding> {
    let lists = ["mydestination", "virtual_mailbox_domains", "relay_domains"];
    let values = lists.iter().filter_map(|name| config.main.get(*name));
    let listed = values.flat_map(|value| value.split([',', ' ', '\t'])).map(str::trim);
    // Lookup tables, files and macros can't be read from here.
    let plain = listed.filter(|d| d.contains('.') && !d.contains([':', '/', '$']) && !d.starts_with("localhost"));
    let missing: BTreeSet<_> =
        plain.filter(|domain| !accepted.iter().any(|a| a.eq_ignore_ascii_case(domain))).collect();
    if missing.is_empty() {
        return None;
    }
    let missing = missing.into_iter().collect::<Vec<_>>().join(", ");
    Some(Finding::new(
        "domains",
        Level::Warning,
        format!("Postfix takes mail for {missing} as its own, Postern counts it as external"),
        "add what belongs to the organization to organization.domains",
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const OURS: &str = "inet:127.0.0.1:10040";

    fn config(main: &[(&str, &str)]) -> PostfixConfig {
        let mut values: BTreeMap<String, String> = [
            ("smtpd_delay_reject", "yes"),
            ("smtpd_sasl_auth_enable", "yes"),
            ("smtpd_policy_service_default_action", DEFAULT_ACTION_UNSET),
        ]
        .into_iter()
        .map(|(k, v)| (k.into(), v.into()))
        .collect();
        values.extend(main.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        PostfixConfig { main: values, services: BTreeMap::from([("submission/inet".into(), BTreeMap::new())]) }
    }

    fn ask(context: &str) -> String {
        format!("check_policy_service {{ {OURS}, default_action=DUNNO, policy_context={context} }}")
    }

    fn wired() -> Vec<(&'static str, String)> {
        vec![
            ("smtpd_sender_restrictions", ask("gate")),
            ("smtpd_recipient_restrictions", ask("confirm")),
            ("smtpd_end_of_data_restrictions", ask("commit")),
        ]
    }

    fn levels(main: &[(&'static str, String)], servers: Option<&[ServerReport]>) -> Vec<(&'static str, Level)> {
        let main: Vec<_> = main.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let findings = check(&config(&main), &[OURS.to_owned()], &["example.com".to_owned()], servers);
        findings.iter().map(|f| (f.check, f.level)).collect()
    }

    #[test]
    fn what_we_print_is_found_to_be_right() {
        assert_eq!(levels(&wired(), None), [("wiring", Level::Ok)]);
    }

    #[test]
    fn no_wiring_is_an_error() {
        assert_eq!(levels(&[], None), [("wiring", Level::Error)]);
    }

    #[test]
    fn a_service_after_a_permit_is_never_asked() {
        let mut main = wired();
        main[0].1 = format!("permit_mynetworks, permit_sasl_authenticated, {}", ask("gate"));
        assert_eq!(levels(&main, None), [("order", Level::Error)]);
    }

    #[test]
    fn wrong_and_missing_stages_are_told_apart() {
        let only_end = [("smtpd_end_of_data_restrictions", ask("commit"))];
        assert_eq!(levels(&only_end, None), [("stage", Level::Error)]);
        let only_gate = [("smtpd_sender_restrictions", ask("gate"))];
        assert_eq!(levels(&only_gate, None), [("stage-end", Level::Warning), ("stage-confirm", Level::Warning)]);
        let only_recipient = [("smtpd_recipient_restrictions", ask(""))];
        assert_eq!(levels(&only_recipient, None), [("stage", Level::Error), ("stage-end", Level::Warning)]);
    }

    #[test]
    fn an_unset_default_action_is_an_error_unless_the_braces_set_it() {
        let mut main = wired();
        main[0].1 = format!("check_policy_service {OURS}");
        assert_eq!(levels(&main, None), [("default-action", Level::Error)]);
        main.push(("smtpd_policy_service_default_action", "DUNNO".into()));
        assert_eq!(levels(&main, None), [("wiring", Level::Ok)]);
    }

    #[test]
    fn questions_without_any_login_are_an_error() {
        let server = ServerReport {
            peer: "127.0.0.1".into(),
            listener: "25".into(),
            rcpt: 30,
            confirm: 0,
            data: 0,
            end_of_message: 30,
            other: 0,
            accounts: 0,
            connectors: 0,
            last: postern_domain::Timestamp::from_millis(1),
        };
        assert_eq!(
            levels(&wired(), Some(std::slice::from_ref(&server))),
            [("wiring", Level::Ok), ("sasl", Level::Error)]
        );
        let named = ServerReport { accounts: 5, ..server };
        assert_eq!(levels(&wired(), Some(&[named])), [("wiring", Level::Ok), ("traffic", Level::Ok)]);
        let mut main = wired();
        main.push(("smtpd_sasl_auth_enable", "no".into()));
        assert_eq!(levels(&main, None), [("wiring", Level::Ok), ("sasl", Level::Error)]);
    }

    #[test]
    fn domains_that_postfix_takes_are_compared() {
        let mut main = wired();
        main.push(("virtual_mailbox_domains", "example.com, example.org hash:/etc/postfix/x".into()));
        assert_eq!(levels(&main, None), [("wiring", Level::Ok), ("domains", Level::Warning)]);
    }
}
