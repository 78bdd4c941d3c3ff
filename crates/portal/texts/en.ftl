### The portal's texts. A name stands here once, and is used somewhere: a test looks.

## Everywhere
skip-to-content = Skip to content
sign-out = Sign out
actions = Actions
remove = Remove
cancel = Cancel
open-page = Open as a page
field-problem = { $field } { $problem }

## Fields
field-address = Email address
field-password = Password
field-current-password = Current password
field-new-password = New password
field-code = Code
password-rules = At least 8 characters that are hard to guess. A few words work well.

## What went wrong
error-title = Problem
error-heading = Something went wrong
error-not-found-heading = Not found
error-forbidden-heading = Not allowed
error-conflict-heading = This can't be done now
error-not-found = There is no such page.
error-other-site = This was sent from another site, so it was not done.
error-form = This page was open for too long, or belongs to another sign-in. Go back, reload it and try again.
error-unknown = Something went wrong on the server. The log has the details. Try again in a moment.
error-home = Go to the overview

## Sign in
sign-in-title = Sign in
sign-in-heading = Sign in
sign-in = Sign in
sign-in-passkey = Sign in with a passkey
sign-in-with = Sign in with { $provider }
sign-in-again = Sign in again before you change how you sign in.
sign-in-nobody = Nobody can sign in yet. Open the link that Postern printed when it started, or make one on the server:
sign-in-nobody-domain = example.com
code-title = Code
code-heading = One more step
code-about = Type the code that your authenticator app shows now.
code-check = Sign in
code-lost = No device at hand? Type one of your recovery codes instead.
passkey-stale = This took too long. Try again.

## Sign up
sign-up-title = Welcome
sign-up-heading = Welcome to Postern
first-admin-title = First admin
first-admin-heading = Create the first admin
sign-up-role = Your role: { $role }. Choose the password that you will sign in with.
sign-up-done = Set password and sign in

## Your sign-in
own-title = Your sign-in
own-signed-in-by = You signed in by { $method }.
own-password = Password
own-change-password = Change password
own-app = Authenticator app
own-on = On
own-off = Off
own-app-about = After your password, you are asked for a code from your phone.
own-add-app = Add authenticator app
own-remove-app = Remove app
own-codes-left = { $count ->
    [0] No recovery codes are left. Create new ones.
    [one] One recovery code is left.
   *[other] { $count } recovery codes are left.
}
own-new-codes = New recovery codes
own-provider = You sign in through your organization's single sign-on. Your password and second factor are managed there.
own-passkeys = Passkeys
own-passkeys-about = Sign in with your fingerprint, face or security key: nothing to type, nothing to phish.
own-passkeys-script = Passkeys need JavaScript.
own-passkey-name = Name
own-passkey-example = Work laptop
own-add-passkey = Add passkey
own-remove-passkey = Remove the passkey { $name }
own-since = Added
own-last-used = Last used
own-never = never
own-sessions = Where you are signed in
own-browser = Browser
own-from = From
own-signed-in = Signed in
own-this-session = This one
own-end-session = Sign out

## Authenticator app
app-title = Add an authenticator app
app-scan = Scan this with the app.
app-qr = QR code that holds the secret below
app-type = Or type this secret:
app-confirm = Type the code that the app shows now.
codes-title = Recovery codes
codes-about = Store these somewhere other than your phone. Each works once, in place of a code. They are not shown again.
codes-kept = I have stored them

## Why am I restricted?
why-title = Why can't I send mail?
why-heading = You can't send mail now
why-restricted = { $entity } is restricted from sending mail. It can still receive mail.
why-released-heading = You can send mail again
why-released = { $entity } has been able to send mail again since
why-reason = Reason
why-since = Since
why-until = Until
why-until-admin = an admin releases it
why-reference = Reference
why-next = What to do next
why-next-password = If you have not just sent a lot of mail, someone else may know your password. Change it on a device that you trust.
why-next-write = Tell your email admin, and give the reference. You can still write to
why-next-again = Refused messages have not been sent, and no copy of them is stored. Send them again when you can send mail again.

