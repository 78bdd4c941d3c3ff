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
