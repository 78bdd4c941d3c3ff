// Signing up, in and out: password, authenticator app, recovery code, passkey, without JavaScript.
import { assert, cli, look, profile, run, signIn, signUp, totp } from "../browser/lib.mjs";

const out = (page) => page.getByRole("button", { name: "Sign out" }).first();

/** One's own sign-in, once one is signed in. */
const own = async (page) => {
  await out(page).waitFor();
  await page.goto("/settings/sign-in");
};

await run({
  async "the first admin comes by the link that was printed"() {
    const page = await profile();
    await page.goto("/sign-in");
    await page.getByText("Nobody can sign in yet").waitFor();
    await look(page, "sign-in-nobody");
    await page.goto(process.env.FIRST_ADMIN_LINK);
    await page.getByLabel("Email address").fill("Root@Example.com");
    await page.getByLabel("Password").fill("password1");
    await page.getByRole("button", { name: "Set password and sign in" }).click();
    await page.getByRole("alert").getByText("too easy to guess").waitFor();
    await look(page, "first-admin");
    await page.getByLabel("Password").fill("a horse that nobody stapled");
    await page.getByRole("button", { name: "Set password and sign in" }).click();
    await page.getByText("root@example.com").first().waitFor();
    assert.equal(JSON.parse(cli("--json", "person"))[0].role, "organization-management");
    // It opens once.
    await page.goto(process.env.FIRST_ADMIN_LINK);
    await page.getByText("used already or has expired").waitFor();
    await look(page, "link-used");
  },

  async "password, and out again"() {
    const page = await signUp("alice@example.com", "security-reader");
    await page.goto("/settings/sign-in");
    await look(page, "own-sign-in");
    await out(page).click();
    await page.waitForURL("**/sign-in");
    await look(page, "sign-in");
    await signIn(page, "alice@example.com", "wrong");
    const wrong = await page.getByRole("alert").innerText();
    await look(page, "sign-in-wrong");
    await signIn(page, "nobody@example.com", "wrong");
    assert.equal(await page.getByRole("alert").innerText(), wrong, "nothing tells who has an account");
    await page.goto("/settings/sign-in?x=1");
    await page.waitForURL("**/sign-in?next=*");
    await page.getByLabel("Email address").fill("alice@example.com");
    await page.getByLabel("Password").fill("correct horse battery staple");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.waitForURL("**/settings/sign-in?x=1");
  },

  async "authenticator app and recovery code"() {
    const page = await signUp("bob@example.com", "security-administrator");
    await page.goto("/settings/sign-in");
    await page.getByRole("link", { name: "Add authenticator app" }).click();
    const secret = (await page.locator("code.spaced").innerText()).trim();
    await page.getByRole("textbox", { name: "Code" }).fill("000000");
    await page.getByRole("button", { name: "Add authenticator app" }).click();
    await page.getByRole("alert").getByText("is wrong").waitFor();
    await look(page, "new-app");
    assert.equal((await page.locator("code.spaced").innerText()).trim(), secret, "a mistyped code does not change it");
    // It stays good for another half minute at least: what follows takes less.
    const used = totp(secret);
    await page.getByRole("textbox", { name: "Code" }).fill(used);
    await page.getByRole("button", { name: "Add authenticator app" }).click();
    const codes = await page.locator(".codes code").allInnerTexts();
    assert.equal(codes.length, 10);
    await look(page, "recovery-codes");
    await page.getByRole("link", { name: "I have stored them" }).click();
    await page.getByText("10 recovery codes are left").waitFor();
    await out(page).click();

    await signIn(page, "bob@example.com");
    await page.getByRole("textbox", { name: "Code" }).fill(used);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("was used before").waitFor();
    await look(page, "code");
    // The next one, whether its time has come or not.
    await page.getByRole("textbox", { name: "Code" }).fill(totp(secret, 1));
    await page.getByRole("button", { name: "Sign in" }).click();
    await own(page);
    await page.getByText("You signed in by password and authenticator code").waitFor();
    await out(page).click();
    await signIn(page, "bob@example.com");
    await page.getByRole("textbox", { name: "Code" }).fill(codes[3].toUpperCase().replaceAll("-", " "));
    await page.getByRole("button", { name: "Sign in" }).click();
    await own(page);
    await page.getByText("9 recovery codes are left").waitFor();
    await page.getByRole("button", { name: "Remove app" }).click();
    await page.getByRole("link", { name: "Add authenticator app" }).waitFor();
  },

  async "a passkey"() {
    const page = await signUp("carol@example.com", "global-reader");
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true },
    });
    await own(page);
    await page.getByLabel("Name").fill("Work laptop");
    await page.getByRole("button", { name: "Add passkey" }).click();
    await page.getByRole("rowheader", { name: "Work laptop" }).waitFor();
    await look(page, "own-sign-in-passkey");
    await out(page).click();
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await own(page);
    await page.getByText("You signed in by passkey").waitFor();
    await page.getByRole("button", { name: "Remove the passkey Work laptop" }).click();
    await page.waitForFunction(() => !document.body.textContent.includes("Work laptop"));
    await out(page).click();
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.getByRole("alert").getByText("you may not sign in").waitFor();
  },

  async "sessions end when somebody says so"() {
    const here = await signUp("dave@example.com", "security-reader");
    const there = await profile({ userAgent: "Other browser" });
    await signIn(there, "dave@example.com");
    await out(there).waitFor();
    await own(here);
    const row = here.getByRole("row").filter({ hasText: "Other browser" });
    await look(here, "own-sign-in-sessions");
    await row.getByRole("button", { name: "Sign out" }).click();
    await row.waitFor({ state: "detached" });
    await there.reload();
    await there.waitForURL("**/sign-in?next=*");
    // An admin's word counts with the next click.
    cli("person", "disable", "dave@example.com");
    await here.reload();
    await here.waitForURL("**/sign-in?next=*");
    await signIn(here, "dave@example.com");
    await here.getByRole("alert").getByText("you may not sign in").waitFor();
    cli("person", "enable", "dave@example.com");
    await signIn(here, "dave@example.com");
    await out(here).waitFor();
  },

  async "a lost password is set anew by a link"() {
    const page = await signUp("erin@example.com", "security-reader");
    const link = cli("person", "reset", "erin@example.com");
    const other = await profile();
    await other.goto(link);
    await other.getByLabel("Password").fill("another set of words entirely");
    await other.getByRole("button", { name: "Set password and sign in" }).click();
    await out(other).waitFor();
    await page.reload();
    await page.waitForURL("**/sign-in?next=*");
    await own(other);
    await other.getByLabel("Current password").fill("not this");
    await other.getByLabel("New password").fill("yet another set of words");
    await other.getByRole("button", { name: "Change password" }).click();
    await other.getByRole("alert").getByText("Current password is wrong").waitFor();
    await other.getByLabel("Current password").fill("another set of words entirely");
    await other.getByLabel("New password").fill("yet another set of words");
    await other.getByRole("button", { name: "Change password" }).click();
    await other.getByRole("alert").waitFor({ state: "detached" });
    await signIn(page, "erin@example.com", "yet another set of words");
    await out(page).waitFor();
  },

  async "without JavaScript"() {
    const page = await profile({ javaScriptEnabled: false });
    await signIn(page, "alice@example.com");
    await own(page);
    await page.getByText("Passkeys need JavaScript").waitFor();
    assert.equal(await page.getByRole("button", { name: "Add passkey" }).count(), 0);
    await out(page).click();
    await page.waitForURL("**/sign-in");
    assert.equal(await page.getByRole("button", { name: "Sign in with a passkey" }).count(), 0);
  },

  async "guessing is answered ever later"() {
    const page = await profile();
    const wait = page.getByRole("alert").getByText("Too many attempts have failed. Try again in");
    // The first wait is 1 s, which a slow machine takes for a guess by itself; each further guess doubles it.
    for (let n = 0; n < 12 && !(await wait.isVisible()); n++) {
      await signIn(page, "alice@example.com", `guess ${n}`);
      await page.getByRole("alert").waitFor();
    }
    await wait.waitFor();
    await look(page, "sign-in-wait");
    const audit = JSON.parse(cli("--json", "audit", "--limit", "10"));
    assert.ok(audit.some((entry) => entry.action === "person.sign-in-failed" && entry.target === "alice@example.com"));
  },
});