## Menu and lists
menu = Pages
search = Search
show = Show
state = State
status = Status
sort = Sort by
select = Select
reason = Reason
role = Role
description = Description
comment = Comment
save = Save
close = Close
add = Add
change = Change
next = Next
previous = Previous
next-page = Next page
pages = Pages of this list
pages-summary = { $first } to { $last } of { $total }
nothing-found = Nothing found.
nobody = nobody
no-limit = No limit
export-csv = Export as CSV
back-to-list = Back to the list
col-entity = Entity
col-kind = Type
col-reason = Reason
col-since = Restricted since
col-until = Until
col-refused = Refused attempts
col-alert = Alert
col-severity = Severity
col-raised = Raised
col-when = When
col-login = Sign-in
col-recipients = Recipients
col-sender = Envelope sender
col-outcome = Outcome
col-window = Window
col-count = Now
col-limit = Limit
col-free-at = Free again
col-by = By
col-number = No.
col-country = Country
col-attempts = Attempts
col-last = Last
col-policy = Policy
col-of-limit = Count of limit
count-of-limit = { $count } of { $limit }

## Overview
overview-title = Overview
overview-restricted = restricted
overview-alerts = open alerts
overview-probation = on probation
overview-messages = messages since start
overview-nobody-asks = No mail server has connected yet. Configure yours with
overview-open-alerts = Open alerts
overview-today = Mail today
overview-chart = Recipients per hour today ({ $zone })
overview-nothing-today = Nothing has been sent yet.
overview-usual-later = The usual amount is shown once two whole days of data are available.
overview-busiest = Closest to their limits
overview-used = Used
overview-health = System health
health-no-questions = no requests yet
health-store = Store
health-outbox = Mails and webhooks
health-problem = has a problem
health-retrying = { $count } being tried again
health-given-up = { $count } given up
health-waiting = { $count } waiting
health-directory = Directory { $name }
health-accounts = { $count ->
    [one] one account
   *[other] { $count } accounts
}

## Restricted entities
restricted-title = Restricted entities
restricted-about = Accounts and connectors that can't send mail. They still receive mail.
restricted-empty = Nobody is restricted.
restricted-search-example = Address, reference or reason
kind-any = Any
kind-account = Mailbox
kind-connector = Connector
state-in-force = Restricted now
state-all = Include released
sort-newest = Newest first
sort-oldest = Oldest first
sort-refused = Most refused
select-one = Select { $entity }
unblock-one = Unblock { $entity }
unblock = Unblock
unblock-selected = Unblock selected
released = Released
until-admin = an admin releases it

## One entity
entity-title = Entity
entity-why = Why it is restricted
entity-attempts = The last attempts
entity-usage = Usage
entity-chart = Recipients per hour, the last 48 hours
entity-sent = In the last 48 hours: { $external } external and { $internal } internal recipients in { $messages ->
    [one] one message
   *[other] { $messages } messages
}. Refused: { $unknown } unknown recipients, and { $refused } because of a restriction.
entity-nothing-sent = It has sent nothing in the last 48 hours.
entity-origins = Where its mail comes from
entity-no-alerts = No alerts have been raised about it.
entity-no-audit = There are no audit entries about it.
chart-external = External
chart-internal = Internal
chart-refused = Refused
chart-unknown = Unknown recipients
chart-usual = Usual
chart-hour = Hour from
chart-table = Show as a table
chart-limit = Limit: { $limit } external recipients per hour
chart-limit-far = The limit of { $limit } external recipients per hour is far above this chart.
entity-policy = Policy in force
entity-policy-default = it applies to everyone to whom no other policy applies
entity-groups = in the groups { $groups }
entity-skipped = { $policy } does not apply: { $why }
entity-allowance = { $by } allowed more: { $reason }, until
entity-history = Restrictions and releases
entity-audit = Audit trail
entity-never = It has never been restricted.
not-in-directory = not in the directory
recipients-external = { $count }, { $external } of them external
release-reason = Reason for the release
free-now = now
standing-free = may send
standing-restricted = restricted
standing-probation = on probation

## Unblock
unblock-title = Unblock user
unblock-step-overview = Overview
unblock-step-reason = Reason
unblock-step-confirm = Confirm
unblock-details = Details
unblock-recommendations = Recommendations
unblock-recommendations-about = Somebody else may have been using this account. Before it sends again:
recommend-password = The password is changed, to one that is used nowhere else
recommend-mfa = Multi-factor authentication is on
recommend-rules = Forwarding and inbox rules that the owner did not create are removed
recommend-sessions = Every session and app password is revoked
recommend-quiet-label = Postern sees
recommend-not-yet = not safe yet
recommend-fine = quiet
recommend-still = The last attempt to send with it was { $ago } ago.
recommend-still-from = The last attempt to send with it was { $ago } ago, from { $address }.
recommend-quiet = The last attempt was { $ago } ago.
recommend-quiet-never = Nobody has tried to send with it since.
recommend-missing = You have not ticked:
reason-is = Reason: { $reason }
unblock-reason-heading = Why may it send again?
reason-hint = It is written to the audit trail and the history.
unblock-reason-missing = Say why: the next admin who looks at this will want to know.
unblock-probation = For { $duration } it will be on probation, with { $percent } % of its limits.
unblock-user = Unblock user
unblock-sure = Unblock now?
unblock-sure-about = These can send again immediately:
unblock-nobody = Select somebody who is restricted.
unblocked-title = Unblocked
unblocked-in-force = In force since
unblocked-on = On
unblocked-probation = On probation until
unblocked-again = Refused messages are not stored: they have to be sent again.
unblock-failed = Not unblocked:
undo = Undo: restrict again
undo-reason = The release was undone. The reason for it had been: { $reason }
undo-done = Restricted again: { $entities }.
unblock-done = { $entities } may send again.
yes = Yes
no = No

