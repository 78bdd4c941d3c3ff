//! Why a cmdlet failed, in Exchange's words where it has some.

use axum::http::StatusCode;

use postern_services::service::ServiceError;

/// Why a cmdlet failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CmdletError {
    /// The HTTP status.
    pub status: u16,
    /// Exchange's error code.
    pub code: &'static str,
    /// Exchange's exception for this error.
    pub exception: &'static str,
    /// What happened, for people to read.
    pub message: String,
    /// The parameter or the identity at fault.
    pub target: String,
}

const BINDING: &str = "System.Management.Automation.ParameterBindingException";
const MISSING: &str = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException";
const DENIED: &str = "Microsoft.Exchange.Management.Tasks.CmdletAccessDeniedException";
const UNKNOWN: &str = "System.Management.Automation.CommandNotFoundException";
const TASK: &str = "Microsoft.Exchange.Configuration.Tasks.TaskException";
const EXISTS: &str = "Microsoft.Exchange.Data.Directory.ADObjectAlreadyExistsException";

/// The parameter for one of our settings.
fn parameter_of(field: &str) -> &str {
    match field {
        "users" => "From",
        "groups" => "FromMemberOf",
        "domains" => "SenderDomainIs",
        "except_users" => "ExceptIfFrom",
        "except_groups" => "ExceptIfFromMemberOf",
        "except_domains" => "ExceptIfSenderDomainIs",
        "rule_name" | "name" => "Name",
        "rule_comments" => "Comments",
        "notify" => "NotifyOutboundSpamRecipients",
        "copy_to" => "BccSuspiciousOutboundAdditionalRecipients",
        "recipients" => "NotifyUser",
        "entity" => "Identity",
        "reason" => "Reason",
        "description" => "AdminDisplayName",
        other => other,
    }
}

impl CmdletError {
    fn new(status: StatusCode, code: &'static str, exception: &'static str, message: String, target: &str) -> Self {
        Self { status: status.as_u16(), code, exception, message, target: target.to_owned() }
    }

    /// There is no token, or it is not valid.
    pub fn unauthorized() -> Self {
        let message = "The token is missing, unknown, revoked or expired; create one with postern token add.".into();
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", DENIED, message, "Authorization")
    }

    /// A parameter is not valid.
    pub fn parameter(name: &str, message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", BINDING, message, name)
    }

    /// A parameter's value is not valid.
    pub fn value(name: &str, value: &str, type_name: &str) -> Self {
        let message = format!(
            "Cannot process argument transformation on parameter '{name}'. Cannot convert value \"{value}\" to type \
             \"{type_name}\"."
        );
        Self::parameter(name, message)
    }

    /// The cmdlet does not exist.
    pub fn unknown(name: &str) -> Self {
        let message = format!(
            "The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program. \
             Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
        );
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", UNKNOWN, message, name)
    }

    /// The address names an API version that does not exist.
    pub fn no_version(version: &str, message: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", MISSING, message, version)
    }

    /// The tenant has no such object.
    pub fn missing(identity: &str, tenant: &str) -> Self {
        let message =
            format!("The operation couldn't be performed because object '{identity}' couldn't be found on '{tenant}'.");
        Self::new(StatusCode::NOT_FOUND, "NotFound", MISSING, message, identity)
    }

    /// The role does not permit the cmdlet.
    pub fn denied(cmdlet: &str, takes: &str) -> Self {
        let message = format!(
            "You don't have sufficient permissions to run '{cmdlet}'. This operation can only be performed with {takes}."
        );
        Self::new(StatusCode::FORBIDDEN, "Forbidden", DENIED, message, cmdlet)
    }

    /// The current state does not permit this.
    pub fn task(target: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", TASK, message.into(), target)
    }

    /// An object with this name exists already.
    pub fn exists(name: &str) -> Self {
        Self::already(name, format!("The object '{name}' already exists."))
    }

    /// The requested state is in force already.
    pub fn already(target: &str, message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ObjectAlreadyExists", EXISTS, message, target)
    }

    /// A service refused the request about `identity`.
    pub fn services(error: &ServiceError, cmdlet: &str, identity: &str, tenant: &str) -> Self {
        match error {
            ServiceError::Forbidden { takes, .. } => Self::denied(cmdlet, takes),
            ServiceError::NotFound(_) => Self::missing(identity, tenant),
            ServiceError::Conflict(_) | ServiceError::Changed(_) => Self::task(identity, error.to_string()),
            ServiceError::Invalid { field, problem } => {
                let name = parameter_of(field);
                Self::parameter(name, format!("{name}: {problem}"))
            }
            ServiceError::Busy(_) | ServiceError::Vault(_) | ServiceError::Store(_) | ServiceError::Ledger(_) => {
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "ServiceUnavailable",
                    "Microsoft.Exchange.Data.Directory.ADTransientException",
                    error.to_string(),
                    identity,
                )
            }
        }
    }
}
