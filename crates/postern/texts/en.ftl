### The portal's texts. A name stands here once, and is used somewhere: a test looks.

## Everywhere
skip-to-content = Skip to content
sign-out = Sign out
actions = Actions
remove = Remove
cancel = Cancel
field-problem = { $field } { $problem }

## Fields
field-address = Email address
field-password = Password
field-current-password = Current password
field-new-password = New password
field-code = Code
password-rules = At least 8 characters that nobody guesses. A few words do well.

## What went wrong
error-title = Problem
error-heading = That did not work
error-not-found-heading = Not found
error-forbidden-heading = Not allowed
error-conflict-heading = Not possible as things are
error-not-found = There is no such page.
error-other-site = This was sent from another site, so it was not done.
error-form = This page was open for too long, or belongs to another sign-in. Go back, reload it and try again.
error-unknown = Something is wrong on the server; the log says what. Try again in a moment.
error-home = To the start page

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
first-admin-heading = Make the first admin
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
own-app-about = A code from your phone is asked for after your password.
own-add-app = Add authenticator app
own-remove-app = Remove app
own-codes-left = { $count ->
    [0] No recovery code is left: make new ones.
    [one] One recovery code is left.
   *[other] { $count } recovery codes are left.
}
own-new-codes = New recovery codes
own-provider = Your organization's single sign-on says who you are. Password and second factor are kept there.
own-passkeys = Passkeys
own-passkeys-about = Sign in with your fingerprint, face or security key: nothing to type, nothing to phish.
own-passkeys-script = Passkeys take JavaScript.
own-passkey-name = Name
own-passkey-example = Work laptop
own-add-passkey = Add passkey
own-remove-passkey = Remove the passkey { $name }
own-since = Since
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
codes-about = Keep these where you find them without your phone. Each opens once, in place of a code. They are not shown again.
codes-kept = I have kept them

## Why am I restricted?
why-title = Why can't I send mail?
why-heading = You can't send mail now
why-restricted = { $entity } is restricted from sending mail. It still receives.
why-released-heading = You can send mail again
why-released = { $entity } may send again since
why-reason = Reason
why-since = Since
why-until = Until
why-until-admin = an admin ends it
why-reference = Reference
why-next = What to do next
why-next-password = If you did not send much mail, somebody else may be using your password. Change it from a device that you trust.
why-next-write = Tell your email admin, and name the reference. You can still write to
why-next-again = Messages that were refused have not been sent and are kept nowhere else. Send them again once you may.