## Restrict
restrict-title = Restrict
restrict-about = It can no longer send mail. It can still receive mail and write to your helpdesk.
entity-hint = An account's address, or connector:NAME
restrict-hours = Hours
restrict-hours-hint = Leave empty: until an admin releases it.
restrict-done = { $entity } is restricted.

## Accounts
accounts-title = Accounts
accounts-about = What a sender has sent, which limits apply to it, and when it can send again.
accounts-find = Address, name or reference
accounts-example = ann@example.com
accounts-no-directory = Type a whole address. With a directory in the configuration, accounts are listed here.

## Outbound policies
policies-title = Outbound policies
policies-about = The first policy that applies to a sender is used.
policies-nobody-yet = nobody yet
policies-everyone-else = everyone else
policy-new-title = New policy
policy-title = Policy
policy-priority = Priority
policy-lowest = Lowest
policy-for = For
policy-external = External per hour
policy-internal = Internal per hour
policy-per-day = Per day
policy-messages-per-minute = Messages per minute
policy-messages-per-day = Messages per day
policy-recipients = Recipients per message
policy-first-time = First-time recipients per day
policy-unknown = Unknown recipients per hour
policy-warn = Warn at percent of a limit
policy-warn-off = 0: no warning
policy-built-in = 0: the service's default, { $limit }
policy-any-number = 0: no limit
policy-limits = Limits
policy-consequence = When a limit is reached
policy-action = Action
policy-mode = Mode
policy-notify = Notify these people if a sender is restricted
policy-copy-to = Send a copy of suspicious mail to
policy-copy-to-alias = Postfix adds one recipient at most, so several addresses need an alias: postern wiring postfix prints it, and the wiring check says whether Postfix has it.
policy-enabled = This policy is on
policy-default-about = It applies to everyone to whom no other policy applies. It can't be turned off or removed.
policy-users = These users
policy-groups = Members of these groups
policy-domains = These domains
policy-except-users = Not these users
policy-except-groups = Not members of these groups
policy-except-domains = Not these domains
policy-remove = Remove this policy
policy-remove-about = The next policy that applies to its senders takes effect immediately.
policy-up = Move { $name } up
policy-down = Move { $name } down
policy-saved = { $name } is saved and in force.
policy-removed = { $name } is removed.
mode-enforce = Enforce
mode-report-only = Report only
report-only = report only
preset-standard = Standard limits
preset-strict = Strict limits
action-alert-only = No action, alert only
action-defer = Defer until the limit allows it
action-until-next-day = Restrict until the following day
action-restrict = Restrict
scope-users = users { $list }
scope-groups = groups { $list }
scope-domains = domains { $list }
scope-except-users = not users { $list }
scope-except-groups = not groups { $list }
scope-except-domains = not domains { $list }
allowances-title = Allowances
allowances-empty = No allowances are in force.
allowance-per-day = Recipients per day
allowance-grant = Allow
allowance-end = End
allowance-granted = { $entity } can send more until the allowance ends.
allowance-ended = The allowance of { $entity } has ended.

## Alerts
alerts-title = Alerts
alerts-empty = No alerts.
alert-title = Alert
status-any = Any
alert-active = Active
alert-investigating = Investigating
alert-resolved = Resolved
alert-dismissed = Dismissed
alert-notified = Notifications
alert-notifications = { $delivered } delivered, { $waiting } waiting
alert-notes = What was done
alert-no-notes = Nobody has written anything yet.
alert-changed = Saved.

