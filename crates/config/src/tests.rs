use std::time::Duration;

use postern_domain::policy::OutboundPolicy;
use postern_services::built_with;
use postern_services::settings::Listen;

use super::*;

fn parse(text: &str, env: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let env: Vec<_> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    super::parse(Path::new("postern.toml"), text, env.into_iter())
}

const LEAST: &str = "[organization]\ndomains = [\"example.com\", \"example.org\"]\n";

#[test]
fn everything_but_the_domains_has_a_default() {
    let settings = parse(LEAST, &[]).unwrap();
    assert_eq!(settings.organization.admins, ["postmaster@example.com"]);
    assert_eq!(settings.policy_listen().collect::<Vec<_>>(), [&Listen::Tcp("127.0.0.1:10040".parse().unwrap())]);
    assert_eq!(settings.outbound_policy, OutboundPolicy::built_in());
    assert_eq!(settings.alerts.recipients, ["TenantAdmins"]);
    assert_eq!(settings.organization.admins, ["postmaster@example.com"]);
    assert_eq!(settings.own_directory.escape_lane.len(), 2);
    assert_eq!(settings.smtp.from.address, "postern@example.com");
}

#[test]
fn doors_are_listed_and_the_short_form_is_the_first() {
    let text = format!(
        "{LEAST}[policy_door]\nlisten = [\"127.0.0.1:1\"]\nmax_connections = 7\n[[door]]\nkind = \"policy\"\n\
         listen = [\"127.0.0.1:2\", \"unix:/run/x\"]\n[gate]\ncontention_wait_seconds = 9\n"
    );
    let settings = parse(&text, &[]).unwrap();
    let listen: Vec<_> = settings.policy_listen().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:1", "127.0.0.1:2", "unix:/run/x"]);
    assert_eq!((settings.doors.len(), settings.doors[0].max_connections), (2, 7));
    assert_eq!(settings.gate.contention_wait, Duration::from_secs(9));
    // A reservation of a connection that has fallen silent ends within 30 s.
    assert!(settings.gate.reservation_timeout < Duration::from_secs(29));
    assert_eq!(settings.advice, [] as [&str; 0]);
    let error = parse(&format!("{LEAST}[[door]]\nlisten = [\"127.0.0.1:2\"]\n"), &[]).unwrap_err().to_string();
    assert!(error.contains("door[0].kind is missing"), "{error}");
    let error = parse(&format!("{LEAST}[[door]]\nkind = \"milter\"\n"), &[]).unwrap_err().to_string();
    assert!(error.contains("expected \"policy\""), "{error}");
}

#[test]
fn keys_that_have_moved_still_work_and_say_where_they_belong() {
    let old = format!("{LEAST}[policy_door]\nreservation_timeout_seconds = 2\ncontention_wait_seconds = 1\n");
    let settings = parse(&old, &[]).unwrap();
    let gate = settings.gate;
    assert_eq!((gate.reservation_timeout, gate.contention_wait), (Duration::from_secs(2), Duration::from_secs(1)));
    assert_eq!(settings.advice.len(), 2);
    assert!(settings.advice[0].contains("write it as reservation_timeout_seconds = 2 under [gate]"));
    // The new place wins.
    let settings = parse(&format!("{old}[gate]\ncontention_wait_seconds = 3\n"), &[]).unwrap();
    assert_eq!(settings.gate.contention_wait, Duration::from_secs(3));
}

#[test]
fn zero_is_the_built_in_default() {
    let text = format!("{LEAST}[outbound_policy]\nexternal_per_hour = 0\nper_day = 7\n");
    let limits = parse(&text, &[]).unwrap().outbound_policy.limits();
    assert_eq!((limits.external_per_hour, limits.per_day), (500, 7));
}

#[test]
fn the_environment_overrides_the_file() {
    let env = [
        ("POSTERN__DATA", "/tmp/x"),
        ("POSTERN__OUTBOUND_POLICY__PER_DAY", "12"),
        ("POSTERN__ORGANIZATION__DOMAINS", "a.example, b.example"),
        ("POSTERN__ORGANIZATION__NAME", "2026"),
        ("POSTERN__CONNECTOR", "[{networks = [\"192.0.2.1\"]}]"),
        ("POSTERN_CONFIG", "ignored"),
    ];
    // A number is not a name, even where it would look like one as text.
    let error = parse(LEAST, &env).unwrap_err().to_string();
    assert_eq!(error, "POSTERN__ORGANIZATION__NAME: organization.name = 2026: expected a text in quotes");
    let env: Vec<_> = env.into_iter().filter(|(name, _)| !name.ends_with("NAME")).collect();
    let settings = parse(LEAST, &env).unwrap();
    assert_eq!(settings.data, PathBuf::from("/tmp/x"));
    assert_eq!(settings.outbound_policy.per_day, 12);
    assert_eq!(settings.organization.domains[1].as_str(), "b.example");
    assert_eq!(settings.own_directory.connectors.len(), 1);
    let error = parse(LEAST, &[("POSTERN__SMTP__SERVRE", "x:1")]).unwrap_err().to_string();
    assert_eq!(error, "POSTERN__SMTP__SERVRE: smtp.servre = \"x:1\": unknown key; did you mean server?");
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = "[organization]\ndomains = []\nadmins = [\"nobody\"]\n[portal]\nurl = \"x\"\n";
    let ConfigError::Invalid(problems) = parse(text, &[]).unwrap_err() else { panic!() };
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn the_file_to_start_from_is_valid() {
    let text = include_str!("../../../packaging/postern.toml");
    let settings = parse(text, &[]).unwrap();
    assert_eq!(settings.outbound_policy.limits(), OutboundPolicy::built_in().limits());
}

#[test]
fn a_part_that_was_left_out_is_refused_where_the_file_names_it() {
    let directory = |url: &str| format!("{LEAST}[[directory]]\nname = \"staff\"\nurl = \"{url}\"\n");
    let provider = format!("{LEAST}[single_sign_on]\nissuer = \"https://login.example.com\"\n");
    let parts = [
        (directory("mysql://127.0.0.1/mail"), built_with::MYSQL, "url", "mysql"),
        (directory("ldap://127.0.0.1"), built_with::LDAP, "url", "ldap"),
        (provider, built_with::SINGLE_SIGN_ON, "issuer", "single-sign-on"),
    ];
    for (text, built, key, feature) in parts {
        let ConfigError::Invalid(problems) = parse(&text, &[]).unwrap_err() else { panic!() };
        let told = problems.iter().any(|problem| {
            let problem = problem.to_string();
            problem.contains(key) && problem.contains(&format!("build it with the feature \"{feature}\""))
        });
        assert_eq!(told, !built, "{problems:?}");
    }
}