## Alert policies
alert-policies-title = Alert policies
alert-policies-about = Who is notified of what, and how often.
alert-policy-title = Alert policy
alert-policy-new = New alert policy
alert-policy-saved = { $name } is saved and in force.
alert-policy-removed = { $name } is removed.
alert-policy-remove-about = It will no longer notify anyone.
alert-policy-tested = Test
alert-policy-test-none = This policy notifies nobody: there is nothing to test.
alert-trigger = Raised by
alert-raised-by = Raised by: { $trigger }
alert-recipients = Email recipients
alert-recipients-hint = One per line. TenantAdmins stands for every admin.
alert-daily-limit = Daily notification limit
alert-daily-limit-hint = Empty or 0: no limit.
alert-webhooks = Webhooks
alert-webhook-asks = subscribed in the configuration
alert-inherited = As set in the configuration file.
alert-inherit = Recipients and limit as configured
alert-test = Send a test
alert-channel = Channel
alert-to = To
alert-answer = Answer
alert-taken = accepted
alert-failed = failed

## Audit
audit-title = Audit
audit-verify = Verify the chain
audit-whole = The chain is intact: { $entries } entries, none changed, none missing. Hash of the last one:
audit-broken = The chain is broken: { $why }
audit-from = From day (UTC)
audit-to = To day
audit-action = Action
audit-target = Target

## Settings
settings-title = Settings
powershell-title = PowerShell
powershell-download = Download the module
powershell-about = Exchange Online's cmdlets for this server, in Windows PowerShell 5.1 or PowerShell 7. Save the module, then paste these lines; the token is an API token of yours.
people-title = People
people-last = Last sign-in
people-change = Change { $address }
people-set-role = Set role
people-reset = Reset sign-in
people-enable = Enable
people-disable = Disable
person-invited = invited
person-active = active
person-disabled = disabled
person-changed = { $address } is changed.
invite = Invite
invite-title = Sign-up link
invite-link = Give this link to { $address }. It opens once.
secret-once = It is not shown again.
tokens-title = API tokens
tokens-empty = No API tokens.
token-title = API token
token-shown = The token { $name }:
token-days = Valid for (days)
token-make = Create a token
token-revoke = Revoke
token-revoke-one = Revoke the token { $name }
token-revoked = The token { $name } is revoked.
token-until-revoked = it is revoked
sessions-title = Sessions
session-ended = The session has ended.
organizations-title = Organizations
organization-admins = Admins
organization-zone = Time zone
status-title = System health
status-version = Version
status-since = Started
status-config = Configuration
status-door = Policy door
status-smtp = Outgoing mail via
status-server = Mail server
status-confirm = Confirmations
status-end = End of message
status-last = Last request
status-directory = Directory
status-read = Last read
status-well = OK

## What a policy would have done
preview = Preview effect
preview-wait = Looking through the mail of the last 7 days …
preview-title = Effect
preview-summary = { $count ->
    [0] With the mail of the last { $days } days, this policy would have acted on nobody.
    [one] With the mail of the last { $days } days, this policy would have acted on one entity.
   *[other] With the mail of the last { $days } days, this policy would have acted on { $count } entities.
}
preview-passed = { $count } { $window }, the limit is { $limit }
preview-now = Also with the limits of today
preview-more = … and { $count } more.
preview-about = Counted in steps of ten minutes, so what this finds would certainly have passed the limit; something close to it may be missed. Allowances in force now are taken into account, past ones and releases are not. It checks external and internal recipients per hour, recipients and messages per day, and unknown recipients per hour.

## Wiring check
check-title = Wiring check
check-about = The state of Postern and the configuration of your mail server: what postern doctor finds with the permissions of the user that Postern runs as.
check-again = Check again
check-lines = Lines for Postfix
check-lines-about = Add these to Postfix's main.cf so that it queries this Postern.
back-to-settings = Back to settings
level-ok = OK
level-info = good to know
level-warning = warning
level-error = error

## Organizations
organization-new = Add organization
organization-id = ID
organization-id-hint = Used in addresses and commands: lower-case letters, digits and hyphens. It can't be changed later.
organization-domains = Domains
organization-domains-hint = Accepted domains, the default one first.
organization-admins-hint = Who is notified of its alerts. If empty: postmaster of the first domain.
organization-helpdesk = Helpdesk
organization-helpdesk-hint = Addresses that its restricted accounts can still write to, in addition to postmaster.
organization-zone-hint = Where its days begin and end, such as Europe/Berlin.
organization-saved = { $name } is saved, and in force.
organization-removed = { $id } is removed.
organization-remove = Remove this organization
organization-remove-about = This also removes its policies, people and tokens. Its domains then belong to no organization.
organization-none = There is no organization { $id } that can be edited here.
organization-first = The first one is in the configuration file.

## Confirmations
confirm-revoke = Programs that use this token will be refused.
confirm-session = They have to sign in again.
confirm-person = They can't sign in any more. What they did stays in the audit trail.
confirm-allowance = The limits of its policy apply again.
